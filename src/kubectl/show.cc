// SPDX-License-Identifier: Apache-2.0
#include "kubectl/show.h"

#include <unistd.h>

#include "console/escape.h"
#include "console/output.h"

namespace recap::kubectl {
namespace {

base::Status write(int fd, std::string_view bytes, std::string_view pod, const Shown& how) {
  std::string text = how.with_prefix ? prefixed(bytes, pod) : std::string(bytes);
  return console::write_all(fd, ::isatty(fd) == 1 ? console::printable_lines(text) : text);
}

void say_what_is_missing(const TargetResult& result, std::string_view stream, std::size_t shown,
                         std::int64_t total, const Shown& how) {
  if (static_cast<std::int64_t>(shown) >= total) {
    return;
  }
  console::complain(how.verb, "these are the last " + std::to_string(shown) + " of " +
                                  std::to_string(total) + " bytes of " + std::string(stream) +
                                  " of pod " + result.pod + "; more is on node " + result.node +
                                  ": recap logs " + result.run_id);
}

}  // namespace

std::string prefixed(std::string_view text, std::string_view pod) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.append("[").append(pod).append("] ").append(text.substr(0, end)).append("\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

base::Status show(const TargetResult& result, const Shown& how) {
  RECAP_TRY(write(STDOUT_FILENO, result.out, result.pod, how));
  RECAP_TRY(write(STDERR_FILENO, result.err, result.pod, how));
  say_what_is_missing(result, "stdout", result.out.size(), result.out_bytes, how);
  say_what_is_missing(result, "stderr", result.err.size(), result.err_bytes, how);
  const std::string where = how.with_prefix ? "pod " + result.pod + ": " : "";
  if (!result.message.empty()) {
    console::complain(how.verb, where + result.message);
  } else if (result.reason != "Exited" && !result.reason.empty()) {
    console::complain(how.verb, where + "the run ended: " + result.reason);
  } else if (how.with_prefix && !how.quiet && result.exit_code.value_or(0) != 0) {
    console::complain(how.verb, where + "exit code " + std::to_string(*result.exit_code));
  }
  for (const std::string& left : result.residue) {
    console::complain(how.verb, where + "Escape could not remove " + left);
  }
  return {};
}

}  // namespace recap::kubectl
