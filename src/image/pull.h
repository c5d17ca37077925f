// SPDX-License-Identifier: Apache-2.0
// From a registry (or any other place that skopeo can read) into the store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/fetch_watch.h"
#include "image/importer.h"
#include "image/limits.h"
#include "image/store.h"

namespace recap::image {

struct PullOptions {
  std::string name = {};        // replaces the name that the source has
  std::string authfile = {};    // else skopeo's own
  std::string tls_verify = {};  // "true", "false", or "" for what registries.conf says
  bool progress = false;
  std::string signature_policy = {};  // FILE, else as read_signature_policy() finds it
  bool missing = false;               // only what the store does not have
  FetchBounds bounds = {};
};

// What is to be pulled, in skopeo's words, and what it will be called ("" when it has no name).
struct PullSource {
  std::string location;  // docker://docker.io/library/busybox:latest
  std::string name;      // docker.io/library/busybox:latest
};
base::Result<PullSource> parse_pull_source(std::string_view text);

// One pull of a source at a time: with `missing`, who waited finds what another one fetched.
base::Result<std::vector<Imported>> pull(Store& store, std::string_view text,
                                         const PullOptions& options, const Limits& limits,
                                         const Notice& notice, const Confine& confine = {});

}  // namespace recap::image
