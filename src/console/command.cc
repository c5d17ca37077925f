// SPDX-License-Identifier: Apache-2.0
#include "console/command.h"

#include <algorithm>
#include <cstddef>

#include "console/escape.h"
#include "console/output.h"

namespace recap::console {
namespace {

constexpr std::size_t kShownColumns = 100;  // of a word that somebody typed

bool is_choice(std::string_view choices, std::string_view word) {
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find(' '), choices.size());
    if (choices.substr(0, end) == word) {
      return true;
    }
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

std::string_view choices_of(const Manual& manual, std::string_view long_name) {
  for (const Flag& flag : manual.flags) {
    if (flag.names.ends_with(long_name)) {
      return flag.choices;
    }
  }
  return "";
}

}  // namespace

Command::Command(const Program& program, std::string_view verb)
    : program_(program), verb_(verb), manual_(find_manual(program, verb)) {
  bind("--help", help_);
}

Command& Command::bind(std::string_view long_name, bool& value) {
  bound_.push_back({long_name, &value});
  return *this;
}

Command& Command::bind(std::string_view long_name, std::string& value) {
  bound_.push_back({long_name, &value});
  return *this;
}

Command& Command::operand(std::string& value) {
  operands_.push_back(&value);
  return *this;
}

Command& Command::operands(std::vector<std::string>& values) {
  last_operands_ = &values;
  return *this;
}

std::string Command::apply_flag(const GivenFlag& given) {
  const auto bound = std::ranges::find(bound_, given.name, &Bound::long_name);
  if (bound == bound_.end()) {
    return "nothing reads " + std::string(given.name);  // a bug; the unit test finds it
  }
  if (bool* const* flag = std::get_if<bool*>(&bound->value)) {
    **flag = true;
    return "";
  }
  const std::string_view choices = choices_of(*manual_, given.name);
  if (!choices.empty() && !is_choice(choices, given.value)) {
    return std::string(given.name) + " is one of: " + std::string(choices);
  }
  if (given.value.empty()) {
    return std::string(given.name) + " needs a value";
  }
  *std::get<std::string*>(bound->value) = given.value;
  return "";
}

std::string Command::apply_operands(std::span<const std::string_view> words) {
  std::size_t used = 0;
  for (std::string* operand : operands_) {
    if (used < words.size()) {
      *operand = words[used++];
    }
  }
  if (last_operands_ != nullptr) {
    last_operands_->assign(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
    used = words.size();
  }
  if (used < words.size()) {
    return "unexpected word " + printable(words[used], kShownColumns);
  }
  for (std::size_t i = used; i < manual_->operands.size(); ++i) {
    const Operand& operand = manual_->operands[i];
    const bool given = operand.many && last_operands_ != nullptr && !last_operands_->empty();
    if (!operand.optional && !given) {
      return std::string(operand.name) + " is missing";
    }
  }
  return "";
}

std::string Command::apply(const ParsedWords& parsed) {
  std::string wrong;
  for (const GivenFlag& given : parsed.flags) {
    if (std::string found = apply_flag(given); wrong.empty()) {
      wrong = std::move(found);
    }
  }
  if (wrong.empty() && !help_) {
    std::vector<std::string_view> words = parsed.words;
    words.insert(words.end(), parsed.rest.begin(), parsed.rest.end());
    wrong = apply_operands(words);
  }
  return wrong;
}

std::optional<int> Command::parse(std::span<char*> args) {
  const auto parsed = parse_words(args, {manual_->flags, program_.common_flags});
  const std::string wrong = parsed ? apply(*parsed) : std::string(parsed.error().message());
  if (help_) {
    Output out;
    out << help_of(program_, *manual_);
    return out.finish(verb_);
  }
  if (!wrong.empty()) {
    complain(verb_, wrong + " (see `" + std::string(program_.name) + " " + std::string(verb_) +
                        " --help`)");
    return kExitOurs;
  }
  return std::nullopt;
}

}  // namespace recap::console
