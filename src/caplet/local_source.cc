// SPDX-License-Identifier: Apache-2.0
#include "caplet/local_source.h"

#include <sys/inotify.h>

#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include "caplet/log.h"

namespace recap::caplet {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFullLook{30'000};
constexpr milliseconds kQuickLook{100};
constexpr int kQuickLooks = 4;  // after 100, 200, 400 and 800 ms

NodeTarget as_node_target(targets::Target target) {
  NodeTarget node;
  node.name = target.runtime + "://" + target.name;
  node.instance = target.id + "@" + std::to_string(target.start_time);
  node.labels = target.labels;
  node.target = std::move(target);
  return node;
}

}  // namespace

LocalSource::LocalSource(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
                         targets::Roots roots)
    : loop_(loop), workers_(workers), roots_(std::move(roots)), inotify_(loop), timer_(loop) {}

void LocalSource::start(OnChange on_change) {
  on_change_ = std::move(on_change);
  boost::system::error_code failed;
  inotify_.assign(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), failed);
  if (failed) {
    log_warning("containers are only looked for every 30 s", {{"why", failed.message()}});
  } else {
    wait_for_change();
  }
  look();
}

// Adding a directory that is watched already changes nothing, so this may be done again and again;
// one that has come into being meanwhile is watched from now on.
void LocalSource::watch_roots() {
  for (const auto* roots : {&roots_.oci_roots, &roots_.containerd_roots}) {
    for (const std::string& root : *roots) {
      (void)::inotify_add_watch(inotify_.native_handle(), root.c_str(),
                                IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR);
    }
  }
}

void LocalSource::wait_for_change() {
  auto events = std::make_shared<std::array<char, 4096>>();
  inotify_.async_read_some(boost::asio::buffer(*events),
                           [this, events](const boost::system::error_code& failed, std::size_t) {
                             if (!failed) {
                               look_soon();
                               wait_for_change();
                             }
                           });
}

// A storm of changes must not push the look ahead of itself.
void LocalSource::look_soon() {
  quick_looks_ = 0;
  if (timer_.expiry() > std::chrono::steady_clock::now() + kQuickLook) {
    look_again(kQuickLook);
  }
}

void LocalSource::look_again(milliseconds in) {
  timer_.expires_after(in);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      look();
    }
  });
}

void LocalSource::look() {
  if (looking_) {
    changed_meanwhile_ = true;
    return;
  }
  looking_ = true;
  watch_roots();
  boost::asio::post(workers_, [this, roots = roots_] {
    auto found = targets::list(roots);
    boost::asio::post(loop_,
                      [this, found = std::move(found)]() mutable { take(std::move(found)); });
  });
}

void LocalSource::take(base::Result<std::vector<targets::Target>> found) {
  looking_ = false;
  const bool quick = std::exchange(changed_meanwhile_, false) || quick_looks_ < kQuickLooks;
  look_again(quick ? kQuickLook * (1 << quick_looks_) : kFullLook);
  quick_looks_ = std::min(quick_looks_ + 1, kQuickLooks);
  const std::string trouble(found ? "" : found.error().message());
  if (trouble != trouble_ && !trouble.empty()) {
    log_warning("the containers of this host cannot be listed", {{"why", trouble}});
  }
  trouble_ = trouble;
  if (!found) {
    return;
  }
  std::vector<NodeTarget> targets;
  std::string shown;
  for (targets::Target& target : *found) {
    if (target.state != targets::State::kRunning) {
      continue;  // a paused one is no target; when it goes on it is one again
    }
    targets.push_back(as_node_target(std::move(target)));
    shown += targets.back().name + " " + targets.back().instance + "\n";
  }
  if (shown != shown_) {
    shown_ = std::move(shown);
    on_change_(std::move(targets));
  }
}

}  // namespace recap::caplet
