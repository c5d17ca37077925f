// SPDX-License-Identifier: Apache-2.0
#include "engine/rootfs.h"

#include <fcntl.h>

#include <array>
#include <cerrno>

#include "linux/fs.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using linux::FsContext;
using linux::MountAttr;

constexpr std::uint64_t kLayerAttributes =
    MountAttr::kReadOnly | MountAttr::kNoSuid | MountAttr::kNoDev;

// A layer as the overlay may use it: not attached anywhere, read-only, ids mapped.
Result<linux::Mount> stage_layer(const char* path, int user_ns, bool& idmapped) {
  const linux::DirFd dir =
      RECAP_TRY(linux::open_dir_at(linux::kCwd, path).context("an image layer is missing"));
  linux::Mount layer = RECAP_TRY(linux::clone_tree(dir.get(), false));
  RECAP_TRY(linux::set_attributes(layer.get(), kLayerAttributes, false));
  if (user_ns >= 0) {
    // File systems that cannot map ids (a store on another overlay) keep the store's owners; the
    // record says so.
    idmapped = linux::map_ids(layer.get(), user_ns).has_value() && idmapped;
  }
  return layer;
}

// The kernel's own defaults for these differ by build; a layer must not redirect or hide by xattr.
Status set_overlay_options(FsContext& overlay) {
  RECAP_TRY(overlay.set("redirect_dir", "nofollow"));
  RECAP_TRY(overlay.set("metacopy", "off"));
  RECAP_TRY(overlay.set("index", "off"));
  RECAP_TRY(overlay.set("nfs_export", "off"));
  return overlay.set("xino", "off");
}

// 6.15: detached trees, by descriptor, nothing attached anywhere.
Result<linux::Mount> stack_detached(const Layers& layers, std::span<const int> below) {
  FsContext overlay = RECAP_TRY(FsContext::open("overlay"));
  RECAP_TRY(set_overlay_options(overlay));
  for (std::size_t i = 0; i < layers.count; ++i) {
    RECAP_TRY(overlay.set_fd("lowerdir+", layers.trees[i].get()));
  }
  for (const int tree : below) {
    RECAP_TRY(overlay.set_fd("lowerdir+", tree));
  }
  const linux::DirFd work = RECAP_TRY(linux::open_dir_at(layers.scratch.get(), "work"));
  RECAP_TRY(overlay.set_fd("upperdir", layers.upper.get()));
  RECAP_TRY(overlay.set_fd("workdir", work.get()));
  return overlay.create(MountAttr::kNoSuid | MountAttr::kNoDev);
}

// Attaches `tree` at the directory `name` of `stage`.
Status attach_below(int stage, const char* name, int tree) {
  RECAP_TRY(linux::make_dir_at(stage, name, 0700));
  const linux::UniqueFd onto = RECAP_TRY(linux::open_at(stage, name, O_PATH | O_DIRECTORY));
  return linux::attach(tree, onto.get());
}

// COMPAT(remove when >= 6.15): layers attached in the caller's private mount namespace on a tmpfs
// over its root, and named relative to it, for one option holds at most 255 bytes (fsconfig(2)).
Result<linux::Mount> stack_attached(const Layers& layers, std::span<const int> below) {
  FsContext tmpfs = RECAP_TRY(FsContext::open("tmpfs"));
  const linux::Mount stage = RECAP_TRY(tmpfs.create(MountAttr::kNoSuid | MountAttr::kNoDev));
  const linux::UniqueFd old_root =
      RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  RECAP_TRY(linux::attach(stage.get(), old_root.get()));
  base::FixedString<255> lower;
  for (std::size_t i = 0; i < layers.count + below.size(); ++i) {
    const int tree = i < layers.count ? layers.trees[i].get() : below[i - layers.count];
    const auto name = base::concat<8>(i);
    RECAP_TRY(attach_below(stage.get(), name.c_str(), tree));
    lower.append(lower.empty() ? "" : ":").append(name);
  }
  if (lower.truncated()) {
    return Error(Kind::kUnsupported,
                 "this kernel stacks at most 80 image layers: use an image with fewer");
  }
  RECAP_TRY(attach_below(stage.get(), "s", layers.scratch.get()));
  RECAP_TRY(linux::change_dir_to(stage.get()));
  FsContext overlay = RECAP_TRY(FsContext::open("overlay"));
  RECAP_TRY(set_overlay_options(overlay));
  RECAP_TRY(overlay.set("lowerdir", lower.c_str()));
  RECAP_TRY(overlay.set("upperdir", "s/upper"));
  RECAP_TRY(overlay.set("workdir", "s/work"));
  linux::Mount root = RECAP_TRY(overlay.create(MountAttr::kNoSuid | MountAttr::kNoDev));
  // The overlay holds its own clones. The stage must go: enter_root() detaches one mount, the
  // topmost of the old root, and what is below it would stay visible in the Capsule.
  RECAP_TRY(linux::detach_working_dir());
  return root;
}

}  // namespace

