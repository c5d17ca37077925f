// SPDX-License-Identifier: Apache-2.0
// The command line of a daemon: words that stand alone, and options with a value (`--name VALUE`,
// `--name=VALUE`).
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"

namespace recap::service {

template <typename Words>
struct Option {
  std::string_view name;
  base::Status (*set)(Words& words, std::string_view value);
};

// Takes `args` into `words`. `take_flag` says whether a word stands alone, and has taken it then.
// kInvalid with a sentence about what is wrong.
template <typename Words, std::size_t N>
base::Status take_words(std::string_view program, std::span<char*> args,
                        bool (*take_flag)(Words& words, std::string_view word),
                        const Option<Words> (&options)[N], Words& words) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view word = args[i];
    if (take_flag(words, word)) {
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const auto* option = std::ranges::find(options, name, &Option<Words>::name);
    if (option == std::end(options)) {
      return base::Error(
          base::Kind::kInvalid,
          base::concat<200>("'", word.substr(0, 60), "' is no option: see ", program, " --help"));
    }
    if (equals == std::string_view::npos && i + 1 == args.size()) {
      return base::Error(base::Kind::kInvalid, base::concat<200>(name, " needs a value"));
    }
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view(args[++i]) : word.substr(equals + 1);
    RECAP_TRY(option->set(words, value).context(name));
  }
  return {};
}

}  // namespace recap::service
