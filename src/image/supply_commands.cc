// SPDX-License-Identifier: Apache-2.0
#include "image/supply_commands.h"

#include <unistd.h>

#include <array>
#include <charconv>

#include "image/build.h"
#include "image/confine.h"
#include "image/options.h"
#include "image/printable.h"
#include "image/pull.h"
#include "image/push.h"

namespace recap::image {

using base::Kind;
using base::Result;

namespace {

constexpr unsigned kMaxPatience = 24 * 60 * 60;

bool shows_progress(const Options& options) {
  return !options.has("--quiet") && isatty(STDERR_FILENO) == 1;
}

Result<std::string> tls_verify_of(const Options& options) {
  std::string verify = options.value("--tls-verify");
  if (!verify.empty() && verify != "true" && verify != "false") {
    return failure(Kind::kInvalid, "--tls-verify is true or false");
  }
  return verify;
}

Result<FetchBounds> bounds_of(const Options& options) {
  FetchBounds bounds;
  if (options.has("--timeout")) {
    const std::string text = options.value("--timeout");
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || seconds == 0 ||
        seconds > kMaxPatience) {
      return failure(Kind::kInvalid, "--timeout is a number of seconds, at most a day");
    }
    bounds.patience = std::chrono::seconds(seconds);
  }
  return bounds;
}

}  // namespace

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

Result<std::string> pull_command(Words words, const Notice& notice) {
  constexpr std::array kKnown = {kStore,
                                 OptionSpec{"--name", true},
                                 OptionSpec{"--quiet", false, "-q"},
                                 OptionSpec{"--authfile", true},
                                 OptionSpec{"--tls-verify", true},
                                 OptionSpec{"--signature-policy", true},
                                 OptionSpec{"--missing"},
                                 OptionSpec{"--timeout", true}};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  if (options.arguments.size() != 1) {
    return failure(Kind::kInvalid, "name one image, e.g. registry.example/tools:1");
  }
  const PullOptions how{.name = options.value("--name"),
                        .authfile = options.value("--authfile"),
                        .tls_verify = RECAP_TRY(tls_verify_of(options)),
                        .progress = shows_progress(options),
                        .signature_policy = options.value("--signature-policy"),
                        .missing = options.has("--missing"),
                        .bounds = RECAP_TRY(bounds_of(options))};
  Store store = RECAP_TRY(Store::open(store_path(options), Lock::kShared));
  const auto images = RECAP_TRY(pull(store, options.arguments[0], how, Limits{}, notice,
                                     [&store](int input) { return confine(store, input); }));
  return lines_of(images);
}

Result<std::string> push_command(Words words, const Notice&) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--quiet", false, "-q"},
                                 OptionSpec{"--authfile", true}, OptionSpec{"--tls-verify", true}};
  const Options options = RECAP_TRY(parse_options(words, kKnown));
  if (options.arguments.empty() || options.arguments.size() > 2) {
    return failure(Kind::kInvalid, "name an image of the store, and perhaps where it is to go");
  }
  const PushOptions how{.authfile = options.value("--authfile"),
                        .tls_verify = RECAP_TRY(tls_verify_of(options)),
                        .progress = shows_progress(options)};
  Store store = RECAP_TRY(Store::open(store_path(options), Lock::kShared));
  const Imported pushed =
      RECAP_TRY(push(store, options.arguments.front(), options.arguments.back(), how));
  return lines_of({pushed});
}

Result<std::string> build_command(Words words, const Notice& notice) {
  constexpr std::array kKnown = {kStore, OptionSpec{"--tag", true, "-t"},
                                 OptionSpec{"--builder", true}, OptionSpec{"--quiet", false, "-q"}};
  Options options = RECAP_TRY(parse_options(words, kKnown));
  if (options.arguments.empty() || !options.has("--tag")) {
    return failure(Kind::kInvalid,
                   "name a directory or a Containerfile, and the image with --tag NAME");
  }
  BuildRequest request{.path = options.arguments.front(),
                       .name = options.value("--tag"),
                       .builder = options.value("--builder"),
                       .flags = {options.arguments.begin() + 1, options.arguments.end()},
                       .quiet = options.has("--quiet")};
  const std::string location = RECAP_TRY(build(request));
  Store store = RECAP_TRY(Store::open(store_path(options), Lock::kShared));
  const auto images = RECAP_TRY(pull(store, location, {.name = request.name}, Limits{}, notice,
                                     [&store](int input) { return confine(store, input); }));
  return lines_of(images);
}

}  // namespace recap::image
