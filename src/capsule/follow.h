// SPDX-License-Identifier: Apache-2.0
// Following a run: one loop over the keeper's events, the caller's signals and the relays, until
// the run is over, the user detached, or the keeper is gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "capsule/relay.h"
#include "capsule/terminal.h"
#include "linux/unique_fd.h"
#include "run/control.h"

namespace recap::capsule {

// The signals that ask us to end, and changes of the terminal's size, as a descriptor. While it
// lives they interrupt nothing. A signal that our starter had ignored (nohup) stays ignored.
class SignalWatch {
 public:
  static base::Result<SignalWatch> start();
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] int next() const;  // 0: none is waiting

 private:
  explicit SignalWatch(linux::UniqueFd fd) : fd_(std::move(fd)) {}
  linux::UniqueFd fd_;
};

struct FollowOptions {
  bool terminal = false;        // the run has a pty, and stdin is our terminal
  bool until_attached = false;  // -d: return as soon as the function runs
  bool is_visitor = false;      // the run is not ours: SIGTERM and SIGHUP only detach from it
  std::uint64_t grace_ms = 0;
  std::string detach_keys = {};                  // as parse_detach_keys() returns them
  linux::UniqueFd* until_first_event = nullptr;  // closed when the keeper has spoken
  int keeper = -1;                               // its pidfd, until it moves; of our own run
};

struct Outcome {
  enum class End : std::uint8_t {
    kDone,        // `event` is the keeper's kDone
    kAttached,    // with `until_attached`
    kDetached,    // by the detach keys
    kKeeperGone,  // it ended without a word: the run has to be recovered
  };
  End end = End::kKeeperGone;
  bool was_attached = false;
  run::Event event;
};

// `events`: the caller's socket, or a control socket on which kAttach was sent.
// SIGINT and SIGQUIT go to the function, and end a run that has none (yet, or any more); SIGTERM
// and SIGHUP, and a second signal of any kind, end every run (a visitor just leaves). The terminal
// is as before when it returns. kBusy when the keeper has no place for another visitor.
base::Result<Outcome> follow(const FollowOptions& options, linux::UniqueFd events,
                             const SignalWatch& signals, std::vector<Relay>& relays);

// Copies what the pipes hold now, as fast as it is read; a signal ends that.
void drain(const SignalWatch& signals, std::vector<Relay>& relays);

}  // namespace recap::capsule
