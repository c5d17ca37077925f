// SPDX-License-Identifier: Apache-2.0
#include "image/image_user.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "image/files.h"
#include "image/printable.h"
#include "linux/fs.h"
#include "run/spec.h"

namespace recap::image {

using base::Kind;
using base::Result;
using linux::DirFd;
using linux::UniqueFd;

namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::uint64_t kMaxId = 0xfffffffe;

using Fields = std::vector<std::string_view>;

Fields split(std::string_view text, char separator) {
  Fields out;
  while (true) {
    const std::size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return out;
    }
    text.remove_prefix(end + 1);
  }
}

struct PasswdEntry {
  std::string_view name;
  std::uint32_t uid = 0, gid = 0;
};

// The first entry that `matches`; lines that are no entries are passed over, as libc does.
template <typename Matches>
std::optional<PasswdEntry> find_passwd(std::string_view passwd, Matches&& matches) {
  for (const std::string_view line : split(passwd, '\n')) {
    const Fields fields = split(line, ':');
    if (fields.size() < 4) {
      continue;
    }
    const auto uid = parse_id(fields[2]);
    const auto gid = parse_id(fields[3]);
    if (uid && gid && matches(fields[0], *uid)) {
      return PasswdEntry{fields[0], *uid, *gid};
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> find_group(std::string_view group, std::string_view name) {
  for (const std::string_view line : split(group, '\n')) {
    const Fields fields = split(line, ':');
    if (fields.size() >= 3 && fields[0] == name) {
      if (const auto gid = parse_id(fields[2])) {
        return gid;
      }
    }
  }
  return std::nullopt;
}

Result<std::vector<std::uint32_t>> groups_with(std::string_view group, std::string_view member) {
  std::vector<std::uint32_t> out;
  for (const std::string_view line : split(group, '\n')) {
    const Fields fields = split(line, ':');
    const auto gid = fields.size() == 4 ? parse_id(fields[2]) : std::nullopt;
    if (!gid || std::ranges::find(out, *gid) != out.end()) {
      continue;
    }
    const Fields members = split(fields[3], ',');
    if (std::ranges::find(members, member) != members.end()) {
      out.push_back(*gid);
    }
    if (out.size() > run::kMaxGroups) {
      return failure(Kind::kUnsupported, "the image's user '", printable(member, 40),
                     "' is in more than ", run::kMaxGroups, " groups");
    }
  }
  return out;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<PasswdEntry> find_user(std::string_view user, std::string_view passwd) {
  if (user.empty()) {
    user = "0";
  }
  if (is_number(user)) {
    const auto uid = parse_id(user);
    if (!uid) {
      return failure(Kind::kInvalid, "'", printable(user, 40),
                     "' is no user id: ids are 0 to 4294967294");
    }
    const auto same = [uid](std::string_view, std::uint32_t other) { return other == *uid; };
    return find_passwd(passwd, same).value_or(PasswdEntry{"", *uid, 0});
  }
  const auto same = [user](std::string_view name, std::uint32_t) { return name == user; };
  const auto entry = find_passwd(passwd, same);
  if (!entry) {
    return failure(Kind::kInvalid, "user '", printable(user, 40),
                   "' is not in the image's /etc/passwd: use a number");
  }
  return *entry;
}

Result<std::uint32_t> find_gid(std::string_view name, std::string_view group) {
  const auto gid = is_number(name) ? parse_id(name) : find_group(group, name);
  if (!gid) {
    return failure(Kind::kInvalid, "group '", printable(name, 40),
                   "' is neither in the image's /etc/group nor an id of 0 to 4294967294");
  }
  return *gid;
}

}  // namespace

std::optional<std::uint32_t> parse_id(std::string_view text) {
  if (!is_number(text) || text.size() > 10 || (text.size() > 1 && text[0] == '0')) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value > kMaxId ? std::nullopt : std::optional(static_cast<std::uint32_t>(value));
}

Result<ImageUser> resolve_user(std::string_view user, std::string_view passwd,
                               std::string_view group) {
  const std::size_t colon = user.find(':');
  const PasswdEntry entry = RECAP_TRY(find_user(user.substr(0, colon), passwd));
  ImageUser out{entry.uid, entry.gid, {}};
  if (colon != std::string_view::npos) {
    out.gid = RECAP_TRY(find_gid(user.substr(colon + 1), group));
  } else if (!entry.name.empty()) {
    out.groups = RECAP_TRY(groups_with(group, entry.name));
  }
  return out;
}

Result<std::string> read_image_file(std::span<const DirFd> layers_top_first,
                                    const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  for (const DirFd& layer : layers_top_first) {
    const auto dir = RECAP_TRY(look_at(layer.get(), directory.c_str()));
    if (!dir) {
      continue;
    }
    if (!S_ISDIR(dir->st_mode)) {
      break;  // a whiteout or another file hides the directory of lower layers
    }
    const UniqueFd inside =
        RECAP_TRY(linux::open_beneath(layer.get(), directory.c_str(), O_RDONLY | O_DIRECTORY));
    const auto st = RECAP_TRY(look_at(inside.get(), name.c_str()));
    if (st) {
      if (is_whiteout(*st)) {
        break;
      }
      if (!S_ISREG(st->st_mode)) {
        return failure(Kind::kInvalid, "the image's /", path, " is no regular file");
      }
      // The layer never changes and is ours alone, so this is still the file that was looked at.
      const UniqueFd fd = RECAP_TRY(linux::open_beneath(inside.get(), name.c_str(), O_RDONLY));
      return read_bounded(fd.get(), kMaxFileBytes, "the image's /" + path);
    }
    std::array<char, 8> opaque{};
    if (fgetxattr(inside.get(), "trusted.overlay.opaque", opaque.data(), opaque.size()) > 0) {
      break;
    }
  }
  return std::string();
}

Result<ImageUser> resolve_user_in(std::span<const DirFd> layers_top_first, std::string_view user) {
  const std::string passwd = RECAP_TRY(read_image_file(layers_top_first, "etc", "passwd"));
  const std::string group = RECAP_TRY(read_image_file(layers_top_first, "etc", "group"));
  return resolve_user(user, passwd, group);
}

}  // namespace recap::image
