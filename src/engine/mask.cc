// SPDX-License-Identifier: Apache-2.0
#include "engine/mask.h"

#include <dirent.h>
#include <fcntl.h>

#include "engine/etc_files.h"
#include "engine/target_files.h"
#include "linux/fs.h"
#include "run/merged_view.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

// Where loaders, shells, interpreters and package managers look by themselves; the last ones are
// looked for in every parent of a script's or a project's directory.
constexpr std::string_view kPlacesOfCode[] = {
    "bin",          "sbin",         "lib",          "lib32",        "lib64",       "libx32",
    "libo32",       "libexec",      "usr",          "opt",          "root",        "etc",
    "dev",          "proc",         "sys",          "var/lib/dpkg", "var/lib/apt", "var/lib/rpm",
    "var/lib/gems", "node_modules", "package.json", ".git"};

// "PATH", "LD_LIBRARY_PATH", "PERL5LIB", "JAVA_HOME" …: colon-separated lists of places.
constexpr std::string_view kListsOfPlaces[] = {"PATH", "LIB", "HOME", "DOTDIR"};

// The kernel's memory for each is some hundred bytes.
constexpr std::size_t kMaxHidden = 1024;

bool is_within(std::string_view path, std::string_view place) {
  return path.starts_with(place) && (path.size() == place.size() || path[place.size()] == '/');
}

