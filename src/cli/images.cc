// SPDX-License-Identifier: Apache-2.0
// recap images, import, pull, push, build, verify, rmi, gc, policy: handed over to recap-image.
// That program links archive and compression libraries, which would cost every run milliseconds
// before its first line; it is started only here.
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capsule/stage.h"
#include "cli/manual.h"
#include "cli/verbs.h"
#include "console/flag_parser.h"
#include "console/output.h"

namespace recap::cli {
namespace {

// The flags that are ours become variables, which recap-image reads too; the rest goes on. Nothing
// where there is nothing to start: help was printed, or the arguments are wrong.
std::optional<std::vector<std::string>> words_for(const char* verb, std::span<char*> args,
                                                  int& code) {
  const Manual& manual = *manual_of(verb);
  const std::string advice = std::string(" (see `recap ") + verb + " --help`)";
  const auto parsed = parse_words(args, {manual.flags, program().common_flags}, advice);
  if (!parsed) {
    code = fail(verb, parsed.error());
    return std::nullopt;
  }
  std::vector<std::string> words{verb};
  for (const GivenFlag& given : parsed->flags) {
    if (given.name == "--help") {
      Output out;
      out << help_of(program(), manual);
      code = out.finish(verb);
      return std::nullopt;
    }
    if (given.name == "--state-dir" || given.name == "--data-dir") {
      ::setenv(given.name == "--state-dir" ? "RECAP_STATE_DIR" : "RECAP_DATA_DIR",
               std::string(given.value).c_str(), 1);
      continue;
    }
    std::string word(given.name);
    words.push_back(given.value.empty() ? word : word.append("=").append(given.value));
  }
  words.emplace_back("--");
  words.insert(words.end(), parsed->words.begin(), parsed->words.end());
  words.insert(words.end(), parsed->rest.begin(), parsed->rest.end());
  return words;
}

int hand_over(const char* verb, std::span<char*> args) {
  int code = 0;
  auto words = words_for(verb, args, code);
  if (!words) {
    return code;
  }
  std::string path = capsule::program_path("recap-image");
  std::vector<char*> argv{path.data()};
  for (std::string& word : *words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  const int error = errno;
  complain(verb, "cannot start " + path + " (" + std::strerror(error) +
                     "): install it there or beside recap");
  return kExitOurs;
}

}  // namespace

int images(std::span<char*> args) { return hand_over("images", args); }
int import_image(std::span<char*> args) { return hand_over("import", args); }
int pull(std::span<char*> args) { return hand_over("pull", args); }
int push(std::span<char*> args) { return hand_over("push", args); }
int build(std::span<char*> args) { return hand_over("build", args); }
int verify(std::span<char*> args) { return hand_over("verify", args); }
int rmi(std::span<char*> args) { return hand_over("rmi", args); }
int gc(std::span<char*> args) { return hand_over("gc", args); }
int check_policy(std::span<char*> args) { return hand_over("policy", args); }

}  // namespace recap::cli
