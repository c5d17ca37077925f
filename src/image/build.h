// SPDX-License-Identifier: Apache-2.0
// Building images is what buildah, podman and docker do; we give the image its labels.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace recap::image {

struct BuildRequest {
  std::string path;     // a directory with a Containerfile or Dockerfile, or such a file
  std::string name;     // of the image
  std::string builder;  // buildah, podman or docker; empty: the first of them that is installed
  std::vector<std::string> flags;  // the builder's own
  bool quiet = false;
};

// Builds it, with labels from the function.yaml beside the Containerfile if there is one. What the
// builder says goes to stderr. Returns where the image is then, in skopeo's words.
base::Result<std::string> build(const BuildRequest& request);

// The labels that a function.yaml stands for: requests, see policy/image_defaults.h. kInvalid for a
// key that is none of a function's.
using Labels = std::vector<std::pair<std::string, std::string>>;
base::Result<Labels> labels_of_function(const std::string& yaml);

}  // namespace recap::image
