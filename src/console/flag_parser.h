// SPDX-License-Identifier: Apache-2.0
// Splits a command line into flags and words, by the manual's table of flags. `recap run` uses it
// instead of CLI11, whose streams and option objects would cost a quarter of the time that run has
// until its keeper starts (SPEC.md, 9).
//
// "--name value", "--name=value", "-n value", "-nvalue", "-itd"; flags and words may be mixed; all
// behind "--" are words of somebody else.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "console/manual.h"

namespace recap::console {

struct GivenFlag {
  std::string_view name;   // the long name, "--memory"
  std::string_view value;  // empty for a switch
};

struct ParsedWords {
  std::vector<GivenFlag> flags;         // in their order
  std::vector<std::string_view> words;  // before "--"
  std::vector<std::string_view> rest;   // behind it
  bool has_rest = false;                // there was a "--"
};

// Whether `name` is the flag's short ("-o") or long ("--output") name.
bool has_name(const Flag& flag, std::string_view name);

// kInvalid for a flag that is in none of the tables, then with `advice` at the end, and for a
// missing or needless value.
base::Result<ParsedWords> parse_words(std::span<char*> args,
                                      std::initializer_list<std::span<const Flag>> tables,
                                      std::string_view advice = {});

}  // namespace recap::console
