// SPDX-License-Identifier: Apache-2.0
// Reads what a keeper keeps of a run's output while it writes it. The keeper's log NAME
// becomes NAME.1 when it is full (engine/log.h); a tail reads on through that.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "console/output.h"
#include "linux/unique_fd.h"

namespace recap::cli {

using console::Output;

class LogTail {
 public:
  // `dir` is lent. A log that is not there (yet) reads as empty.
  LogTail(int dir, std::string name) : dir_(dir), name_(std::move(name)) {}

  // Writes all that came since the last call. `escaped`: without control characters.
  base::Status pump(Output& out, bool escaped);

 private:
  base::Status begin(Output& out, bool escaped);
  base::Status read_rest(Output& out, bool escaped);
  base::Status read_between(Output& out, bool escaped, std::uint64_t inode);

  int dir_;
  std::string name_;
  linux::UniqueFd file_;
  std::uint64_t inode_ = 0;
};

}  // namespace recap::cli
