// SPDX-License-Identifier: Apache-2.0
// Where artifacts of /out go (--out), and other files that a run leaves for its user (--report): a
// new file appears under its name only when it is complete.
#pragma once

#include <string>

#include "base/result.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::capsule {

// A file that is written beside its final place and moved there by commit(). Without it, nothing
// stays. What is there already and is no regular file (a FIFO, /dev/stderr) is written to as it is.
class NewFile {
 public:
  static base::Result<NewFile> create(const std::string& path);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  [[nodiscard]] int fd() const { return file_.get(); }
  base::Status commit();

 private:
  NewFile(std::string path, std::string temporary, linux::UniqueFd file);
  std::string path_, temporary_;  // temporary_ is empty when there is nothing to move
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
