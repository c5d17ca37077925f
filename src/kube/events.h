// SPDX-License-Identifier: Apache-2.0
// Events (events.k8s.io/v1): what people see in `kubectl describe` and `kubectl get events`.
//
// Recording never waits and never fails: events are queued, sent one after the other, and dropped
// (and counted) when the queue is full or the server refuses them. The same event again within six
// minutes becomes a series on the first one, written at most every half hour and at its end, as
// client-go's recorder does; an object that is very busy gets 25 at once, then one in five minutes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kube/client.h"

namespace recap::kube {

// The object that an event is about; it is found under this object's namespace, a cluster-scoped
// one's under "default".
struct ObjectReference {
  std::string api_version, kind, ns, name, uid;
};

struct Event {
  ObjectReference regarding;
  bool warning = false;
  std::string reason;  // CamelCase, why: "RunFailed"
  std::string action;  // CamelCase, what was done: "Run"
  std::string note;    // for people; cut at 1,024 bytes
};

struct EventsOptions {
  std::string controller;  // reportingController, a qualified name: "recap.dev/caplet"
  std::string instance;    // reportingInstance: the node or pod
  std::size_t max_queue = 1000;
  int tries = 12;
};

class EventRecorder {
 public:
  EventRecorder(Client client, EventsOptions options);
  EventRecorder(EventRecorder&&) noexcept;
  EventRecorder& operator=(EventRecorder&&) = delete;
  ~EventRecorder();  // what is queued is dropped

  void record(const Event& event);

  struct Counters {
    std::uint64_t sent = 0;        // new events and series
    std::uint64_t folded = 0;      // counted in a series instead
    std::uint64_t suppressed = 0;  // over an object's budget
    std::uint64_t dropped = 0;     // queue full, or refused
  };
  [[nodiscard]] const Counters& counters() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace recap::kube