Result<linux::Mount> make_tmpfs(std::uint64_t bytes, unsigned mode, const RunIds& ids) {
  FsContext tmpfs = RECAP_TRY(FsContext::open("tmpfs"));
  RECAP_TRY(tmpfs.set("size", base::concat<32>(bytes).c_str()));
  RECAP_TRY(tmpfs.set("nr_inodes", base::concat<32>(inodes_of_tmpfs(bytes)).c_str()));
  std::array<char, 5> octal{};
  for (int i = 3; i >= 0; --i) {
    octal[static_cast<std::size_t>(i)] = static_cast<char>('0' + (mode & 7U));
    mode >>= 3U;
  }
  RECAP_TRY(tmpfs.set("mode", octal.data()));
  RECAP_TRY(
      tmpfs.set("uid", base::concat<32>(ids.block_first != 0 ? ids.block_first : 0U).c_str()));
  RECAP_TRY(
      tmpfs.set("gid", base::concat<32>(ids.block_first != 0 ? ids.block_first : 0U).c_str()));
  return tmpfs.create(MountAttr::kNoSuid | MountAttr::kNoDev);
}

Result<Layers> stage_layers(const run::Spec& spec, const RunIds& ids, int user_ns) {
  Layers layers;
  layers.idmapped = user_ns >= 0;
  layers.scratch = RECAP_TRY(make_tmpfs(spec.limits.scratch_bytes, 0755, ids));
  const int scratch = layers.scratch.get();
  RECAP_TRY(linux::make_dir_at(scratch, "upper", 0755));
  RECAP_TRY(linux::make_dir_at(scratch, "work", 0700));
  if (ids.block_first != 0) {  // the root directory takes its owner from the uppermost layer
    RECAP_TRY(linux::change_owner(scratch, "upper", ids.block_first, ids.block_first));
  }
  layers.upper = RECAP_TRY(linux::open_dir_at(scratch, "upper"));
  for (std::size_t i = 0; i < spec.layer_count; ++i) {
    layers.trees[i] = RECAP_TRY(stage_layer(spec.layers[i].data(), user_ns, layers.idmapped));
    layers.count = i + 1;
  }
  if (spec.view == run::View::kMerged) {
    layers.own = RECAP_TRY(find_own_places(spec, std::span(layers.trees).first(layers.count)));
  }
  return layers;
}

Result<linux::Mount> stack_in_child(const Layers& layers, int mask, int bottom) {
  const std::array<int, 2> target{mask, bottom};
  const std::span<const int> below = bottom >= 0 ? std::span(target) : std::span<const int>();
  auto root = stack_detached(layers, below);
  // Older kernels take the options but refuse to create (EINVAL), or the descriptors (EOPNOTSUPP):
  // then the second error is the one that says something.
  const int refused = root ? 0 : root.error().errno_value();
  if (!root && refused != ENOMEM && refused != ENOSPC) {
    auto attached = stack_attached(layers, below);
    if (attached || refused == EINVAL || refused == EOPNOTSUPP) {
      root = std::move(attached);
    }
  }
  return std::move(root).context("cannot stack the image's layers");
}

}  // namespace recap::engine
