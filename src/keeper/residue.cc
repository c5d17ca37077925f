// SPDX-License-Identifier: Apache-2.0
// What the record says of an Escape that is not clean.
#include <algorithm>

#include "keeper/active_run.h"

namespace recap::keeper {

void ActiveRun::add_residue(std::string_view what, std::string_view detail) {
  if (record.residue_count == run::kMaxResidue) {
    constexpr std::size_t kLast = run::kMaxResidue - 1;
    residue_unlisted += residue_unlisted == 0 ? 2 : 1;  // the first time, also what stood there
    residue_text[kLast] =
        base::concat<run::kMaxResidueBytes>(residue_unlisted, " more of any kind");
    record.residue[kLast] = {.what = what, .detail = residue_text[kLast]};
    return;
  }
  auto& text = residue_text[record.residue_count];
  text = base::FixedString<run::kMaxResidueBytes>(detail);
  record.residue[record.residue_count++] = {.what = what, .detail = text};
}

void ActiveRun::add_named_residue(std::string_view whole) {
  std::string_view text = whole;
  const std::size_t colon = std::min(text.find(": "), text.size());
  const std::string_view what(text.data(), colon);
  text.remove_prefix(std::min(colon + 2, text.size()));
  for (const std::string_view known : {"ipc", "stopped", "network", "unverified"}) {
    if (what == known) {
      return add_residue(known, text);
    }
  }
  add_residue("unverified", whole);
}

void ActiveRun::say(std::string_view message) {
  message_text.append(message_text.empty() ? "" : "; ").append(message);
  record.message = message_text;
}

}  // namespace recap::keeper
