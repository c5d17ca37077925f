// SPDX-License-Identifier: Apache-2.0
// Reads an overlay's upper directory: which names were added, changed and deleted against the
// layers below. By descriptors only; names in it are the function's and may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::cli {

struct Change {
  char kind = 'A';   // A added, C changed, D deleted
  std::string path;  // begins with '/'
};

struct Changes {
  std::vector<Change> found;  // in the order of paths; a directory before what is in it
  bool cut = false;           // there is more than kMaxChanges, or it is deeper than kMaxDepth
};

inline constexpr std::size_t kMaxChanges = 100'000;
inline constexpr std::size_t kMaxDepth = 128;

// The image's layers, top first.
class LowerLayers {
 public:
  LowerLayers() = default;
  explicit LowerLayers(std::span<const std::string_view> host_paths);

  // Whether `path`, absolute inside, exists in what the layers make together.
  [[nodiscard]] bool have(const std::string& path) const;

 private:
  std::vector<linux::UniqueFd> roots_;
};

// What was last changed before `since_ns` (wall clock) is left out: a keeper has to make mount
// points and files of /etc in a Capsule before its function starts.
base::Result<Changes> walk_upper(int upper, const LowerLayers& lower, std::int64_t since_ns);

}  // namespace recap::cli
