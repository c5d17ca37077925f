// SPDX-License-Identifier: Apache-2.0
// recap-image: brings images into the store and takes them out. `recap` starts it for its verbs
// import, pull, push, build, images, verify, rmi, gc and policy, so that the run path needs no
// archive, compression or YAML library.
//
// stdout: the result, one line per image. stderr: progress, and what an image was not allowed to
// bring in. Exit code 0, or 125 with one sentence.
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>
#include <vector>

#include "image/commands.h"
#include "kube/policy_file.h"

namespace {

constexpr int kExitOurs = 125;
constexpr const char* kHelp =
    "recap-image does the work of `recap import`, pull, push, build, images, verify, rmi, gc and "
    "policy, which start it: it has to lie\nbeside recap or in /usr/libexec/recap. `recap help "
    "VERB` explains a verb.";

int fail(std::string_view verb, std::string_view message) {
  std::fprintf(stderr, "recap %.*s: %.*s\n", static_cast<int>(verb.size()), verb.data(),
               static_cast<int>(message.size()), message.data());
  return kExitOurs;
}

recap::base::Result<std::string> run_verb(std::span<const std::string_view> words) {
  if (words[0] == "policy") {
    return recap::kube::policy_command(words.subspan(1));
  }
  return recap::image::run_command(words, [](std::string_view line) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  });
}

int run(std::span<char*> argv) {
  const std::vector<std::string_view> words(argv.begin() + 1, argv.end());
  if (words.empty()) {
    return fail("image",
                "say what to do: import, pull, push, build, images, verify, rmi, gc or policy");
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    return std::puts(kHelp) >= 0 ? 0 : kExitOurs;
  }
  const auto output = run_verb(words);
  if (!output) {
    return fail(words[0], output.error().message());
  }
  if (std::fwrite(output->data(), 1, output->size(), stdout) != output->size() ||
      std::fflush(stdout) != 0) {
    return fail(words[0], "the result could not be written to standard output");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::span(argv, static_cast<std::size_t>(argc)));
  } catch (const std::exception&) {  // only the libraries throw: no memory left
    return fail("image", "out of memory");
  }
}
