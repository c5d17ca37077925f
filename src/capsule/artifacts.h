// SPDX-License-Identifier: Apache-2.0
// Where artifacts of /out go (--out), and other files that a run leaves for its user (--report): a
// new file appears under its name only when it is complete.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::capsule {

// A file without a name (O_TMPFILE) that commit() puts at its place, also over an older one.
// Without it nothing stays, however this process ends; but where the file system has only files
// with names, one of ours may stay when we are killed. What is there already and is no regular file
// (a FIFO, /dev/stderr) is written to as it is.
class NewFile {
 public:
  static base::Result<NewFile> create(const std::string& path);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  [[nodiscard]] int fd() const { return file_.get(); }
  base::Status commit();

 private:
  NewFile(std::string path, linux::UniqueFd file)
      : path_(std::move(path)), file_(std::move(file)) {}
  base::Status give_name();
  std::string path_;
  std::string temporary_;  // its name, when it has one that is not yet the right one
  bool unnamed_ = false;
  linux::UniqueFd file_;
};

// "DIR/", an existing directory, "FILE" or "-".
struct OutPlace {
  run::OutMode mode = run::OutMode::kNone;
  linux::UniqueFd descriptor;  // for the keeper
};

// For a directory or "-"; kFile without a descriptor for anything else (see NewFile).
base::Result<OutPlace> open_out(const std::string& out);

}  // namespace recap::capsule
