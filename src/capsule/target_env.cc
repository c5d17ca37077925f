// SPDX-License-Identifier: Apache-2.0
#include "capsule/target_env.h"

#include <signal.h>

#include <algorithm>

#include "capsule/target_env_child.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::capsule {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{128} << 10;
constexpr std::size_t kMaxName = 256;
constexpr std::uint64_t kTimeoutMs = 2000;

// What names code, a place of code, a file that names either, or a command. Not every program's
// variables can be known, so endings count too.
constexpr std::string_view kRefusedBeginnings[] = {
    "LD_",      "BASH", "GLIBC_",  "MALLOC_",  "PYTHON",   "PERL",   "RUBY", "GEM_",   "BUNDLE_",
    "NODE_",    "NPM_", "npm_",    "LUA_",     "PHP",      "GUILE_", "TCL",  "JULIA_", "JAVA_",
    "_JAVA",    "JDK_", "DOTNET_", "CORECLR_", "COMPlus_", "GIT_",   "SSH_", "GDB",    "OPENSSL_",
    "TERMINFO", "XDG_", "LESS",    "PROMPT_",  "GTK_",     "QT_",    "NSS_", "KRB5",   "PS"};
constexpr std::string_view kRefusedEndings[] = {
    "PATH",  "LIB",     "HOME",    "DIRS",  "PRELOAD", "OPT",    "OPTS", "OPTIONS",
    "PAGER", "EDITOR",  "BROWSER", "SHELL", "COMMAND", "CONFIG", "CONF", "STARTUP",
    "RC",    "MODULES", "PLUGINS", "INIT",  "ASKPASS", "FLAGS"};
constexpr std::string_view kRefusedNames[] = {"ENV",     "IFS",    "SHELLOPTS",
                                              "TERMCAP", "VISUAL", "ZDOTDIR"};

bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, allowed);
}

bool may_decide_what_runs(std::string_view name) {
  return std::ranges::any_of(kRefusedBeginnings,
                             [&](auto beginning) { return name.starts_with(beginning); }) ||
         std::ranges::any_of(kRefusedEndings, [&](auto end) { return name.ends_with(end); }) ||
         std::ranges::find(kRefusedNames, name) != std::end(kRefusedNames);
}

// Until the end of file, or `buffer` is full. kTimeout at `deadline`.
base::Result<std::size_t> read_until(int fd, std::span<std::byte> buffer, std::uint64_t deadline) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const std::uint64_t now = linux::monotonic_ns();
    linux::PollFd readable[] = {{.fd = fd, .events = linux::kPollIn}};
    const auto left_ms = static_cast<std::int64_t>((deadline - now) / 1'000'000) + 1;
    if (now >= deadline || RECAP_TRY(linux::poll(readable, left_ms)) == 0) {
      return base::Error(base::Kind::kTimeout,
                         "the target's environment cannot be read: set variables with --env");
    }
    const std::size_t got = RECAP_TRY(linux::read_some(fd, buffer.subspan(size)));
    if (got == 0) {
      break;
    }
    size += got;
  }
  return size;
}

}  // namespace

base::Status check_target_variable(std::string_view name) {
  if (!is_name(name)) {
    return base::Error(base::Kind::kInvalid,
                       "it takes names of the target's variables, with commas between them");
  }
  if (may_decide_what_runs(name)) {
    return base::Error(
        base::Kind::kDenied,
        base::concat<400>(name,
                          " is not taken from a target, for such a variable may decide what "
                          "code runs: set it with --env if you trust its value"));
  }
  return {};
}

// In a child, which waits in our place. Where the kernel does not let it be killed while it waits,
// it ends with what it waits for.
base::Result<std::size_t> read_file_within(const char* path, std::span<std::byte> buffer,
                                           std::uint64_t timeout_ms) {
  const std::uint64_t deadline = linux::monotonic_ns() + timeout_ms * 1'000'000;
  linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
  const linux::Child child = RECAP_TRY(linux::fork());
  if (child.pid == 0) {
    copy_file_in_child(path, pipe.write.get());
  }
  pipe.write.reset();
  auto size = read_until(pipe.read.get(), buffer, deadline);
  if (!size) {
    (void)linux::send_signal(child.pidfd.get(), SIGKILL);
  }
  return size;
}

std::vector<std::string> chosen_variables(std::string_view environ,
                                          std::span<const std::string> names) {
  std::vector<std::string> words;
  while (!environ.empty()) {
    const std::string_view word = environ.substr(0, environ.find('\0'));
    environ.remove_prefix(std::min(word.size() + 1, environ.size()));
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos &&
        std::ranges::find(names, word.substr(0, equals)) != names.end()) {
      words.emplace_back(word);
    }
  }
  return words;
}

base::Result<std::vector<std::string>> target_environment(std::uint32_t pid,
                                                          std::span<const std::string> names) {
  for (const std::string& name : names) {
    if (base::Status ok = check_target_variable(name); !ok) {
      return std::move(ok).error();
    }
  }
  std::string buffer(kMaxBytes, '\0');
  const std::size_t size =
      RECAP_TRY(read_file_within(base::concat<48>("/proc/", pid, "/environ").c_str(),
                                 std::as_writable_bytes(std::span(buffer)), kTimeoutMs));
  if (size == buffer.size()) {
    return base::Error(base::Kind::kInvalid,
                       "the target's environment exceeds 128 KiB: set variables with --env");
  }
  return chosen_variables(std::string_view(buffer).substr(0, size), names);
}

}  // namespace recap::capsule
