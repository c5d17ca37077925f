// SPDX-License-Identifier: Apache-2.0
// Which run somebody means. People type the first characters of an id, or the name they gave.
#include <algorithm>

#include "base/fixed_string.h"
#include "capsule/runs.h"

namespace recap::capsule {
namespace {

using base::Error;
using base::Kind;
using base::Result;

constexpr std::size_t kShownReference = 60;
constexpr std::size_t kShownCandidates = 8;

Error ambiguous(const std::vector<Run>& runs, const std::vector<std::size_t>& matches,
                std::string_view reference) {
  base::FixedString<400> text;
  text.append(reference.substr(0, kShownReference)).append(" is ambiguous, it may be ");
  for (std::size_t i = 0; i < matches.size() && i < kShownCandidates; ++i) {
    const Run& run = runs[matches[i]];
    text.append(i == 0 ? "" : ", ").append(run.id);
    if (run.name() != run.id) {
      text.append(" (").append(run.name().substr(0, 24)).append(")");
    }
  }
  if (matches.size() > kShownCandidates) {
    text.append(" or ").append(matches.size() - kShownCandidates).append(" more");
  }
  return {Kind::kInvalid, text.view()};
}

template <typename Fits>
std::vector<std::size_t> all_that(const std::vector<Run>& runs, Fits fits) {
  std::vector<std::size_t> matches;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (fits(runs[i])) {
      matches.push_back(i);
    }
  }
  return matches;
}

// Live runs, where there are any, hide ended ones: nobody means last week's when it runs now.
void prefer_live(const std::vector<Run>& runs, std::vector<std::size_t>& matches) {
  const auto ended = [&](std::size_t i) { return runs[i].life == Life::kEnded; };
  if (!std::ranges::all_of(matches, ended)) {
    std::erase_if(matches, ended);
  }
}

}  // namespace

Result<std::size_t> choose(const std::vector<Run>& runs, std::string_view reference) {
  if (reference.empty()) {
    return Error(Kind::kInvalid, "the name of a run is empty");
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].id == reference) {
      return i;
    }
  }
  auto matches = all_that(runs, [&](const Run& run) { return run.name() == reference; });
  prefer_live(runs, matches);
  if (!matches.empty() && runs[matches.back()].life == Life::kEnded) {
    return matches.back();  // of ended runs with one name, the last
  }
  if (matches.empty()) {
    matches = all_that(runs, [&](const Run& run) {
      return run.id.starts_with(reference) || run.name().starts_with(reference);
    });
    prefer_live(runs, matches);
  }
  if (matches.empty()) {
    return Error(Kind::kNotFound,
                 base::concat<200>("there is no run ", reference.substr(0, kShownReference),
                                   "; `recap ps -a` lists them"));
  }
  if (matches.size() > 1) {
    return ambiguous(runs, matches, reference);
  }
  return matches.front();
}

Result<Run> find_run(const Dirs& dirs, std::string_view reference, Among among) {
  // Live ones first: a run that ends meanwhile is then in both lists, and never in none.
  auto runs = RECAP_TRY(list_live(dirs));
  const std::size_t live = runs.size();
  if (among == Among::kAll) {
    for (Run& ended : RECAP_TRY(list_ended(dirs))) {
      const auto first = runs.begin();
      const auto last = first + static_cast<std::ptrdiff_t>(live);
      if (std::none_of(first, last, [&](const Run& run) { return run.id == ended.id; })) {
        runs.push_back(std::move(ended));
      }
    }
  }
  auto at = choose(runs, reference);
  if (!at && at.error().kind() == Kind::kNotFound && among == Among::kLive) {
    const auto ended = RECAP_TRY(list_ended(dirs));
    if (choose(ended, reference)) {
      return Error(Kind::kGone, base::concat<200>("the run ", reference.substr(0, kShownReference),
                                                  " has ended; `recap inspect` shows its record"));
    }
  }
  return std::move(runs[RECAP_TRY(std::move(at))]);
}

}  // namespace recap::capsule
