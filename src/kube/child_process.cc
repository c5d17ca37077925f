// SPDX-License-Identifier: Apache-2.0
#include "kube/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <span>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/process.h"

namespace recap::kube {

namespace asio = boost::asio;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

// Kills the child, if it still runs, and reaps it.
class Child {
 public:
  Child(int pid, linux::PidFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill();
      (void)wait();
    }
  }

  void kill() const { (void)linux::send_signal(pidfd_.get(), SIGKILL); }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

  // As of waitpid(2); nothing when somebody else reaped it.
  std::optional<int> wait() {
    int status = 0;
    const int pid = std::exchange(pid_, 0);
    while (waitpid(pid, &status, 0) < 0) {
      if (errno != EINTR) {
        return std::nullopt;
      }
    }
    return status;
  }

 private:
  int pid_;
  linux::PidFd pidfd_;
};

// The vector of pointers that exec wants; `words` have to outlive it.
std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) {
    out.push_back(word.data());
  }
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view entry(*each);
    bool replaced = false;
    for (const auto& [name, value] : added) {
      replaced = replaced || entry.starts_with(name + "=");
    }
    if (!replaced) {
      out.emplace_back(entry);
    }
  }
  for (const auto& [name, value] : added) {
    out.push_back(name + "=" + value);
  }
  return out;
}

// A file, so that nobody has to feed a program that does not read.
Result<linux::UniqueFd> input_of(const Program& program) {
  linux::UniqueFd file = RECAP_TRY(linux::make_memfd("input", false));
  RECAP_TRY(linux::write_all(file.get(), std::as_bytes(std::span(program.input))));
  return file;
}

Result<Child> start(const Program& program, int output) {
  const linux::UniqueFd input = RECAP_TRY(input_of(program));
  const std::string input_path = "/proc/self/fd/" + std::to_string(input.get());
  std::vector<std::string> argv = program.args;
  argv.insert(argv.begin(), program.command);
  std::vector<std::string> env = environment_with(program.env);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Opened anew: an own offset, and nothing to write to.
  posix_spawn_file_actions_addopen(&actions, 0, input_path.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  // Where we ignore SIGCHLD, it would not be told of the end of programs that it starts.
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  posix_spawnattr_setsigdefault(&attributes, &child);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int pid = 0;
  const int failed = posix_spawnp(&pid, program.command.c_str(), &actions, &attributes,
                                  pointers(argv).data(), pointers(env).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    const auto message = base::concat<400>("cannot start ", program.command,
                                           ": install it or correct its configuration");
    return Error(failed == ENOENT ? Kind::kNotFound : Kind::kDenied, message.view(), failed);
  }
  linux::PidFd pidfd = RECAP_TRY(linux::open_pidfd(pid));
  return Child(pid, std::move(pidfd));
}

Error ended_badly(const Program& program, int status) {
  const auto how = WIFEXITED(status) ? base::concat<40>("exit code ", WEXITSTATUS(status))
                                     : base::concat<40>("signal ", WTERMSIG(status));
  return {Kind::kDenied,
          base::concat<400>(program.command, " gave no credential (", how, "): see its messages")
              .view()};
}

// What the deadline needs; it may come when the coroutine is already gone.
struct Job {
  Job(const Executor& executor, Child started, int output_fd)
      : child(std::move(started)), output(executor, output_fd) {}

  Child child;
  asio::posix::stream_descriptor output;
  bool late = false;
};

void kill_later(asio::steady_timer& deadline, const std::shared_ptr<Job>& job) {
  deadline.async_wait([weak = std::weak_ptr(job)](const boost::system::error_code& error) {
    const auto alive = weak.lock();
    if (!error && alive != nullptr) {
      alive->late = true;
      alive->child.kill();
      alive->output.cancel();  // a grandchild may hold the pipe open
    }
  });
}

Result<std::string> finished(const Program& program, Job& job, std::string text) {
  if (text.size() > program.max_output) {
    job.child.kill();
    return Error(Kind::kExhausted,
                 base::concat<300>(program.command, " wrote more than a credential").view());
  }
  const std::optional<int> status = job.child.wait();
  if (job.late) {
    return Error(Kind::kTimeout, base::concat<300>(program.command, " gave no credential in ",
                                                   program.timeout.count() / 1000, " s")
                                     .view());
  }
  if (status && *status != 0) {
    return ended_badly(program, *status);
  }
  return text;
}

}  // namespace

Task<std::string> run_program(Program program) {
  const auto executor = co_await asio::this_coro::executor;
  RECAP_CO_TRY(linux::Pipe pipe, linux::make_pipe());
  RECAP_CO_TRY(Child child, start(program, pipe.write.get()));
  pipe.write.reset();
  const auto job = std::make_shared<Job>(executor, std::move(child), pipe.read.release());
  asio::steady_timer deadline(executor, program.timeout);
  kill_later(deadline, job);

  std::string text;
  std::vector<char> buffer(4096);
  const asio::mutable_buffer space(buffer.data(), buffer.size());
  bool open = true;
  while (open && text.size() <= program.max_output) {
    const auto [error, size] = co_await job->output.async_read_some(space, kTuple);
    text.append(buffer.data(), size);
    open = !error && !job->late;
  }
  if (!open) {  // its end may come after its output's
    asio::posix::stream_descriptor ended(executor, fcntl(job->child.pidfd(), F_DUPFD_CLOEXEC, 0));
    (void)co_await ended.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
  }
  co_return finished(program, *job, std::move(text));
}

}  // namespace recap::kube
