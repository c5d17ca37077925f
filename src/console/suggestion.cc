// SPDX-License-Identifier: Apache-2.0
#include "console/suggestion.h"

#include <algorithm>
#include <array>

namespace recap::console {
namespace {

constexpr std::size_t kLongest = 32;

// How many letters have to be added, left out, replaced or swapped with the next one. Neither word
// is longer than kLongest.
std::size_t distance(std::string_view from, std::string_view to) {
  std::array<std::array<std::size_t, kLongest + 1>, kLongest + 1> table{};
  for (std::size_t i = 0; i <= from.size(); ++i) {
    for (std::size_t j = 0; j <= to.size(); ++j) {
      if (i == 0 || j == 0) {
        table[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = table[i - 1][j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[from.size()][to.size()];
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

}  // namespace recap::console
