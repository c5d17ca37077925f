// SPDX-License-Identifier: Apache-2.0
// The conversation with the keeper of a live run, over its control socket (run/control.h).
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "capsule/dirs.h"
#include "linux/unique_fd.h"
#include "run/control.h"

namespace recap::capsule {

class KeeperLink {
 public:
  struct Answer {
    run::Event event;
    linux::UniqueFd first, second;  // the descriptors that came with it
  };

  // kGone when the run ended or its keeper died.
  static base::Result<KeeperLink> connect(const Dirs& dirs, std::string_view run_id);

  base::Status send(const run::Command& command);

  // The next event; kTimeout after `timeout_ms` (negative: none), kGone when the keeper is gone,
  // kBusy when it has no place for another visitor.
  base::Result<Answer> receive(std::int64_t timeout_ms);

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] linux::UniqueFd release() && { return std::move(socket_); }

 private:
  explicit KeeperLink(linux::UniqueFd socket) : socket_(std::move(socket)) {}
  linux::UniqueFd socket_;
};

// The message of an event, up to its NUL.
std::string_view message_of(const run::Event& event);

}  // namespace recap::capsule
