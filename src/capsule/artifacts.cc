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

}  // namespace

base::Result<NewFile> NewFile::create(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) {
      return base::Error(base::Kind::kInvalid,
                         base::concat<400>("'", path, "' is a directory: name a file"));
    }
    return NewFile(path, "", RECAP_TRY(linux::open_at(linux::kCwd, path.c_str(), O_WRONLY)));
  }
  std::string temporary = path + ".recap-XXXXXX";
  linux::UniqueFd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) {
    return linux::failed("write", path, errno);
  }
  apply_umask(file.get());
  return NewFile(path, std::move(temporary), std::move(file));
}

NewFile::NewFile(std::string path, std::string temporary, linux::UniqueFd file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) {
    (void)::unlink(temporary_.c_str());
  }
}

base::Status NewFile::commit() {
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
