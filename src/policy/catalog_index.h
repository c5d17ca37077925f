// SPDX-License-Identifier: Apache-2.0
// The installed catalogue index: which digests are functions of the catalogue. Only these get the
// defaults that their labels ask for; a name or a label proves nothing.
//
// DATA_DIR/catalog/index, written by the catalogue's build: lines "sha256:HEX NAME".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::policy {

// The function that `digest` is, or "" when it is none. A missing index has no functions; one that
// others than root could have written is refused.
base::Result<std::string> function_of(std::string_view index_path, std::string_view digest);

// The same for the index's text.
std::string_view function_in(std::string_view index, std::string_view digest);

}  // namespace recap::policy
