// SPDX-License-Identifier: Apache-2.0
#include "image/commands.h"

#include <array>
#include <vector>

#include <fmt/format.h>

#include "image/confine.h"
#include "image/gc.h"
#include "image/list_command.h"
#include "image/options.h"
#include "image/prepared.h"
#include "image/printable.h"
#include "image/supply_commands.h"
#include "image/verify.h"

namespace recap::image {

using base::Kind;
using base::Result;

namespace {

Result<std::string> import_command(Words words, const Notice& notice) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--name", true},
                                 OptionSpec{"--quiet", false, "-q"}};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  if (options.arguments.size() != 1) {
    return failure(Kind::kInvalid, "name one OCI layout directory, OCI archive or docker archive");
  }
  Store store = RECAP_TRY(Store::open(store_path(options), Lock::kShared));
  const auto images =
      RECAP_TRY(import_path(store, options.arguments[0], options.value("--name"), Limits{}, notice,
                            [&store](int input) { return confine(store, input); }));
  return lines_of(images);
}

Result<std::string> images_command(Words words, const Notice&) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--output", true, "-o"},
                                 OptionSpec{"--quiet", false, "-q"}, OptionSpec{"--digests"}};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  const std::string output = options.value("--output");
  if (!options.arguments.empty()) {
    return failure(Kind::kInvalid, "images takes no arguments");
  }
  if (!output.empty() && output != "json" && output != "table") {
    return failure(Kind::kInvalid, "--output is table or json");
  }
  const auto images = RECAP_TRY(list(store_path(options)));
  if (output == "json") {
    return images_as_json(images);
  }
  if (!options.has("--quiet")) {
    return images_as_table(images, options.has("--digests"));
  }
  std::string out;
  for (const PreparedImage& image : images) {
    out.append(image.digest).append("\n");
  }
  return out;
}

std::string text_of(const Removed& removed, std::string_view verb) {
  std::string out;
  for (const std::string& reference : removed.references) {
    out += fmt::format("untagged {}\n", reference);
  }
  for (const Digest& image : removed.images) {
    out += fmt::format("{} {}\n", verb, image.text());
  }
  return out;
}

Result<std::string> rmi_command(Words words, const Notice&) {
  constexpr std::array kKnown = {kStore};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  if (options.arguments.empty()) {
    return failure(Kind::kInvalid, "name at least one image: see 'recap images'");
  }
  std::string out;
  for (const std::string& reference : options.arguments) {
    Store store = RECAP_TRY(Store::open(store_path(options), Lock::kExclusive));
    const Removed removed = RECAP_TRY(remove_image(store, reference));
    out += text_of(removed, "removed");
  }
  return out;
}

Result<std::string> verify_command(Words words, const Notice& notice) {
  constexpr std::array kKnown = {kStore};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  if (!options.arguments.empty()) {
    return failure(Kind::kInvalid, "verify takes no arguments: it looks at the whole store");
  }
  Store store = RECAP_TRY(Store::open(store_path(options), Lock::kShared));
  RECAP_TRY(confine(store, -1));
  const Verified found = RECAP_TRY(verify_store(store, notice));
  if (found.damaged != 0) {
    return failure(Kind::kCorrupt, found.damaged,
                   " things in the store are damaged: remove the images they belong to with 'recap "
                   "rmi', and pull or import them again");
  }
  return fmt::format("verified {} images, {} layers, {} blobs: {}\n", found.images, found.layers,
                     found.blobs, readable_size(found.bytes));
}

Result<std::string> gc_command(Words words, const Notice&) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--dry-run", false, "-n"}};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  if (!options.arguments.empty()) {
    return failure(Kind::kInvalid, "gc takes no arguments: 'recap rmi' removes one image");
  }
  const bool dry_run = options.has("--dry-run");
  Store store = RECAP_TRY(Store::open(store_path(options), Lock::kExclusive));
  const Removed removed = RECAP_TRY(collect_garbage(store, dry_run));
  const std::string_view verb = dry_run ? "would remove" : "removed";
  return text_of(removed, verb) + fmt::format("{} {} images, {} layers, {} blobs: {}\n", verb,
                                              removed.images.size(), removed.layers, removed.blobs,
                                              readable_size(removed.bytes));
}

struct Verb {
  std::string_view name;
  Result<std::string> (*run)(Words words, const Notice& notice);
};

constexpr std::array kVerbs = {Verb{"import", import_command}, Verb{"pull", pull_command},
                               Verb{"push", push_command},     Verb{"build", build_command},
                               Verb{"images", images_command}, Verb{"verify", verify_command},
                               Verb{"rmi", rmi_command},       Verb{"gc", gc_command}};

}  // namespace

Result<std::string> run_command(Words words, const Notice& notice) {
  for (const Verb& verb : kVerbs) {
    if (!words.empty() && verb.name == words[0]) {
      return verb.run(words.subspan(1), notice);
    }
  }
  return failure(Kind::kInvalid,
                 "there is no such verb: say import, pull, push, build, images, verify, rmi or gc");
}

}  // namespace recap::image
