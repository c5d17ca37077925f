// SPDX-License-Identifier: Apache-2.0
#include "image/tree_compare.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <span>
#include <vector>

#include "linux/error.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;
using linux::DirFd;
using linux::UniqueFd;

namespace {

constexpr std::size_t kMaxXattrBytes = std::size_t{64} << 10;  // the kernel's XATTR_SIZE_MAX
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

using Attributes = std::map<std::string, std::string>;

// Of what `fd` names, also an O_PATH descriptor, which f*xattr(2) would not take.
Result<Attributes> attributes_of(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  std::vector<char> names(kMaxXattrBytes);
  const ssize_t size = listxattr(path.c_str(), names.data(), names.size());
  if (size < 0 && errno != EOPNOTSUPP) {
    return linux::failed("list the attributes of", "a file of the store", errno);
  }
  Attributes out;
  std::string_view rest(names.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(name.size() + 1);
    std::vector<char> value(kMaxXattrBytes);
    const ssize_t length = getxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0) {
      return linux::failed("read an attribute of", "a file of the store", errno);
    }
    out[name].assign(value.data(), static_cast<std::size_t>(length));
  }
  return out;
}

Result<bool> same_content(int one, int other) {
  std::vector<std::byte> left(kReadBytes), right(kReadBytes);
  while (true) {
    const std::size_t a = RECAP_TRY(linux::read_all(one, left));
    const std::size_t b = RECAP_TRY(linux::read_all(other, right));
    if (a != b || !std::equal(left.begin(), left.begin() + static_cast<long>(a), right.begin())) {
      return false;
    }
    if (a == 0) {
      return true;
    }
  }
}

struct Pair {
  const DirFd& found;
  const DirFd& expected;
};

Result<UniqueFd> open_entry(const DirFd& dir, const std::string& name, int flags) {
  return linux::open_at(dir.get(), name.c_str(), flags | O_NOFOLLOW);
}

// What differs of the entry itself, "" for nothing.
Result<std::string> difference_of(const struct statx& one, const struct statx& other) {
  const auto same_device = [&] {
    return one.stx_rdev_major == other.stx_rdev_major && one.stx_rdev_minor == other.stx_rdev_minor;
  };
  if ((one.stx_mode & S_IFMT) != (other.stx_mode & S_IFMT) || !same_device()) {
    return "its type";
  }
  if (one.stx_mode != other.stx_mode) {
    return "its mode";
  }
  if (one.stx_uid != other.stx_uid || one.stx_gid != other.stx_gid) {
    return "its owner";
  }
  if (S_ISDIR(one.stx_mode)) {
    return "";
  }
  if (one.stx_size != other.stx_size) {
    return "its size";
  }
  return one.stx_nlink != other.stx_nlink ? "its links" : "";
}

Result<std::string> difference_at(const Pair& dirs, const std::string& name) {
  const UniqueFd one = RECAP_TRY(open_entry(dirs.found, name, O_PATH));
  const UniqueFd other = RECAP_TRY(open_entry(dirs.expected, name, O_PATH));
  const struct statx a = RECAP_TRY(linux::stat_at(one.get(), "", AT_EMPTY_PATH));
  const struct statx b = RECAP_TRY(linux::stat_at(other.get(), "", AT_EMPTY_PATH));
  std::string found = RECAP_TRY(difference_of(a, b));
  if (!found.empty()) {
    return found;
  }
  // A whiteout, and a directory that the archive does not list, have the time of their unpacking.
  const bool has_time = S_ISREG(a.stx_mode) || S_ISLNK(a.stx_mode);
  if (has_time &&
      (a.stx_mtime.tv_sec != b.stx_mtime.tv_sec || a.stx_mtime.tv_nsec != b.stx_mtime.tv_nsec)) {
    return "its time";
  }
  if (S_ISLNK(a.stx_mode)) {
    std::array<char, 4096> left{}, right{};
    const auto to = RECAP_TRY(linux::read_link_at(dirs.found.get(), name.c_str(), left));
    return RECAP_TRY(linux::read_link_at(dirs.expected.get(), name.c_str(), right)) == to
               ? ""
               : "where it leads";
  }
  if (RECAP_TRY(attributes_of(one.get())) != RECAP_TRY(attributes_of(other.get()))) {
    return "its attributes";
  }
  if (S_ISREG(a.stx_mode)) {
    const UniqueFd left = RECAP_TRY(open_entry(dirs.found, name, O_RDONLY));
    const UniqueFd right = RECAP_TRY(open_entry(dirs.expected, name, O_RDONLY));
    return RECAP_TRY(same_content(left.get(), right.get())) ? "" : "its content";
  }
  return "";
}

// names_in() leaves out what begins with a dot.
Result<std::map<std::string, bool>> entries_of(const DirFd& dir) {
  std::map<std::string, bool> out;
  RECAP_TRY(linux::each_entry(dir.get(), [&out](const char* name, unsigned char type) {
    out.emplace(name, type == DT_DIR);
    return true;
  }));
  return out;
}

Result<std::string> difference_below(const Pair& dirs, const std::string& at) {
  const auto entries = RECAP_TRY(entries_of(dirs.found));
  const auto expected = RECAP_TRY(entries_of(dirs.expected));
  for (const auto& [name, _] : expected) {
    if (!entries.contains(name)) {
      return at + name + " is missing";
    }
  }
  for (const auto& [name, is_directory] : entries) {
    if (!expected.contains(name)) {
      return at + name + " does not belong there";
    }
    std::string what = RECAP_TRY(difference_at(dirs, name));
    if (!what.empty()) {
      return at + name + ": " + what + " differs";
    }
    if (is_directory) {
      const DirFd one = RECAP_TRY(linux::open_dir_at(dirs.found.get(), name.c_str()));
      const DirFd other = RECAP_TRY(linux::open_dir_at(dirs.expected.get(), name.c_str()));
      what = RECAP_TRY(difference_below({one, other}, at + name + "/"));
    }
    if (!what.empty()) {
      return what;
    }
  }
  return "";
}

}  // namespace

Result<std::string> first_difference(const DirFd& found, const DirFd& expected) {
  std::string what = RECAP_TRY(difference_at({found, expected}, "."));
  return what.empty() ? difference_below({found, expected}, "/") : "/: " + what + " differs";
}

}  // namespace recap::image
