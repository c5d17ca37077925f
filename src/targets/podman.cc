// SPDX-License-Identifier: Apache-2.0
// What is Podman's own in the engines' dialect (engine_api.h), and podman.h. The libpod endpoint
// is asked, for the Docker-compatible one hides which OCI runtime a container has.
#include "targets/podman.h"

#include "targets/engine_api.h"
#include "targets/files.h"
#include "targets/json.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;

Result<Target> parse_podman(Json container) {
  Target target = RECAP_TRY(parse_container(container, "podman"));
  target.image = container["ImageName"].text();
  target.oci_runtime = container["OCIRuntime"].text();
  target.cgroup = container["State"]["CgroupPath"].text();
  return target;
}

void add_names(std::vector<StoredName>& names, Json entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Json entry = entries.at(i);
    if (!is_hex64(entry["id"].text())) {
      continue;
    }
    StoredName stored;
    stored.id = entry["id"].text();
    stored.name = entry["names"].at(0).text();
    // The metadata is JSON in a string of the JSON.
    const auto metadata = JsonDocument::parse(entry["metadata"].text(), "metadata");
    stored.image = metadata ? metadata->root()["image-name"].text() : "";
    names.push_back(std::move(stored));
  }
}

}  // namespace

const Engine& podman_engine() {
  static constexpr Engine kEngine{"podman", "Podman", "/v4.0.0/libpod", parse_podman};
  return kEngine;
}

Result<std::optional<std::vector<StoredName>>> stored_names(const std::string& storage) {
  const auto dir = open_root(storage + "/overlay-containers");
  if (!dir && dir.error().kind() == Kind::kNotFound) {
    return std::optional<std::vector<StoredName>>();
  }
  if (!dir) {
    return Error(dir.error()).context(storage);
  }
  std::optional<std::vector<StoredName>> names;
  // Containers that are removed when they end (--rm) are in the second file.
  for (const std::string file : {"containers.json", "volatile-containers.json"}) {
    const auto text = read_state(*dir, file);
    if (!text) {
      if (text.error().kind() != Kind::kNotFound) {
        return Error(text.error()).context(storage);
      }
      continue;
    }
    const auto document = RECAP_TRY(JsonDocument::parse(*text, file).context(storage));
    if (!names) {
      names.emplace();
    }
    add_names(*names, document.root());
  }
  return names;
}

}  // namespace recap::targets
