// SPDX-License-Identifier: Apache-2.0
// Shell completion. The scripts that shells load are a few lines: they call `recap __complete` with
// the words typed so far, and the answer is made here from the manual's table and from what there
// is on this host. A line of the answer is "WORD\tDESCRIPTION", or ":file" or ":directory".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/manual.h"

namespace recap::cli {

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

// `words` are those after "recap"; the last one is being typed and may be empty.
Expected expected_at(std::span<const std::string_view> words);

// Whether `word` may be offered: a shell puts it into the command line as it is, so a container
// named "$(reboot)" must not be.
bool is_harmless(std::string_view word);

}  // namespace recap::cli
