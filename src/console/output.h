// SPDX-License-Identifier: Apache-2.0
// The two ways out: results on stdout, everything else on stderr. No iostream: it costs the run
// path its static initialisers, and it hides a full disk until it is too late to say so. A reader
// that does not read is waited for, but SIGTERM and its like end the wait and the program.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::console {

// Ours: refused, failed, not understood. The function's own exit codes are never confused with it
// because the reason is on stderr.
inline constexpr int kExitOurs = 125;

// Buffers what goes to one descriptor. Bytes are written as they are: names from outside go through
// printable() or a JsonWriter first (Table does it).
class Output {
 public:
  explicit Output(int fd = 1) : fd_(fd) {}

  Output& operator<<(std::string_view text);

  // Writes what is buffered. After a failure (disk full, reader gone) nothing more is written.
  base::Status flush();

  // flush(), and `code` when all of it arrived; else the reason on stderr and 125.
  int finish(std::string_view verb, int code = 0);

 private:
  int fd_;
  int error_ = 0;
  std::string buffer_;
};

// Writes all of `bytes` to `fd`, also when it is slow or interrupts come in between.
base::Status write_all(int fd, std::string_view bytes);

// "recap VERB: MESSAGE" on stderr, made printable.
void complain(std::string_view verb, std::string_view message);

// The same for an error; returns kExitOurs.
int fail(std::string_view verb, const base::Error& error);

}  // namespace recap::console
