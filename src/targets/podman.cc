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

}  // namespace

constinit const Engine kPodman{"podman", "Podman", "/v4.0.0/libpod", parse_podman};

Result<std::optional<std::vector<StoredName>>> stored_names(const std::string& storage) {
  using Names = Result<std::optional<std::vector<StoredName>>>;
  const auto dir = open_root(storage + "/overlay-containers");
  const auto text = dir ? read_state(*dir, "containers.json") : Result<std::string>(dir.error());
  if (!text) {
    return text.error().kind() == Kind::kNotFound ? Names(std::nullopt)
                                                  : Names(Error(text.error()).context(storage));
  }
  const auto document = RECAP_TRY(JsonDocument::parse(*text, storage + "'s containers.json"));
  std::vector<StoredName> names;
  for (std::size_t i = 0; i < document.root().size(); ++i) {
    const Json entry = document.root().at(i);
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
  return std::optional(std::move(names));
}

}  // namespace recap::targets
