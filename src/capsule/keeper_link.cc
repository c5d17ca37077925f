// SPDX-License-Identifier: Apache-2.0
#include "capsule/keeper_link.h"

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <span>

#include "base/fixed_string.h"
#include "linux/fs.h"
#include "linux/socket.h"

namespace recap::capsule {

using base::Error;
using base::Kind;
using base::Result;

Result<KeeperLink> KeeperLink::connect(const Dirs& dirs, std::string_view run_id) {
  const std::string path = dirs.runs() + "/" + std::string(run_id);
  auto dir = linux::open_dir_at(linux::kCwd, path.c_str());
  if (!dir) {
    return Error(Kind::kGone, base::concat<120>("the run ", run_id, " has ended"));
  }
  auto socket = linux::connect_at(dir->get(), "control");
  if (!socket) {
    return Error(Kind::kGone, base::concat<120>("the keeper of ", run_id, " does not answer"));
  }
  return KeeperLink(*std::move(socket));
}

base::Status KeeperLink::send(const run::Command& command) {
  return linux::send(socket_.get(), std::as_bytes(std::span(&command, 1)));
}

Result<KeeperLink::Answer> KeeperLink::receive(std::int64_t timeout_ms) {
  std::array<linux::PollFd, 1> wait{linux::PollFd{socket_.get(), linux::kPollIn, 0}};
  if (RECAP_TRY(linux::poll(wait, timeout_ms)) == 0) {
    return Error(Kind::kTimeout, "the keeper did not answer in time");
  }
  Answer answer;
  std::array<linux::UniqueFd, 2> fds;
  const std::size_t size = RECAP_TRY(
      linux::receive(socket_.get(), std::as_writable_bytes(std::span(&answer.event, 1)), fds));
  if (size == 0) {
    return Error(Kind::kGone, "the keeper is gone");
  }
  if (size != sizeof answer.event || answer.event.version != run::kControlVersion) {
    return Error(Kind::kUnsupported, "the run was started by another version of RECap");
  }
  if (answer.event.type == run::EventType::kRefused) {
    return Error(Kind::kBusy, message_of(answer.event));
  }
  answer.first = std::move(fds[0]);
  answer.second = std::move(fds[1]);
  return answer;
}

std::string_view message_of(const run::Event& event) {
  const std::string_view whole(event.message.data(), event.message.size());
  return whole.substr(0, whole.find('\0'));
}

}  // namespace recap::capsule
