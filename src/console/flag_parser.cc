// SPDX-License-Identifier: Apache-2.0
// A cursor over the words; each kind of word has its own function.
#include "console/flag_parser.h"

#include <cstddef>

#include "console/suggestion.h"

namespace recap::console {
namespace {

using Tables = std::initializer_list<std::span<const Flag>>;

std::string_view long_name(const Flag& flag) {
  const std::size_t comma = flag.names.find(',');
  return comma == std::string_view::npos ? flag.names : flag.names.substr(comma + 1);
}

class Parser {
 public:
  Parser(std::span<char*> args, Tables tables, std::string_view advice)
      : args_(args), tables_(tables), advice_(advice) {}

  base::Result<ParsedWords> parse() {
    while (at_ < args_.size()) {
      const std::string_view word = args_[at_++];
      if (word == "--") {
        parsed_.has_rest = true;
        parsed_.rest.assign(args_.begin() + static_cast<std::ptrdiff_t>(at_), args_.end());
        break;
      }
      if (word.starts_with("--")) {
        RECAP_TRY(long_flag(word));
      } else if (word.size() > 1 && word[0] == '-') {
        RECAP_TRY(short_flags(word));
      } else {
        parsed_.words.push_back(word);
      }
    }
    return std::move(parsed_);
  }

 private:
  base::Result<const Flag*> find(std::string_view name) const {
    Suggestion suggestion(name);
    for (const std::span<const Flag> table : tables_) {
      for (const Flag& flag : table) {
        if (has_name(flag, name)) {
          return &flag;
        }
        suggestion.consider(long_name(flag));
      }
    }
    return base::Error(base::Kind::kInvalid, base::concat<300>("unknown flag ", name.substr(0, 100),
                                                               suggestion.text(), advice_));
  }

  base::Status take_value(const Flag& flag, std::string_view name) {
    if (at_ == args_.size()) {
      return base::Error(base::Kind::kInvalid,
                         base::concat<300>(name, " needs a value: ", flag.value));
    }
    parsed_.flags.push_back({long_name(flag), args_[at_++]});
    return {};
  }

  base::Status long_flag(std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const Flag& flag = *RECAP_TRY(find(name));
    if (equals == std::string_view::npos) {
      if (!flag.value.empty()) {
        return take_value(flag, name);
      }
      parsed_.flags.push_back({long_name(flag), {}});
      return {};
    }
    if (flag.value.empty()) {
      return base::Error(base::Kind::kInvalid, base::concat<300>(name, " takes no value"));
    }
    parsed_.flags.push_back({long_name(flag), word.substr(equals + 1)});
    return {};
  }

  base::Status short_flags(std::string_view word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const char name[] = {'-', word[i]};
      const Flag& flag = *RECAP_TRY(find({name, 2}));
      if (flag.value.empty()) {
        parsed_.flags.push_back({long_name(flag), {}});
        continue;
      }
      if (i + 1 == word.size()) {
        return take_value(flag, {name, 2});
      }
      parsed_.flags.push_back({long_name(flag), word.substr(i + 1)});
      break;
    }
    return {};
  }

  std::span<char*> args_;
  Tables tables_;
  std::string_view advice_;
  std::size_t at_ = 0;
  ParsedWords parsed_;
};

}  // namespace

bool has_name(const Flag& flag, std::string_view name) {
  return long_name(flag) == name ||
         (flag.names.size() > 2 && flag.names[2] == ',' && flag.names.substr(0, 2) == name);
}

base::Result<ParsedWords> parse_words(std::span<char*> args, Tables tables,
                                      std::string_view advice) {
  return Parser(args, tables, advice).parse();
}

}  // namespace recap::console
