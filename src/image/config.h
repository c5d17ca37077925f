// SPDX-License-Identifier: Apache-2.0
// An image's configuration: what its author asks for. Nothing in it is an order; `recap` decides.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/digest.h"

namespace recap::image {

struct ImageConfig {
  std::vector<std::string> entrypoint, command, env;
  std::string workdir;  // absolute, without "." and ".."
  std::string user;
  std::map<std::string, std::string> labels;
  std::vector<Digest> diff_ids;  // bottom first
  std::int64_t created_s = 0;
};

// kUnsupported when the image is for another machine.
base::Result<ImageConfig> parse_config(std::string_view text);

}  // namespace recap::image
