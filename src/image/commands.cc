// SPDX-License-Identifier: Apache-2.0
#include "image/commands.h"

#include <array>
#include <vector>

#include "image/options.h"
#include "image/printable.h"

namespace recap::image {

using base::Kind;
using base::Result;

namespace {

constexpr OptionSpec kStore{"--store", true};

using Words = std::span<const std::string_view>;

std::string lines_of(const std::vector<Imported>& images) {
  std::string out;
  for (const Imported& image : images) {
    out.append(image.reference);
    if (image.reference != image.digest.text()) {
      out.append(" ").append(image.digest.text());
    }
    out.append("\n");
  }
  return out;
}

Result<std::string> import_command(Words words, const Notice& notice) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--name", true, "-n"},
                                 OptionSpec{"--quiet", false, "-q"}};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  if (options.arguments.size() != 1) {
    return failure(Kind::kInvalid, "name one OCI layout directory, OCI archive or docker archive");
  }
  const Store store = RECAP_TRY(Store::open(store_path(options), Lock::kShared));
  const auto images = RECAP_TRY(import_path(store, options.arguments[0], options.value("--name"),
                                            Limits{}, notice));
  return lines_of(images);
}

struct Verb {
  std::string_view name;
  Result<std::string> (*run)(Words words, const Notice& notice);
};

constexpr std::array kVerbs = {Verb{"import", import_command}};

}  // namespace

Result<std::string> run_command(Words words, const Notice& notice) {
  for (const Verb& verb : kVerbs) {
    if (!words.empty() && verb.name == words[0]) {
      return verb.run(words.subspan(1), notice);
    }
  }
  return failure(Kind::kInvalid, "there is no such verb: say import, pull, images, rmi or gc");
}

}  // namespace recap::image
