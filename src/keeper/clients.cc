// SPDX-License-Identifier: Apache-2.0
#include "keeper/clients.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "run/control.h"

namespace recap::keeper {

namespace {

using run::Command;
using run::CommandType;
using run::Event;
using run::EventType;

void send_event(int socket, const Event& event, std::span<const int> fds = {}) {
  // A peer that does not read is not waited for.
  (void)linux::send(socket, std::as_bytes(std::span(&event, 1)), fds, /*dont_wait=*/true);
}

void signal_function(ActiveRun& run, int signal) {
  constexpr int kLastSignal = 64;
  if (signal > 0 && signal <= kLastSignal) {
    (void)linux::send_signal(run.function.get(), signal);
  }
}

// The root of the outer stub, by a number that is still its own: nobody else gets it while the
// stub, or a zombie of it, is there.
Result<linux::UniqueFd> open_stubs_root(const ActiveRun& run) {
  const auto path = base::concat<64>("/proc/", run.stub_pid, "/root");
  linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, path.c_str(), O_PATH | O_DIRECTORY));
  RECAP_TRY(linux::send_signal(run.stub.get(), 0));
  return root;
}

void send_files(const ActiveRun& run, int socket) {
  const auto root = open_stubs_root(run);
  if (!root) {
    const Event gone{.type = EventType::kDone, .exit_code = 125};
    send_event(socket, gone);
    return;
  }
  const int fds[] = {run.layers.upper.get(), root->get()};
  send_event(socket, {.type = EventType::kFiles}, fds);
}

void ask_to_end(ActiveRun& run, const Command& command) {
  run.asked_to_end = run::Reason::kStopped;
  run.grace_ms = command.grace_ms;
  run.first_signal = command.signal > 0 ? command.signal : run.first_signal;
}

bool function_can_hear(const ActiveRun& run) { return run.function.valid() && !run.function_ended; }

// What the caller and a client may both ask for. Before the function and after it, a signal asks
// for the end of what is done instead.
void obey(ActiveRun& run, const Command& command) {
  if (command.type == CommandType::kSignal && function_can_hear(run)) {
    signal_function(run, command.signal);
  } else if (command.type == CommandType::kSignal || command.type == CommandType::kStop) {
    ask_to_end(run, command);
  }
}

// End of file, or a message that is none of ours: the peer is gone.
std::optional<Command> next_command(int socket) {
  Command command;
  const auto got = linux::receive(socket, std::as_writable_bytes(std::span(&command, 1)), {},
                                  /*dont_wait=*/true);
  if (!got || *got != sizeof command || command.version != run::kControlVersion) {
    return std::nullopt;
  }
  return command;
}

void send_attached(const ActiveRun& run, int socket) {
  const Event event{.type = EventType::kAttached, .attach_us = run.record.attach_us};
  const int master = run.devices.pty_master.get();
  send_event(socket, event,
             run.devices.pty_master.valid() ? std::span(&master, 1) : std::span<const int>());
}

void refuse(ActiveRun::Client& client) {
  Event event{.type = EventType::kRefused};
  const auto message =
      base::concat<100>(kMaxAttached, " others are attached to this run already: end one of them");
  std::memcpy(event.message.data(), message.c_str(), message.size());
  send_event(client.socket.get(), event);
  client = {};
}

// Before the function runs, announce() answers.
void attach(ActiveRun& run, ActiveRun::Client& client) {
  if (std::ranges::count(run.clients, true, &ActiveRun::Client::is_attached) ==
      static_cast<std::ptrdiff_t>(kMaxAttached)) {
    refuse(client);
    return;
  }
  client.waits_for_end = client.is_attached = true;
  client.holds_terminal = run.spec.terminal;
  if (run.is_attached) {
    send_attached(run, client.socket.get());
  }
}

}  // namespace

void take_from_caller(ActiveRun& run) {
  const auto command = next_command(run::kCallerFd);
  if (!command) {
    run.caller_listens = false;
    if (!run.spec.detached) {
      run.asked_to_end = run::Reason::kCallerGone;
    }
    return;
  }
  if (command->type == CommandType::kDetach) {
    run.spec.detached = true;
    run.caller_listens = false;
    return;
  }
  obey(run, *command);
}

void accept_client(ActiveRun& run) {
  auto socket = linux::accept(run.control.get());
  run.accept_failed = !socket;
  if (!socket || linux::peer_uid(socket->get()).value_or(1) != 0) {
    return;
  }
  for (ActiveRun::Client& client : run.clients) {
    if (!client.socket.valid()) {
      client = {.socket = std::move(*socket)};
      return;
    }
  }
}

void take_from_client(ActiveRun& run, ActiveRun::Client& client) {
  const auto command = next_command(client.socket.get());
  if (!command) {
    client = {};
    return;
  }
  switch (command->type) {
    case CommandType::kAttach:
      attach(run, client);
      break;
    case CommandType::kStop:
      client.waits_for_end = true;
      ask_to_end(run, *command);
      break;
    case CommandType::kFiles:
      send_files(run, client.socket.get());
      break;
    case CommandType::kSignal:
    case CommandType::kDetach:
      obey(run, *command);
      break;
  }
}

void announce(ActiveRun& run) {
  run.is_attached = true;
  run.record.attach_us = (linux::monotonic_ns() - run.spec.requested_ns) / 1000;
  if (run.caller_listens) {  // one that is gone already is seen by watch()
    send_attached(run, run::kCallerFd);
  }
  for (const ActiveRun::Client& client : run.clients) {
    if (client.socket.valid() && client.is_attached) {
      send_attached(run, client.socket.get());
    }
  }
}

void answer_everybody(const ActiveRun& run) {
  Event event{.type = EventType::kDone,
              .exit_code = run.record.exit_code,
              .reason = static_cast<std::uint32_t>(run.record.reason),
              .attach_us = run.record.attach_us,
              .residue_count = static_cast<std::uint32_t>(run.record.residue_count),
              .residue_verified = run.record.residue_verified ? 1U : 0U,
              .artifacts_complete = run.artifacts_complete ? 1U : 0U};
  const std::string_view message = run.record.message;
  std::memcpy(event.message.data(), message.data(),
              std::min(message.size(), event.message.size() - 1));
  if (run.caller_listens) {
    send_event(run::kCallerFd, event);
  }
  for (const ActiveRun::Client& client : run.clients) {
    if (client.socket.valid() && client.waits_for_end) {
      send_event(client.socket.get(), event);
    }
  }
}

}  // namespace recap::keeper
