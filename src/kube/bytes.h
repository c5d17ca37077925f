// SPDX-License-Identifier: Apache-2.0
// Small helpers around credentials: base64 and the files that hold them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::kube {

std::string encode_base64(std::string_view bytes);
// RFC 4648 with padding; line breaks and spaces are skipped. Nothing when it is none.
std::optional<std::string> decode_base64(std::string_view text);

// A file's text, at most 1 MiB.
base::Result<std::string> read_small_file(const std::string& path);

}  // namespace recap::kube
