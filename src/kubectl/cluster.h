// SPDX-License-Identifier: Apache-2.0
// The cluster that a verb speaks to, and the event loop that it waits in.
//
// One thread. Errors are kube/status.h's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include "kube/client.h"
#include "kube/kinds.h"

namespace recap::kubectl {

// --kubeconfig, --context, --namespace; empty: not given.
struct ClusterFlags {
  std::string kubeconfig, context, ns;
};

class Cluster {
 public:
  // Reads the kubeconfig; the server is not asked for anything yet.
  static base::Result<Cluster> of(const ClusterFlags& flags);

  [[nodiscard]] boost::asio::io_context& loop() { return *loop_; }
  [[nodiscard]] const kube::Client& client() const { return client_; }
  [[nodiscard]] const std::string& ns() const { return ns_; }

  [[nodiscard]] kube::Endpoint run(const std::string& name) const {
    return {kube::kCapsuleRuns, ns_, name};
  }
  [[nodiscard]] kube::Endpoint runs() const { return {kube::kCapsuleRuns, ns_}; }

  // Runs the event loop until `task` has its result.
  template <typename T>
  base::Result<T> wait(kube::Task<T> task) {
    std::optional<base::Result<T>> result;
    kube::spawn<T>(client_.executor(), std::move(task),
                   [&result](base::Result<T> got) { result = std::move(got); });
    while (!result) {
      loop_->run_one();
    }
    return *std::move(result);
  }

 private:
  Cluster(std::unique_ptr<boost::asio::io_context> loop, kube::Client client, std::string ns)
      : loop_(std::move(loop)),
        work_(loop_->get_executor()),
        client_(std::move(client)),
        ns_(std::move(ns)) {}

  std::unique_ptr<boost::asio::io_context> loop_;  // outlives every copy of the client
  // A loop that has run out of work would not run again.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  kube::Client client_;
  std::string ns_;
};

}  // namespace recap::kubectl
