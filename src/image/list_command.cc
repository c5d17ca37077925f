// SPDX-License-Identifier: Apache-2.0
#include "image/list_command.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include <fmt/format.h>

#include "image/json.h"
#include "image/printable.h"
#include "image/reference.h"

namespace recap::image {

namespace json = boost::json;

namespace {

constexpr std::size_t kShortDigest = 12;
constexpr std::size_t kWholeDigest = 7 + 64;  // sha256: and 64 digits

// RFC 3339, or "" when the image does not say when it was made.
std::string time_of(std::int64_t seconds) {
  const std::time_t when = seconds;
  tm parts{};
  std::array<char, 32> out{};
  if (seconds <= 0 || gmtime_r(&when, &parts) == nullptr ||
      std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return "";
  }
  return out.data();
}

std::string date_of(std::int64_t seconds) {
  const std::string time = time_of(seconds);
  return time.empty() ? "-" : time.substr(0, time.find('T'));
}

json::array array_of_words(const std::vector<std::string>& words) {
  json::array out;
  for (const std::string& word : words) {
    out.emplace_back(word);
  }
  return out;
}

json::object object_of_image(const PreparedImage& image) {
  json::object labels;
  for (const auto& [key, value] : image.labels) {
    labels[key] = value;
  }
  json::array layers = array_of_words(image.layers);
  return {{"reference", image.reference},
          {"digest", image.digest},
          {"size_bytes", image.size_bytes},
          {"created", time_of(image.created_s)},
          {"entrypoint", array_of_words(image.entrypoint)},
          {"command", array_of_words(image.command)},
          {"env", array_of_words(image.env)},
          {"workdir", image.workdir},
          {"user", image.user},
          {"uid", image.uid},
          {"gid", image.gid},
          {"labels", std::move(labels)},
          {"trust", image.trust},
          {"layers", std::move(layers)}};
}

}  // namespace

std::string readable_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string images_as_table(std::span<const PreparedImage> images, bool whole_digests) {
  const std::size_t digest_width = whole_digests ? kWholeDigest : kShortDigest;
  std::size_t width = std::string_view("REFERENCE").size();
  std::vector<std::string> names;
  for (const PreparedImage& image : images) {
    names.push_back(image.reference == image.digest ? "<none>"
                                                    : printable(familiar(image.reference), 250));
    width = std::max(width, names.back().size());
  }
  std::string out = fmt::format("{:<{}}  {:<{}}  {:<10}  {:>10}\n", "REFERENCE", width, "DIGEST",
                                digest_width, "CREATED", "SIZE");
  for (std::size_t i = 0; i < images.size(); ++i) {
    const PreparedImage& image = images[i];
    out += fmt::format("{:<{}}  {:<{}}  {:<10}  {:>10}\n", names[i], width,
                       image.digest.substr(whole_digests ? 0 : 7, digest_width), digest_width,
                       date_of(image.created_s), readable_size(image.size_bytes));
  }
  return out;
}

std::string images_as_json(std::span<const PreparedImage> images) {
  json::array out;
  for (const PreparedImage& image : images) {
    out.push_back(object_of_image(image));
  }
  return json::serialize(out) + "\n";
}

}  // namespace recap::image
