// SPDX-License-Identifier: Apache-2.0
#include "cli/suggestion.h"

#include <algorithm>
#include <array>
#include <utility>

namespace recap::cli {
namespace {

constexpr std::size_t kLongest = 32;

// How many letters have to be added, left out or replaced (Levenshtein); `to` has at most kLongest.
std::size_t distance(std::string_view from, std::string_view to) {
  std::array<std::size_t, kLongest + 1> row{};
  for (std::size_t j = 0; j <= to.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[to.size()];
}

std::size_t letters_in(std::string_view word) {
  return word.size() - static_cast<std::size_t>(std::ranges::count(word, '-'));
}

}  // namespace

Suggestion::Suggestion(std::string_view typed)
    : typed_(typed), distance_(std::min<std::size_t>(2, letters_in(typed) / 2) + 1) {}

void Suggestion::consider(std::string_view known) {
  if (typed_.size() > kLongest || known.size() > kLongest) {
    return;
  }
  if (const std::size_t found = distance(typed_, known); found < distance_) {
    distance_ = found;
    best_ = known;
  }
}

std::string Suggestion::text() const {
  return best_.empty() ? "" : "; did you mean " + std::string(best_) + "?";
}

}  // namespace recap::cli
