// SPDX-License-Identifier: Apache-2.0
#include "image/skopeo.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>

#include "image/printable.h"
#include "image/tool.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::UniqueFd;

namespace {

constexpr std::size_t kLogBytes = std::size_t{64} << 10;

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLookEvery{1};

// Everything until the other end is closed, the end of it when it is much; or the watch's error.
Result<std::string> read_log(int fd, FetchWatch* watch) {
  std::string log;
  std::array<std::byte, 4096> buffer{};
  auto next_look = Clock::now() + kLookEvery;
  while (true) {
    pollfd ready{fd, POLLIN, 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_look - Clock::now());
    const int some = poll(&ready, 1, std::max(0, static_cast<int>(left.count())));
    if (Clock::now() >= next_look) {  // also while it says something
      RECAP_TRY(watch != nullptr ? watch->look() : Status());
      next_look = Clock::now() + kLookEvery;
    }
    if (some <= 0) {
      continue;
    }
    const auto n = linux::read_some(fd, buffer);
    if (!n || *n == 0) {
      return log;
    }
    log.append(reinterpret_cast<const char*>(buffer.data()), *n);
    if (log.size() > 2 * kLogBytes) {
      log.erase(0, log.size() - kLogBytes);
    }
  }
}

struct Advice {
  std::string_view sign, advice;
};

constexpr std::array kAdvice = {
    Advice{"unauthorized", "log in with 'skopeo login HOST', or name the file with --authfile"},
    Advice{"authentication required",
           "log in with 'skopeo login HOST', or name the file with --authfile"},
    Advice{"invalid username/password",
           "log in again with 'skopeo login HOST', or name another file with --authfile"},
    Advice{"certificate", "put the CA's certificate into /etc/containers/certs.d/HOST"},
    Advice{"HTTP response to HTTPS client",
           "name the registry as insecure in registries.conf if it is to be used without TLS"},
    Advice{"manifest unknown", "look for the right name and tag"},
    Advice{"no space left", "make room where the store is; 'recap gc' removes what nothing uses"},
};

}  // namespace

Result<std::string> find_skopeo() {
  if (auto path = find_tool("skopeo")) {
    return *std::move(path);
  }
  return Error(Kind::kNotFound,
               "pulling and pushing need skopeo, which is not installed: install the package "
               "'skopeo', or bring the image as an archive with 'recap import'");
}

std::string last_message(std::string_view log) {
  constexpr std::string_view kMessage = "msg=\"";
  const std::size_t at = log.rfind(kMessage);
  std::string out;
  if (at == std::string_view::npos) {
    while (log.ends_with('\n')) {
      log.remove_suffix(1);
    }
    out = log.substr(log.rfind('\n') + 1);
    return out;
  }
  for (std::size_t i = at + kMessage.size(); i < log.size() && log[i] != '"'; ++i) {
    const bool is_escaped = log[i] == '\\' && i + 1 < log.size();
    i += is_escaped ? 1 : 0;
    out += is_escaped && (log[i] == 'n' || log[i] == 't') ? ' ' : log[i];
  }
  return out;
}

std::string_view advice_for(std::string_view message) {
  const auto* const at = std::ranges::find_if(kAdvice, [message](const Advice& one) {
    return message.find(one.sign) != std::string_view::npos;
  });
  return at == kAdvice.end() ? "" : at->advice;
}

Status run_skopeo(const std::string& path, const std::vector<std::string>& arguments, bool progress,
                  FetchWatch* watch) {
  linux::Pipe log = RECAP_TRY(linux::make_pipe());
  const UniqueFd null = RECAP_TRY(linux::open_at(linux::kCwd, "/dev/null", O_RDWR));
  const pid_t pid = RECAP_TRY(start_tool(
      path, arguments, {null.get(), progress ? STDERR_FILENO : null.get(), log.write.get()}));
  log.write.reset();
  const auto said = read_log(log.read.get(), watch);
  if (!said) {
    kill(pid, SIGKILL);
  }
  const int status = wait_for_tool(pid);
  if (!said) {
    return said.error();
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {};
  }
  const std::string message = last_message(*said);
  const std::string_view advice = advice_for(message);
  return failure(Kind::kNotFound, "skopeo failed: ",
                 message.empty() ? "it was ended by a signal" : printable(message, 300),
                 advice.empty() ? "" : "; ", advice);
}

}  // namespace recap::image
