// SPDX-License-Identifier: Apache-2.0
#include "image/layer_path.h"

#include "image/printable.h"

namespace recap::image {

using base::Kind;
using base::Result;

namespace {

constexpr std::string_view kMark = ".wh.";
constexpr std::string_view kDoubleMark = ".wh..wh.";
constexpr std::string_view kOpaqueMark = ".wh..wh.opq";
constexpr std::size_t kMaxName = 255;

}  // namespace

Result<LayerPath> parse_layer_path(std::string_view raw, const Limits& limits) {
  if (raw.empty() || raw.size() > limits.max_path) {
    return failure(Kind::kCorrupt, "the layer has a name of ", raw.size(), " bytes; 1 to ",
                   limits.max_path, " are possible");
  }
  LayerPath out;
  std::size_t depth = 0;
  std::string_view rest = raw;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == ".." || part.size() > kMaxName || ++depth > limits.max_depth) {
      return failure(Kind::kCorrupt, "the layer has an entry '", printable(raw),
                     "', which leads out of it or is too long; it was refused");
    }
    if (!out.name.empty()) {
      out.parent = out.whole();
    }
    out.name = part;
  }
  return out;
}

Result<Marked> parse_mark(const LayerPath& path) {
  // A mark is a file's name; below a directory of such a name nothing can have a meaning.
  std::string below = "/";
  below.append(path.parent).append("/");
  if (const std::size_t at = below.find("/.wh."); at != std::string::npos) {
    if (below.compare(at + 1, kDoubleMark.size(), kDoubleMark) == 0) {
      return Marked{Mark::kLeftover, ""};
    }
    return failure(Kind::kCorrupt, "the layer has '", printable(path.whole()),
                   "', an entry below a whiteout; it was refused");
  }
  if (!path.name.starts_with(kMark)) {
    return Marked{};
  }
  if (path.name == kOpaqueMark) {
    return Marked{Mark::kOpaque, ""};
  }
  if (path.name.starts_with(kDoubleMark)) {
    return Marked{Mark::kLeftover, ""};
  }
  std::string target = path.name.substr(kMark.size());
  if (target.empty() || target == "." || target == "..") {
    return failure(Kind::kCorrupt, "the layer has a whiteout '", printable(path.whole()),
                   "' that names nothing; it was refused");
  }
  return Marked{Mark::kWhiteout, std::move(target)};
}

}  // namespace recap::image
