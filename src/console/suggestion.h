// SPDX-License-Identifier: Apache-2.0
// What somebody may have meant who mistyped a word.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace recap::console {

class Suggestion {
 public:
  explicit Suggestion(std::string_view typed);

  void consider(std::string_view known);
  // "; did you mean KNOWN?", or "" when nothing known comes near.
  [[nodiscard]] std::string text() const;

 private:
  std::string_view typed_, best_;
  std::size_t distance_;  // a word that is farther than that is another one
};

}  // namespace recap::console
