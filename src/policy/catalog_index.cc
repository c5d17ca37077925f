// SPDX-License-Identifier: Apache-2.0
// A line of text per function: short enough to be read anew for each run, simple enough to trust.
#include "policy/catalog_index.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <span>

#include "linux/fs.h"

namespace recap::policy {
namespace {

constexpr std::size_t kMaxIndexBytes = std::size_t{1} << 20;

base::Error distrusted(std::string_view path) {
  return {
      base::Kind::kDenied,
      base::concat<400>("the catalogue index ", path,
                        " must belong to root, be writable by nobody else and be at most 1 MiB: "
                        "install the catalogue again")};
}

}  // namespace

std::string_view function_in(std::string_view index, std::string_view digest) {
  if (digest.empty() || digest.find_first_of(" \n") != std::string_view::npos) {
    return {};
  }
  while (!index.empty()) {
    const std::size_t end = index.find('\n');
    const std::string_view line = index.substr(0, end);
    index.remove_prefix(end == std::string_view::npos ? index.size() : end + 1);
    if (line.size() > digest.size() + 1 && line.starts_with(digest) && line[digest.size()] == ' ') {
      // DIGEST NAME [DESCRIPTION]
      const std::string_view rest = line.substr(digest.size() + 1);
      return rest.substr(0, rest.find(' '));
    }
  }
  return {};
}

base::Result<std::string> function_of(std::string_view index_path, std::string_view digest) {
  const std::string path(index_path);
  auto file = linux::open_at(linux::kCwd, path.c_str(), O_RDONLY | O_NOFOLLOW);
  if (!file) {
    if (file.error().errno_value() == ENOENT) {
      return std::string();
    }
    return std::move(file).error();
  }
  struct stat info{};
  if (fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != 0 ||
      (info.st_mode & 022) != 0 || info.st_size > static_cast<off_t>(kMaxIndexBytes)) {
    return distrusted(path);
  }
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  text.resize(RECAP_TRY(linux::read_all(file->get(), std::as_writable_bytes(std::span(text)))));
  return std::string(function_in(text, digest));
}

}  // namespace recap::policy
