// SPDX-License-Identifier: Apache-2.0
// recap-controller: the one that acts for the whole cluster. What it can do is in src/controller.
//
// stdout: its log, one JSON object a line. stderr: why it ended. Exit code 0, or 125.
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

#include "controller/daemon.h"
#include "controller/options.h"

namespace {

constexpr int kExitOurs = 125;

int fail(std::string_view message) {
  std::fprintf(stderr, "recap-controller: %.*s\n", static_cast<int>(message.size()),
               message.data());
  return kExitOurs;
}

int run(std::span<char*> args) {
  namespace controller = recap::controller;
  const auto words = controller::parse_words(args);
  if (!words) {
    return fail(words.error().message());
  }
  using Verb = controller::Words::Verb;
  if (words->verb == Verb::kHelp) {
    const std::string_view text = controller::help_text();
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : kExitOurs;
  }
  if (words->verb == Verb::kVersion) {
    return std::puts("recap-controller " RECAP_VERSION) >= 0 ? 0 : kExitOurs;
  }
  const auto done = controller::serve(*words);
  return done ? 0 : fail(done.error().message());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  } catch (const std::exception&) {  // only the libraries throw: no memory left
    return fail("out of memory");
  }
}
