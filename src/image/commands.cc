// SPDX-License-Identifier: Apache-2.0
#include "image/commands.h"

#include <unistd.h>

#include <array>
#include <vector>

#include <fmt/format.h>

#include "image/confine.h"
#include "image/gc.h"
#include "image/list_command.h"
#include "image/options.h"
#include "image/prepared.h"
#include "image/printable.h"
#include "image/pull.h"

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

Result<std::string> pull_command(Words words, const Notice& notice) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--name", true},
                                 OptionSpec{"--quiet", false, "-q"}, OptionSpec{"--authfile", true},
                                 OptionSpec{"--tls-verify", true}};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  const std::string verify = options.value("--tls-verify");
  if (options.arguments.size() != 1) {
    return failure(Kind::kInvalid, "name one image, e.g. registry.example/tools:1");
  }
  if (!verify.empty() && verify != "true" && verify != "false") {
    return failure(Kind::kInvalid, "--tls-verify is true or false");
  }
  const bool quiet = options.has("--quiet");
  Store store = RECAP_TRY(Store::open(store_path(options), Lock::kShared));
  const PullOptions how{options.value("--name"), options.value("--authfile"), verify,
                        !quiet && isatty(STDERR_FILENO) == 1};
  const auto images = RECAP_TRY(pull(store, options.arguments[0], how, Limits{}, notice,
                                     [&store](int input) { return confine(store, input); }));
  return lines_of(images);
}

Result<std::string> images_command(Words words, const Notice&) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--output", true, "-o"},
                                 OptionSpec{"--quiet", false, "-q"}};
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
    return images_as_table(images);
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
                               Verb{"images", images_command}, Verb{"rmi", rmi_command},
                               Verb{"gc", gc_command}};

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
