// SPDX-License-Identifier: Apache-2.0
// From the store to a registry, or to any other place that skopeo can write to.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "image/importer.h"
#include "image/store.h"

namespace recap::image {

struct PushOptions {
  std::string authfile;    // else skopeo's own
  std::string tls_verify;  // "true", "false", or "" for what registries.conf says
  bool progress = false;
};

// Copies the image that `reference` names in the store to `destination`, a reference or a location
// in skopeo's words. It keeps its digest: what was run here is what others get.
base::Result<Imported> push(Store& store, std::string_view reference, std::string_view destination,
                            const PushOptions& options);

}  // namespace recap::image
