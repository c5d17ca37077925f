// SPDX-License-Identifier: Apache-2.0
// The finalizer of a CapsuleRun that is bound to this node: whoever deletes the object sees it go
// when the run has Escaped, not before. It is put on before the run starts, and taken off when the
// run has ended and nothing of it lives here.
//
// One thread, that of the event loop.
#pragma once

#include <functional>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "kube/client.h"
#include "kube/kinds.h"

namespace recap::caplet {

class EscapeFinalizer {
 public:
  // `look_again` is called when an attempt has failed and is to be made once more, with the object
  // as it is then.
  EscapeFinalizer(boost::asio::io_context& loop, kube::Client client,
                  std::function<void()> look_again);

  static bool is_on(const kube::ObjectMeta& run);

  // Starts a request that makes is_on(run) equal `on`, if it is not and none is under way; that it
  // was made shows in the object as it is watched.
  void set(const kube::ObjectMeta& run, bool on);

 private:
  kube::Client client_;
  std::function<void()> look_again_;
  boost::asio::steady_timer timer_;
  std::set<std::string> under_way_;  // uids
};

}  // namespace recap::caplet
