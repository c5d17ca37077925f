// SPDX-License-Identifier: Apache-2.0
#include "image/options.h"

#include <algorithm>
#include <cstdlib>

#include "image/printable.h"

namespace recap::image {

using base::Kind;
using base::Result;

namespace {

constexpr std::string_view kDataDir = "/var/lib/recap";

const OptionSpec* find(std::span<const OptionSpec> known, std::string_view word) {
  const auto at = std::ranges::find_if(known, [word](const OptionSpec& option) {
    return option.name == word || (!option.short_name.empty() && option.short_name == word);
  });
  return at == known.end() ? nullptr : &*at;
}

}  // namespace

Result<Options> parse_options(std::span<const std::string_view> words,
                              std::span<const OptionSpec> known) {
  Options out;
  bool only_arguments = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (only_arguments || word == "-" || !word.starts_with('-')) {
      out.arguments.emplace_back(word);
      continue;
    }
    if (word == "--") {
      only_arguments = true;
      continue;
    }
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
    const OptionSpec* option = find(known, word.substr(0, equals));
    if (option == nullptr) {
      return failure(Kind::kInvalid, "there is no option '", printable(word, 40),
                     "' here: see 'recap help'");
    }
    const bool inline_value = equals != std::string_view::npos;
    if (inline_value != option->takes_value && (inline_value || i + 1 == words.size())) {
      return failure(Kind::kInvalid, option->name,
                     option->takes_value ? " needs a value" : " takes no value");
    }
    std::string value(inline_value ? word.substr(equals + 1)
                                   : (option->takes_value ? words[++i] : "yes"));
    if (!out.values.emplace(option->name, std::move(value)).second) {
      return failure(Kind::kInvalid, option->name, " is given twice");
    }
  }
  return out;
}

std::string store_path(const Options& options) {
  if (options.has("--store")) {
    return options.value("--store");
  }
  const char* data_dir = std::getenv("RECAP_DATA_DIR");
  std::string out(data_dir != nullptr && *data_dir != '\0' ? std::string_view(data_dir) : kDataDir);
  return out.append("/store");
}

}  // namespace recap::image
