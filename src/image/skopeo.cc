// SPDX-License-Identifier: Apache-2.0
#include "image/skopeo.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "image/printable.h"
#include "image/skopeo_child.h"
#include "linux/error.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::UniqueFd;

namespace {

constexpr std::size_t kLogBytes = std::size_t{64} << 10;

// Everything until the other end is closed; of much, the end.
std::string read_log(int fd) {
  std::string log;
  std::array<std::byte, 4096> buffer{};
  while (true) {
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

}  // namespace

Result<std::string> find_skopeo() {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    std::string file(rest.substr(0, colon));
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
    file.append("/skopeo");
    if (file[0] == '/' && access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return Error(Kind::kNotFound,
               "pulling needs skopeo, which is not installed: install the package 'skopeo', or "
               "bring the image as an archive with 'recap import'");
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
    if (log[i] == '\\' && i + 1 < log.size()) {
      ++i;
    }
    out += log[i];
  }
  return out;
}

Status run_skopeo(const std::string& path, const std::vector<std::string>& arguments,
                  bool progress) {
  std::vector<const char*> argv{path.c_str()};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  argv.push_back(nullptr);
  linux::Pipe log = RECAP_TRY(linux::make_pipe());
  const UniqueFd null = RECAP_TRY(linux::open_at(linux::kCwd, "/dev/null", 2 /* O_RDWR */));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return linux::failed("start", "skopeo", errno);
  }
  if (pid == 0) {
    become_skopeo(argv.data(), {null.get(), progress ? 2 : null.get(), log.write.get()}, parent);
  }
  log.write.reset();
  const std::string said = read_log(log.read.get());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {};
  }
  const std::string message = last_message(said);
  return failure(Kind::kNotFound, "skopeo could not get the image: ",
                 message.empty() ? "it was ended by a signal" : printable(message, 300));
}

}  // namespace recap::image
