// SPDX-License-Identifier: Apache-2.0
// Checked at each run: a directory of somebody else's is as good as a forged ledger.
#include "capsule/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "linux/error.h"
#include "linux/fs.h"

namespace recap::capsule {
namespace {

base::Status make_one(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return linux::failed("make the directory", path, errno);
  }
  return {};
}

base::Status make_with_parents(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    // A parent above ours belongs to the host: it keeps the mode that hosts give such directories.
    if (::mkdir(path.substr(0, at).c_str(), 0755) != 0 && errno != EEXIST) {
      return linux::failed("make the directory", path.substr(0, at), errno);
    }
  }
  return make_one(path);
}

base::Status trusted(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return linux::failed("look at", path, errno);
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != 0 || (info.st_mode & 077) != 0) {
    return base::Error(base::Kind::kDenied,
                       base::concat<400>(path,
                                         " must be a directory of root with mode 0700: "
                                         "chown root ",
                                         path, " && chmod 700 ", path));
  }
  return {};
}

std::string from_variable(const char* name, std::string otherwise) {
  const char* value = ::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(otherwise) : std::string(value);
}

}  // namespace

Dirs Dirs::from_environment() {
  Dirs dirs;
  dirs.state = from_variable("RECAP_STATE_DIR", std::move(dirs.state));
  dirs.data = from_variable("RECAP_DATA_DIR", std::move(dirs.data));
  dirs.policy = from_variable("RECAP_POLICY", std::move(dirs.policy));
  return dirs;
}

base::Status Dirs::ensure() const {
  for (const std::string& top : {state, data}) {
    if (!top.starts_with('/')) {
      return base::Error(base::Kind::kInvalid,
                         base::concat<400>("'", top,
                                           "' is not an absolute path: RECap's "
                                           "directories need one"));
    }
  }
  struct stat info{};
  for (const auto& [top, inner] : {std::pair(state, runs()), std::pair(data, records())}) {
    if (::stat(inner.c_str(), &info) != 0) {
      for (base::Status made : {make_with_parents(top), make_one(inner)}) {
        if (!made) {
          return made;
        }
      }
    }
    if (base::Status ok = trusted(top); !ok) {
      return ok;
    }
  }
  return {};
}

}  // namespace recap::capsule