std::string_view next_component(std::string_view& rest) {
  while (rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  const std::string_view component(rest.data(), std::min(rest.find('/'), rest.size()));
  rest.remove_prefix(component.size());
  return component;
}

// "/usr//bin/." as "usr/bin"; empty for the root, for what has "..", and for what is too long.
base::FixedString<4095> relative(std::string_view path) {
  base::FixedString<4095> out;
  while (!path.empty()) {
    const std::string_view component = next_component(path);
    if (component == "..") {
      return {};
    }
    if (!component.empty() && component != ".") {
      out.append(out.empty() ? "" : "/").append(component);
    }
  }
  return out.truncated() ? base::FixedString<4095>() : out;
}

Status add_roots_of_layer(int layer, OwnPlaces& own) {
  const linux::DirFd root = RECAP_TRY(linux::open_dir_at(layer, "."));
  Status worst;
  RECAP_TRY(linux::each_entry(root.get(), [&](const char* name, unsigned char) {
    bool shared = false;
    for (const std::string_view dir : run::kSharedDirs) {
      shared = shared || dir == name;
    }
    if (!shared) {
      worst = own.add(name);
    }
    return worst.has_value();
  }));
  return worst;
}

Status add_places_in(std::string_view variable, OwnPlaces& own) {
  const std::size_t equals = variable.find('=');
  if (equals == std::string_view::npos) {
    return {};
  }
  const std::string_view name(variable.data(), equals);
  bool is_list = false;
  for (const std::string_view ending : kListsOfPlaces) {
    is_list = is_list || name.ends_with(ending);
  }
  variable.remove_prefix(equals + 1);
  while (is_list && !variable.empty()) {
    const std::string_view place(variable.data(), std::min(variable.find(':'), variable.size()));
    variable.remove_prefix(std::min(place.size() + 1, variable.size()));
    if (place.starts_with('/')) {
      RECAP_TRY(own.add(place));
    }
  }
  return {};
}

// Hides the whole directory `path` of the layers below, and leaves room to put something there.
// (overlayfs.rst, "whiteouts and opaque directories")
Status hide_content(int mask, const char* path) {
  const linux::UniqueFd dir =
      RECAP_TRY(linux::open_at(mask, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return linux::set_xattr(dir.get(), "trusted.overlay.opaque", "y");
}

Status make_dir(int mask, const char* path) {
  auto made = linux::make_dir_at(mask, path, 0755);
  return !made && made.error().kind() == Kind::kExists ? Status() : std::move(made);
}

// A whiteout, a character device 0:0, hides a name of the layers below whatever is there. What is a
// directory here already has other hidden names in it.
Status hide(int mask, const char* path) {
  std::string_view rest(path);
  base::FixedString<4095> parent;
  while (rest.find('/') != std::string_view::npos) {
    parent.append(parent.empty() ? "" : "/").append(next_component(rest));
    rest.remove_prefix(1);
    RECAP_TRY(make_dir(mask, parent.c_str()));
  }
  auto made = linux::make_device_at(mask, path, 0, 0, 0);
  return !made && made.error().kind() == Kind::kExists ? hide_content(mask, path) : std::move(made);
}

}  // namespace

Status OwnPlaces::add(std::string_view path) {
  const auto place = relative(path);
  bool covered = place.empty();
  each([&](const char* known) { covered = covered || is_within(place, known); });
  if (covered) {
    return {};
  }
  paths_.append(place).append('\0');
  return paths_.truncated()
             ? Error(Kind::kUnsupported,
                     "the image has too many entries in its root for --view merged: use --view "
                     "target instead")
             : Status();
}

bool OwnPlaces::overlaps(std::string_view path) const {
  const auto place = relative(path);
  bool found = place.empty();
  each([&](const char* known) {
    found = found || is_within(place, known) || is_within(known, place);
  });
  return found;
}

Result<OwnPlaces> find_own_places(const run::Spec& spec, std::span<const linux::Mount> layers) {
  OwnPlaces own;
  for (const std::string_view place : kPlacesOfCode) {
    RECAP_TRY(own.add(place));
  }
  for (const linux::Mount& layer : layers) {
    RECAP_TRY(add_roots_of_layer(layer.get(), own));
  }
  for (const std::string_view variable : spec.envp) {
    RECAP_TRY(add_places_in(variable, own));
  }
  return own;
}

bool looks_like_code(std::string_view name, bool directory) {
  return name.starts_with('.') || (!directory && name.find('.') != std::string_view::npos);
}

Result<linux::Mount> make_mask(const OwnPlaces& own) {
  linux::FsContext tmpfs = RECAP_TRY(linux::FsContext::open("tmpfs"));
  RECAP_TRY(tmpfs.set("size", "1m"));
  RECAP_TRY(tmpfs.set("nr_inodes", "2048"));
  RECAP_TRY(tmpfs.set("mode", "0755"));
  linux::Mount mask =
      RECAP_TRY(tmpfs.create(linux::MountAttr::kNoSuid | linux::MountAttr::kNoExec));
  RECAP_TRY(make_dir(mask.get(), "etc"));
  Status worst;
  own.each([&](const char* place) {
    if (worst) {
      worst = hide(mask.get(), place).context("cannot hide the target's programs");
    }
  });
  RECAP_TRY(std::move(worst));
  return mask;
}

Status complete_mask_in_child(int mask, const TargetFiles& files, int proc) {
  const linux::DirFd root = RECAP_TRY(linux::open_dir_at(files.root.get(), "."));
  Status worst;
  std::size_t hidden = 0;
  RECAP_TRY(linux::each_entry(root.get(), [&](const char* name, unsigned char type) {
    if (!looks_like_code(name, type == DT_DIR)) {
      return true;
    }
    if (++hidden > kMaxHidden) {
      worst = Error(Kind::kUnsupported,
                    "the target's root directory has too many files for --view merged: use --view "
                    "target instead");
      return false;
    }
    if (linux::stat_at(mask, name, AT_SYMLINK_NOFOLLOW)) {
      return true;
    }
    worst = hide(mask, name);
    return worst.has_value();
  }));
  RECAP_TRY(std::move(worst));
  for (std::size_t i = 0; i < std::size(kShownEtc); ++i) {
    RECAP_TRY(copy_bounded(mask, kShownEtc[i], proc, files.etc[i].get()));
  }
  return linux::set_attributes(mask, linux::MountAttr::kReadOnly, false);
}

}  // namespace recap::engine
