// SPDX-License-Identifier: Apache-2.0
// FileChanged: inotify on a file or directory inside a target, reached through the target's root by
// descriptor. A file's directory is watched too, so that a file that is replaced (as editors and
// ConfigMaps do) is seen, and watched again.
#include <fcntl.h>
#include <sys/inotify.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/event_watch.h"
#include "linux/fs.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using boost::system::error_code;

constexpr std::uint32_t kFileEvents = IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF;
constexpr std::uint32_t kFolderEvents =
    IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr std::uint32_t kParentEvents = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR;
constexpr std::chrono::seconds kTryAgain{10};  // while not even its directory is there

class FileWatch : public std::enable_shared_from_this<FileWatch> {
 public:
  FileWatch(std::string path, const WatchPlace& place, OnEvent on_event)
      : path_(std::move(path)),
        target_(place.target),
        roots_(place.roots),
        on_event_(std::move(on_event)),
        inotify_(place.loop),
        timer_(place.loop) {}

  Status start();
  void stop() {
    on_event_ = nullptr;
    error_code ignored;
    inotify_.close(ignored);
    timer_.cancel();
  }

 private:
  Status add_watches();
  void try_again();
  void wait();
  void take(std::size_t size);

  std::string path_;
  targets::Target target_;
  targets::Roots roots_;
  OnEvent on_event_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer timer_;
  alignas(inotify_event) std::array<char, 8192> buffer_{};
  int file_ = -1, parent_ = -1;  // inotify's watch descriptors
};

Status FileWatch::start() {
  error_code failed;
  inotify_.assign(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), failed);
  if (failed) {
    return Error(Kind::kExhausted,
                 "no more inotify instances: raise the sysctl fs.inotify.max_user_instances");
  }
  wait();
  return add_watches();
}

// By the number of a descriptor of ours: a path of the target is never given to inotify.
int add_watch(int inotify, const linux::UniqueFd& fd, std::uint32_t events) {
  const auto path = base::concat<40>("/proc/self/fd/", fd.get());
  return ::inotify_add_watch(inotify, path.c_str(), events);
}

Status FileWatch::add_watches() {
  const targets::Pinned pinned = RECAP_TRY(targets::pin(target_, roots_));
  const auto root_path = base::concat<64>(roots_.proc, "/", target_.pid, "/root");
  const linux::UniqueFd root =
      RECAP_TRY(linux::open_at(linux::kCwd, root_path.c_str(), O_PATH | O_DIRECTORY));
  RECAP_TRY(linux::send_signal(pinned.pidfd.get(), 0));  // it was that target's root
  const std::string folder = path_.substr(0, std::max<std::size_t>(path_.rfind('/'), 1));
  const int inotify = inotify_.native_handle();
  const auto parent = linux::open_in_root(root.get(), folder.c_str(), O_PATH | O_DIRECTORY);
  parent_ = parent ? add_watch(inotify, *parent, kParentEvents) : -1;
  const auto file = linux::open_in_root(root.get(), path_.c_str(), O_PATH);
  if (file) {
    const auto info = linux::stat_at(file->get(), "", AT_EMPTY_PATH);
    const bool is_folder = info && (info->stx_mode & S_IFMT) == S_IFDIR;
    file_ = add_watch(inotify, *file, is_folder ? kFolderEvents : kFileEvents);
  }
  if (parent_ < 0 && file_ < 0) {
    try_again();
  }
  return {};
}

void FileWatch::try_again() {
  timer_.expires_after(kTryAgain);
  timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled && self->on_event_) {
      (void)self->add_watches();
    }
  });
}

void FileWatch::wait() {
  inotify_.async_read_some(boost::asio::buffer(buffer_),
                           [self = shared_from_this()](const error_code& failed, std::size_t size) {
                             if (!failed && self->on_event_) {
                               self->take(size);
                             }
                             if (!failed && self->on_event_) {
                               self->wait();
                             }
                           });
}

void FileWatch::take(std::size_t size) {
  const std::string_view own_name = std::string_view(path_).substr(path_.rfind('/') + 1);
  bool replaced = false;
  int changes = 0;
  for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
    inotify_event event;
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    const char* name = event.len > 0 ? buffer_.data() + at + sizeof event : "";
    at += sizeof event + event.len;
    if ((event.mask & IN_IGNORED) != 0) {
      file_ = event.wd == file_ ? -1 : file_;
    } else if (event.wd == file_ || (event.mask & IN_Q_OVERFLOW) != 0) {
      ++changes;
    } else if (event.wd == parent_ && own_name == name) {
      replaced = true;
    }
  }
  if (replaced) {
    (void)add_watches();
    ++changes;
  }
  for (; changes > 0 && on_event_; --changes) {
    on_event_();
  }
}

}  // namespace

Result<EventWatchPtr> watch_file(const std::string& path, const WatchPlace& place,
                                 OnEvent on_event) {
  auto watch = std::make_shared<FileWatch>(path, place, std::move(on_event));
  auto owner = std::make_unique<OwnedWatch<FileWatch>>(watch);
  RECAP_TRY(watch->start());
  return EventWatchPtr(std::move(owner));
}

}  // namespace recap::caplet
