// SPDX-License-Identifier: Apache-2.0
// Image references, as Docker and Podman users write them: [DOMAIN/]PATH[:TAG][@sha256:HEX].
//
// A short name is completed as Docker does it (busybox → docker.io/library/busybox:latest). The
// canonical form names one file in the store's refs/ directory, whose name it is, but for '/' and
// ':' written as '+' and '='; neither occurs in a reference, so the way back is exact.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recap::image {

inline constexpr std::size_t kMaxReferenceBytes = 250;  // must fit a file name of 255

struct Reference {
  std::string domain;  // docker.io, localhost:5000
  std::string path;    // library/busybox
  std::string tag;     // empty when `digest` is given
  std::string digest;  // sha256:…, or empty

  [[nodiscard]] std::string canonical() const;
};

// kInvalid, with the part that is wrong, for anything that is no reference.
base::Result<Reference> parse_reference(std::string_view text);

// The shortest form of a canonical one that people write and that means the same image: without
// docker.io/ and library/.
std::string familiar(std::string_view canonical);

// The canonical references that `text` may mean in a store, in the order in which they are tried.
// A bare word is a catalogue function first (recap/WORD:latest), then an image of that name.
// Names without a registry also stand for what local builders call localhost/NAME.
std::vector<std::string> candidates(std::string_view text);

std::string reference_to_file_name(std::string_view canonical);
std::optional<std::string> file_name_to_reference(std::string_view file_name);

}  // namespace recap::image
