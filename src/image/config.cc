// SPDX-License-Identifier: Apache-2.0
#include "image/config.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "image/json.h"
#include "image/manifest.h"
#include "image/printable.h"

namespace recap::image {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

// Names by which other engines take orders from labels. They mean nothing here, and are not kept so
// that they cannot come to mean something.
constexpr std::array<std::string_view, 5> kReservedLabels = {
    "io.containerd.", "io.kubernetes.", "cdi.k8s.io", "io.cri-o.", "dev.recap.internal."};

bool is_reserved(std::string_view label) {
  return std::ranges::any_of(
      kReservedLabels, [label](std::string_view prefix) { return label.starts_with(prefix); });
}

// Absolute, and without anything that could lead upwards.
std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
    if (part == "..") {
      if (!parts.empty()) {
        parts.pop_back();
      }
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

// RFC 3339 to whole seconds; 0 when it is anything else (the time of building is only shown).
std::int64_t seconds_of(const std::string& text) {
  tm when{};
  char end = 0;
  const int fields =
      std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%c", &when.tm_year, &when.tm_mon,
                  &when.tm_mday, &when.tm_hour, &when.tm_min, &when.tm_sec, &end);
  if (fields != 7) {
    return 0;
  }
  when.tm_year -= 1900;
  when.tm_mon -= 1;
  return timegm(&when);
}

Status read_labels(const json::object& from, ImageConfig& out) {
  const json::object* labels = RECAP_TRY(object_of(from, "Labels"));
  if (labels == nullptr) {
    return {};
  }
  for (const auto& pair : *labels) {
    const std::string key(pair.key().data(), pair.key().size());
    if (key.find('\0') != std::string::npos) {
      return Error(Kind::kCorrupt, "a label of the image has a NUL in its name");
    }
    if (!is_reserved(key)) {
      out.labels[key] = RECAP_TRY(text_of(*labels, key));
    }
  }
  return {};
}

Status read_process(const json::object& from, ImageConfig& out) {
  out.entrypoint = RECAP_TRY(words_of(from, "Entrypoint"));
  out.command = RECAP_TRY(words_of(from, "Cmd"));
  out.env = RECAP_TRY(words_of(from, "Env"));
  out.user = RECAP_TRY(text_of(from, "User"));
  out.workdir = clean_path(RECAP_TRY(text_of(from, "WorkingDir")));
  for (const std::string& variable : out.env) {
    const std::size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return failure(Kind::kCorrupt, "the image's environment has '", printable(variable),
                     "', which is not NAME=VALUE");
    }
  }
  return read_labels(from, out);
}

Status read_rootfs(const json::object& object, ImageConfig& out) {
  const json::object* rootfs = RECAP_TRY(object_of(object, "rootfs"));
  if (rootfs == nullptr || RECAP_TRY(text_of(*rootfs, "type")) != "layers") {
    return Error(Kind::kCorrupt, "the image's config does not list its layers");
  }
  for (const std::string& id : RECAP_TRY(words_of(*rootfs, "diff_ids"))) {
    const auto digest = Digest::parse(id);
    if (!digest) {
      return failure(Kind::kCorrupt, "'", printable(id), "' is no sha256 digest");
    }
    out.diff_ids.push_back(*digest);
  }
  return {};
}

Status check_machine(const json::object& object) {
  const std::string os = RECAP_TRY(text_of(object, "os"));
  const std::string architecture = RECAP_TRY(text_of(object, "architecture"));
  if (os != "linux" || architecture != host_architecture()) {
    return failure(Kind::kUnsupported, "the image is for ", printable(os, 20), "/",
                   printable(architecture, 20), "; this machine needs linux/", host_architecture());
  }
  return {};
}

}  // namespace

Result<ImageConfig> parse_config(std::string_view text) {
  const json::object object = RECAP_TRY(parse_object(text, "the image's config"));
  RECAP_TRY(check_machine(object));
  ImageConfig out;
  out.workdir = "/";
  const json::object* process = RECAP_TRY(object_of(object, "config"));
  if (process != nullptr) {
    RECAP_TRY(read_process(*process, out));
  }
  RECAP_TRY(read_rootfs(object, out));
  out.created_s = seconds_of(RECAP_TRY(text_of(object, "created")));
  return out;
}

}  // namespace recap::image
