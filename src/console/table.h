// SPDX-License-Identifier: Apache-2.0
// Columns of text, aligned for people: `recap ps`, `recap targets`, `recap doctor`.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace recap::console {

class Table {
 public:
  explicit Table(std::initializer_list<std::string_view> headings);

  // One row; cells may hold anything, they are made printable here. Missing cells are empty.
  void row(std::vector<std::string> cells);

  // The headings and all rows, each line ended by a line feed, without blanks before it.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace recap::console
