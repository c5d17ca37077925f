// SPDX-License-Identifier: Apache-2.0
// One verb's arguments. The flags and operands that a verb may bind are those its manual lists.
//
//   Command command(program, "ps");
//   command.bind("--all", all).bind("--output", output);
//   if (const auto done = command.parse(args)) {
//     return *done;
//   }
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "console/flag_parser.h"
#include "console/manual.h"

namespace recap::console {

class Command {
 public:
  Command(const Program& program, std::string_view verb);

  // `long_name` is one of the manual's ("--output"). A switch sets a bool; of a value that is given
  // twice the last one counts.
  Command& bind(std::string_view long_name, bool& value);
  Command& bind(std::string_view long_name, std::string& value);

  // The manual's operands, in its order. One that may be repeated comes last.
  Command& operand(std::string& value);
  Command& operands(std::vector<std::string>& values);

  // Nothing: go on. 0: help was asked for and printed. 125: the arguments are wrong and the reason
  // is on stderr.
  std::optional<int> parse(std::span<char*> args);

 private:
  struct Bound {
    std::string_view long_name;
    std::variant<bool*, std::string*> value;
  };

  // What is wrong, or nothing.
  std::string apply(const ParsedWords& parsed);
  std::string apply_flag(const GivenFlag& given);
  std::string apply_operands(std::span<const std::string_view> words);

  const Program& program_;
  std::string_view verb_;
  const Manual* manual_;
  std::vector<Bound> bound_;
  std::vector<std::string*> operands_;
  std::vector<std::string>* last_operands_ = nullptr;
  bool help_ = false;
};

}  // namespace recap::console
