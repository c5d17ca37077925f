// SPDX-License-Identifier: Apache-2.0
// Walks over the words typed so far, as the verb's parser will, and looks at what comes next.
#include <algorithm>

#include "console/completion.h"

namespace recap::console {
namespace {

std::string_view long_name_of(const Flag& flag) {
  const std::size_t comma = flag.names.find(',');
  return comma == std::string_view::npos ? flag.names : flag.names.substr(comma + 1);
}

char short_name_of(const Flag& flag) { return flag.names.find(',') == 2 ? flag.names[1] : '\0'; }

const Flag* flag_in(std::span<const Flag> flags, std::string_view word) {
  for (const Flag& flag : flags) {
    // "-it" is -i and -t: only the last one can take a value.
    const bool fits =
        word.starts_with("--") ? word == long_name_of(flag) : word.back() == short_name_of(flag);
    if (fits) {
      return &flag;
    }
  }
  return nullptr;
}

const Flag* find_flag(const Program& program, const Manual& manual, std::string_view word) {
  if (word.size() < 2 || word[0] != '-') {
    return nullptr;
  }
  const Flag* own = flag_in(manual.flags, word);
  return own != nullptr ? own : flag_in(program.common_flags, word);
}

bool takes_value(const Flag* flag) { return flag != nullptr && !flag->value.empty(); }

void add_choices(Expected& expected, std::string_view choices, std::string_view before) {
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find(' '), choices.size());
    expected.fixed.push_back({std::string(before).append(choices.substr(0, end)), ""});
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
}

void add_flags(Expected& expected, const Program& program, const Manual& manual) {
  for (const auto flags : {manual.flags, program.common_flags}) {
    for (const Flag& flag : flags) {
      expected.fixed.push_back({std::string(long_name_of(flag)), std::string(flag.help)});
    }
  }
}

Expected first_word(const Program& program) {
  Expected expected;
  for (const Manual& manual : program.verbs) {
    expected.fixed.push_back({std::string(manual.verb), std::string(manual.summary)});
  }
  expected.fixed.push_back({"--help", "show examples and all verbs"});
  expected.fixed.push_back({"--version", "show the version"});
  return expected;
}

// The operand that is being typed, and whether what is typed is the function's own already.
struct Place {
  std::size_t operands = 0;
  const Flag* value_of = nullptr;
  bool foreign = false;
};

Place walk(const Program& program, const Manual& manual, std::span<const std::string_view> before) {
  Place place;
  for (const std::string_view word : before) {
    if (place.value_of != nullptr) {
      place.value_of = nullptr;
    } else if (word == "--") {
      place.foreign = true;
      break;
    } else if (const Flag* flag = find_flag(program, manual, word); takes_value(flag)) {
      place.value_of = flag;
    } else if (!word.starts_with('-') || word == "-") {
      ++place.operands;
    }
  }
  return place;
}

void add_operand(Expected& expected, const Program& program, const Manual& manual,
                 std::size_t index) {
  if (manual.operands.empty()) {
    return;
  }
  const Operand* operand = &manual.operands.back();
  if (index < manual.operands.size()) {
    operand = &manual.operands[index];
  } else if (!operand->many) {
    return;
  }
  expected.words = operand->words;
  if (operand->words == Words::kVerb) {
    expected.fixed = first_word(program).fixed;
  }
  add_choices(expected, operand->choices, "");
}

}  // namespace

Expected expected_at(const Program& program, std::span<const std::string_view> words) {
  while (words.size() > 2 && words[0].starts_with('-') &&
         takes_value(flag_in(program.common_flags, words[0]))) {
    words = words.subspan(2);
  }
  if (words.size() < 2) {
    return first_word(program);
  }
  Expected expected;
  expected.verb = words[0];
  const Manual* manual = find_manual(program, words[0]);
  if (manual == nullptr) {
    return expected;
  }
  const std::string_view now = words.back();
  const Place place = walk(program, *manual, words.subspan(1, words.size() - 2));
  const std::size_t equals = now.starts_with("--") ? now.find('=') : std::string_view::npos;
  if (place.foreign) {
    return expected;
  }
  if (place.value_of != nullptr) {
    expected.words = place.value_of->words;
    add_choices(expected, place.value_of->choices, "");
  } else if (equals != std::string_view::npos) {
    if (const Flag* flag = find_flag(program, *manual, now.substr(0, equals))) {
      add_choices(expected, flag->choices, now.substr(0, equals + 1));
    }
  } else if (now.starts_with('-')) {
    add_flags(expected, program, *manual);
  } else {
    add_operand(expected, program, *manual, place.operands);
  }
  return expected;
}

bool is_harmless(std::string_view word) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._/:@+=-").find(c) != std::string_view::npos;
  };
  return !word.empty() && word.size() <= 256 && std::ranges::all_of(word, harmless);
}

}  // namespace recap::console
