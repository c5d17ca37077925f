// SPDX-License-Identifier: Apache-2.0
// caplet: the daemon of one node. What it can do is in src/caplet.
//
// stdout: its log, one JSON object a line. stderr: why it did not start. Exit code 0, or 125.
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

#include "caplet/daemon.h"
#include "caplet/drain.h"
#include "caplet/options.h"

namespace {

constexpr int kExitOurs = 125;

int fail(std::string_view message) {
  std::fprintf(stderr, "caplet: %.*s\n", static_cast<int>(message.size()), message.data());
  return kExitOurs;
}

int run(std::span<char*> args) {
  namespace caplet = recap::caplet;
  const auto words = caplet::parse_words(args);
  if (!words) {
    return fail(words.error().message());
  }
  using Verb = caplet::Words::Verb;
  if (words->verb == Verb::kHelp) {
    const std::string_view text = caplet::help_text();
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : kExitOurs;
  }
  if (words->verb == Verb::kVersion) {
    return std::puts("caplet " RECAP_VERSION) >= 0 ? 0 : kExitOurs;
  }
  const auto done = words->verb == Verb::kDrain       ? caplet::drain(*words)
                    : words->verb == Verb::kUninstall ? caplet::uninstall(*words)
                                                      : caplet::serve(*words);
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
