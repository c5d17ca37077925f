// SPDX-License-Identifier: Apache-2.0
// The status of the CapsuleRuns that are bound to this node, written by server-side apply. Of each
// object the newest status counts: what the API server did not take is sent again until it does,
// or the object is gone.
#pragma once

#include <map>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include "kube/client.h"
#include "kube/condition.h"
#include "kube/kinds.h"

namespace recap::caplet {

using kube::api_time;
using kube::condition;

class RunStatus {
 public:
  RunStatus(boost::asio::io_context& loop, kube::Client client);

  void write(const kube::ObjectMeta& run, boost::json::object status);

 private:
  struct Pending {
    kube::ObjectMeta run;
    boost::json::object status;
    bool is_sending = false, is_dirty = false;
  };
  void send(const std::string& uid);
  void take_answer(const std::string& uid, const base::Result<boost::json::object>& answer);
  void send_again();

  kube::Client client_;
  boost::asio::steady_timer timer_;
  std::map<std::string, Pending> pending_;  // by the object's uid
  bool waits_ = false;
};

}  // namespace recap::caplet
