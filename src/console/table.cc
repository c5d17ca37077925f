// SPDX-License-Identifier: Apache-2.0
// A column is as wide as its widest cell, plus three blanks (as Docker's and kubectl's tables are).
#include "console/table.h"

#include <algorithm>
#include <cstddef>

#include "console/escape.h"

namespace recap::console {
namespace {

constexpr std::size_t kGap = 3;
constexpr std::size_t kWidestCell = 120;  // a name of 1 MiB must not push the rest off the screen

}  // namespace

Table::Table(std::initializer_list<std::string_view> headings) {
  rows_.emplace_back(headings.begin(), headings.end());
}

void Table::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    cell = printable(cell, kWidestCell);
  }
  cells.resize(rows_.front().size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& cells : rows_) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], columns_of(cells[i]));
    }
  }
  std::string out;
  for (const auto& cells : rows_) {
    std::size_t blanks = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (!cells[i].empty()) {
        out.append(blanks, ' ');
        blanks = 0;
      }
      out += cells[i];
      blanks += widths[i] - columns_of(cells[i]) + kGap;
    }
    out += '\n';
  }
  return out;
}

}  // namespace recap::console
