// SPDX-License-Identifier: Apache-2.0
// The merged view's guard: a layer between the image and the target's root that hides whatever of
// the target a program would run, load or obey without being told to.
//
//  - Where the image has something in its root, and in every place where programs look for code,
//    it is alone, but for run::kSharedDirs. These are its own places; only what is below them may
//    be executed (engine/confine.h).
//  - Of the target's /etc only a closed list of files is shown, as copies: whatever else lies there
//    may be somebody's configuration, which names programs.
//  - Of the target's root directory, names that begin with a dot and files whose names have one
//    (.bashrc, socket.py, package.json) are hidden.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"
#include "linux/mount.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::engine {

struct TargetFiles;

// Files of the target's /etc that the merged view shows.
inline constexpr const char* kShownEtc[] = {
    "etc/hostname",  "etc/machine-id",     "etc/os-release",    "etc/timezone",
    "etc/localtime", "etc/debian_version", "etc/alpine-release"};

// Paths of the Capsule's root, without the first slash, that are the image's alone.
class OwnPlaces {
 public:
  [[nodiscard]] bool empty() const { return paths_.empty(); }

  // Nothing when it is covered already, or has a component "..". kUnsupported when there are too
  // many.
  base::Status add(std::string_view path);

  // Whether the absolute `path` is one of them, lies in one, or has one below it.
  [[nodiscard]] bool overlaps(std::string_view path) const;

  // Calls `visit(const char* path)` for each.
  template <typename F>
  void each(F&& visit) const {
    for (std::size_t at = 0; at < paths_.size();) {
      const char* path = paths_.c_str() + at;
      at += std::string_view(path).size() + 1;
      visit(path);
    }
  }

 private:
  base::FixedString<8192> paths_;  // a NUL ends each
};

// Where programs look for code, what lies in the root of each of the image's `layers`, and what the
// environment names as a place of code.
base::Result<OwnPlaces> find_own_places(const run::Spec& spec,
                                        std::span<const linux::Mount> layers);

// Whether a name in the target's root is hidden for what it looks like.
bool looks_like_code(std::string_view name, bool directory);

// In the keeper.
base::Result<linux::Mount> make_mask(const OwnPlaces& own);

// In the stub: adds what depends on the target. kUnsupported when that is too much to hide.
base::Status complete_mask_in_child(int mask, const TargetFiles& files, int proc);

}  // namespace recap::engine
