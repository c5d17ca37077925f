// SPDX-License-Identifier: Apache-2.0
// recap images, import, pull, rmi, gc: handed over to recap-image. That program links archive and
// compression libraries, which would cost every run milliseconds before its first line; it is
// started only here.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "capsule/stage.h"
#include "cli/manual.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace recap::cli {
namespace {

bool asks_for_help(std::span<char*> args) {
  for (const char* arg : args) {
    if (std::string_view(arg) == "--help" || std::string_view(arg) == "-h") {
      return true;
    }
  }
  return false;
}

int hand_over(const char* verb, std::span<char*> args) {
  const Manual* manual = manual_of(verb);
  if (manual != nullptr && asks_for_help(args)) {
    Output out;
    out << help_of(*manual);
    return out.finish(verb);
  }
  std::string path = capsule::program_path("recap-image");
  std::string verb_word(verb);
  std::vector<char*> argv{path.data(), verb_word.data()};
  argv.insert(argv.end(), args.begin(), args.end());
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
int rmi(std::span<char*> args) { return hand_over("rmi", args); }
int gc(std::span<char*> args) { return hand_over("gc", args); }

}  // namespace recap::cli
