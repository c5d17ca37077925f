// SPDX-License-Identifier: Apache-2.0
// Opened before the keeper starts: a place that cannot be written is an error of the request, not
// of the run.
#include "capsule/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "linux/error.h"
#include "linux/fs.h"

namespace recap::capsule {
namespace {

// What mkostemp does not do: the mode that any new file of this user would get.
void apply_umask(int fd) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  (void)::fchmod(fd, 0666 & ~mask);
}

bool is_directory(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// A FIFO that nobody reads would be waited for before the run has begun.
base::Result<linux::UniqueFd> open_existing(const std::string& path) {
  auto file = linux::open_at(linux::kCwd, path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) {
    return file.error().errno_value() != ENXIO
               ? std::move(file)
               : base::Error(base::Kind::kInvalid,
                             base::concat<400>("nobody reads from '", path,
                                               "': start its reader first, or name a file"));
  }
  RECAP_TRY(linux::set_nonblocking(file->get(), false));
  return file;
}

std::string temporary_name(const std::string& path) { return path + ".recap-XXXXXX"; }

}  // namespace

base::Result<NewFile> NewFile::create(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) {
      return base::Error(base::Kind::kInvalid,
                         base::concat<400>("'", path, "' is a directory: name a file"));
    }
    return NewFile(path, RECAP_TRY(open_existing(path)));
  }
  auto unnamed =
      linux::open_at(linux::kCwd, directory_of(path).c_str(), O_WRONLY | O_TMPFILE, 0666);
  if (unnamed) {
    NewFile file(path, *std::move(unnamed));
    file.unnamed_ = true;
    return file;
  }
  std::string temporary = temporary_name(path);
  linux::UniqueFd named(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!named.valid()) {
    return linux::failed("write", path, errno);
  }
  apply_umask(named.get());
  NewFile file(path, std::move(named));
  file.temporary_ = std::move(temporary);
  return file;
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      unnamed_(std::exchange(other.unnamed_, false)),
      file_(std::move(other.file_)) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) {
    (void)::unlink(temporary_.c_str());
  }
}

// linkat(2) replaces nothing, so over an older file it takes a name for a moment and a rename.
base::Status NewFile::give_name() {
  base::Status linked = linux::link_at(file_.get(), linux::kCwd, path_.c_str());
  if (linked || linked.error().kind() != base::Kind::kExists) {
    return linked;
  }
  std::string name = temporary_name(path_);
  const linux::UniqueFd holder(::mkostemp(name.data(), O_CLOEXEC));  // finds a name that is free
  if (!holder.valid() || ::unlink(name.c_str()) != 0) {
    return linux::failed("replace", path_, errno);
  }
  RECAP_TRY(linux::link_at(file_.get(), linux::kCwd, name.c_str()));
  temporary_ = std::move(name);
  return {};
}

base::Status NewFile::commit() {
  if (std::exchange(unnamed_, false)) {
    RECAP_TRY(give_name());
  }
  if (!temporary_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return linux::failed("move the finished file to", path_, errno);
  }
  temporary_.clear();
  return {};
}

base::Result<OutPlace> open_out(const std::string& out) {
  OutPlace place;
  if (out.empty()) {
    return place;
  }
  place.mode = run::OutMode::kFile;
  if (out == "-") {
    if (::isatty(STDOUT_FILENO) != 0) {
      return base::Error(base::Kind::kInvalid,
                         "--out - would write an artifact to the terminal: redirect stdout, or "
                         "name a file");
    }
    place.descriptor = RECAP_TRY(linux::duplicate(STDOUT_FILENO));
    return place;
  }
  if (!out.ends_with('/') && !is_directory(out)) {
    return place;
  }
  place.mode = run::OutMode::kDirectory;
  if (::mkdir(out.c_str(), 0777) != 0 && errno != EEXIST) {
    return linux::failed("make the directory", out, errno);
  }
  if (::access(out.c_str(), W_OK) != 0) {
    return linux::failed("write into", out, errno);
  }
  place.descriptor = RECAP_TRY(linux::open_at(linux::kCwd, out.c_str(), O_RDONLY | O_DIRECTORY));
  return place;
}

}  // namespace recap::capsule
