// SPDX-License-Identifier: Apache-2.0
// The messages between a keeper and those who talk to it. All are SOCK_SEQPACKET datagrams of one
// of the fixed structs below, so a message is whole or absent.
//
//   caller's socket (KeeperFd::kCallerFd):   keeper → caller: Event…   (ends with kDone or EOF),
//                                            caller → keeper: Command
//   state_dir/runs/RUN/control:              client → keeper: Command, keeper → client: Event
//
// Only uid 0 of the host may connect (SO_PEERCRED). The version is the first field of both.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace recap::run {

inline constexpr std::uint32_t kControlVersion = 2;

// The first message on the caller's socket, from the caller: a keeper starts before it is known
// what it is for. It brings the descriptors kSpecFd, kTargetFd and, with `has_out`, kOutFd. End of
// file instead: there is no run, and the keeper leaves.
struct Assignment {
  std::uint32_t version = kControlVersion;
  bool has_out = false;
};

enum class EventType : std::uint32_t {
  kAttached =
      1,     // the function runs (its exec succeeded); with -t one SCM_RIGHTS fd: the pty master
  kDone,     // the run is over, the record is written
  kFiles,    // answer to CommandType::kFiles; two SCM_RIGHTS fds (O_PATH directories): the
             // run's own copy-on-write layer (overlay upper), and the Capsule's root
  kRefused,  // answer to kAttach when as many as may are attached: `message` says so
  kMoved,    // on the caller's socket, before all else: a child goes on as the keeper, and who was
             // started ends; one SCM_RIGHTS fd: the child's pidfd
};

struct Event {
  std::uint32_t version = kControlVersion;
  EventType type = EventType::kAttached;
  std::int32_t exit_code = 0;            // kDone: what the caller exits with
  std::uint32_t reason = 0;              // kDone: run::Reason
  std::uint64_t attach_us = 0;           // since Spec::requested_ns
  std::uint32_t residue_count = 0;       // kDone
  std::uint32_t residue_verified = 0;    // kDone: the check of Escape ran and found nothing
  std::uint32_t artifacts_complete = 0;  // kDone: all of /out is where Spec::out wants it
  std::array<char, 512> message{};  // kDone, kRefused: one sentence, NUL-terminated; else empty
};

enum class CommandType : std::uint32_t {
  kAttach = 1,  // answered at once with kAttached (and the pty master), later with kDone
  kStop,    // SIGTERM, after grace_ms SIGKILL; answered with kDone. signal: another first signal
  kSignal,  // send `signal` to the function; not answered
  kFiles,   // answered with EventType::kFiles: for `recap diff` and `recap cp`
  kDetach,  // on the caller's socket: it is about to go, and the run stays
};

struct Command {
  std::uint32_t version = kControlVersion;
  CommandType type = CommandType::kAttach;
  std::int32_t signal = 0;
  std::uint64_t grace_ms = 0;
};

}  // namespace recap::run
