// SPDX-License-Identifier: Apache-2.0
// The name of a layer's entry, taken apart. What an archive calls "/a//./b" is "a/b" here; what it
// calls "../a" is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/limits.h"

namespace recap::image {

struct LayerPath {
  std::string parent;  // "" for the root of the layer
  std::string name;    // "" when the entry is the root itself

  [[nodiscard]] bool is_root() const { return name.empty(); }
  [[nodiscard]] std::string whole() const { return parent.empty() ? name : parent + "/" + name; }
};

base::Result<LayerPath> parse_layer_path(std::string_view raw, const Limits& limits);

// What a layer says by a name that begins with ".wh.".
enum class Mark : std::uint8_t {
  kNone,      // an ordinary entry
  kWhiteout,  // ".wh.NAME": lower layers' NAME is gone
  kOpaque,    // ".wh..wh.opq": nothing of lower layers shows in this directory
  kLeftover,  // ".wh..wh.…": bookkeeping of an old storage driver, of no meaning
};

struct Marked {
  Mark mark = Mark::kNone;
  std::string target;  // of a whiteout
};

// kCorrupt for whiteouts that name no entry of their directory (".wh.", ".wh..", ".wh...").
base::Result<Marked> parse_mark(const LayerPath& path);

}  // namespace recap::image
