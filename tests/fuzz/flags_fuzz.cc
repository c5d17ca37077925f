// SPDX-License-Identifier: Apache-2.0
// Any words as the command line of `recap run` and `recap shell`: no word is lost, none is
// invented, and all that stands behind "--" is the function's as it stands.
#include <string>
#include <vector>

#include "check.h"
#include "cli/manual.h"
#include "cli/run_options.h"
#include "console/flag_parser.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find('\n'));
    words.emplace_back(word.substr(0, word.find('\0')));  // as exec passes them
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words = words_of(fuzz::text_of(data, size));
  std::vector<char*> args;
  for (std::string& word : words) {
    args.push_back(word.data());
  }
  const auto parsed =
      cli::parse_words(args, {cli::manual_of("run")->flags, cli::program().common_flags});
  if (parsed) {
    check(parsed->words.size() + parsed->rest.size() <= words.size());
    check(parsed->has_rest || parsed->rest.empty());
    for (std::size_t i = 0; i < parsed->rest.size(); ++i) {
      check(parsed->rest[i] == words[words.size() - parsed->rest.size() + i]);
    }
    for (const cli::GivenFlag& flag : parsed->flags) {
      check(flag.name.starts_with("--"));
    }
  }
  for (const char* name : {"run", "shell"}) {
    if (const auto options = cli::parse_run_options(name, args); !options) {
      check(!options.error().message().empty());
    }
  }
  return 0;
}
