// SPDX-License-Identifier: Apache-2.0
#include "caplet/continuous.h"

#include <algorithm>

namespace recap::caplet {

bool Continuous::is_due(const ContinuousState& state, Uptime now, bool is_active) const {
  return !suspended_ && !is_active && !state.finished &&
         (!state.not_before || now >= *state.not_before);
}

std::optional<Uptime> Continuous::wake(const ContinuousState& state, bool is_active) const {
  return suspended_ || is_active || state.finished ? std::nullopt : state.not_before;
}

void Continuous::ended(ContinuousState& state, Uptime now, bool succeeded) const {
  if (succeeded && spec_.only_on_failure) {
    state.finished = true;
    return;
  }
  const seconds first(spec_.backoff_s);
  const seconds longest(spec_.max_backoff_s);
  const bool went_well = state.last_start && now - *state.last_start >= 2 * longest;
  state.backoff =
      went_well || state.backoff == seconds(0) ? first : std::min(state.backoff * 2, longest);
  state.not_before = now + state.backoff;
}

}  // namespace recap::caplet
