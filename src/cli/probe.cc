// SPDX-License-Identifier: Apache-2.0
#include "cli/probe.h"

#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "linux/fs.h"
#include "linux/process.h"

namespace recap::cli {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

// The first byte is the error's kind, or 0 of a success; a text follows.
[[noreturn]] void answer(int pipe, const Result<std::string>& result) {
  const char kind = result ? '\0' : static_cast<char>(result.error().kind());
  (void)linux::write_text(pipe, {&kind, 1});
  (void)linux::write_text(pipe, result ? std::string_view(*result) : result.error().message());
  linux::exit_now(0);
}

int exit_status_of(int pid) {
  int status = -1;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Result<std::string> ask_child(const std::function<Result<std::string>()>& attempt,
                              std::uint64_t new_namespaces) {
  linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
  const linux::Child child = RECAP_TRY(linux::fork(new_namespaces));
  if (child.pid == 0) {
    answer(pipe.write.get(), attempt());
  }
  pipe.write.reset();
  std::array<char, 600> buffer;
  const auto size = linux::read_all(pipe.read.get(), std::as_writable_bytes(std::span(buffer)));
  const int status = exit_status_of(child.pid);
  if (!size || *size == 0 || !WIFEXITED(status)) {
    return Error(Kind::kInternal, "the attempt ended without an answer");
  }
  const std::string_view text(buffer.data() + 1, *size - 1);
  if (buffer[0] != '\0') {
    return Error(static_cast<Kind>(buffer[0]), text);
  }
  return std::string(text);
}

Status try_in_child(const std::function<Status()>& attempt, std::uint64_t new_namespaces) {
  const auto run_attempt = [&]() -> Result<std::string> {
    RECAP_TRY(attempt());
    return std::string();
  };
  RECAP_TRY(ask_child(run_attempt, new_namespaces));
  return {};
}

}  // namespace recap::cli
