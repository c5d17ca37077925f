// SPDX-License-Identifier: Apache-2.0
// The words behind a verb of recap-image: options (--name VALUE, --name=VALUE) and arguments.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recap::image {

struct OptionSpec {
  std::string_view name;  // "--store"
  bool takes_value = false;
  std::string_view short_name = "";  // "-q"
};

struct Options {
  std::map<std::string, std::string, std::less<>> values;  // a flag without a value: "yes"
  std::vector<std::string> arguments;

  [[nodiscard]] bool has(std::string_view name) const { return values.contains(name); }
  [[nodiscard]] std::string value(std::string_view name) const {
    const auto at = values.find(name);
    return at == values.end() ? std::string() : at->second;
  }
};

// kInvalid for an option that is not in `known`, one without its value, and one given twice.
base::Result<Options> parse_options(std::span<const std::string_view> words,
                                    std::span<const OptionSpec> known);

// Where the store is: --store, else $RECAP_DATA_DIR/store, else /var/lib/recap/store.
std::string store_path(const Options& options);

}  // namespace recap::image
