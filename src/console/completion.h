// SPDX-License-Identifier: Apache-2.0
// Shell completion: what a program's manual says that may stand where somebody is typing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "console/manual.h"

namespace recap::console {

struct Candidate {
  std::string word;
  std::string about;
};

// What can stand where the last of `words` is being typed.
struct Expected {
  std::vector<Candidate> fixed;   // verbs, flags, choices
  Words words = Words::kNothing;  // what to look up besides
  std::string_view verb;          // empty: none was typed yet
};

// `words` are those after the program's name; the last one is being typed and may be empty.
Expected expected_at(const Program& program, std::span<const std::string_view> words);

// Whether `word` may be offered: a shell puts it into the command line as it is, so a container
// named "$(reboot)" must not be.
bool is_harmless(std::string_view word);

}  // namespace recap::console
