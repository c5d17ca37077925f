// SPDX-License-Identifier: Apache-2.0
// The Caplet as a node of a Kubernetes cluster: the client, and what is read from and told to the
// API server.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "caplet/kube_declared.h"
#include "caplet/kube_reporter.h"
#include "caplet/metrics.h"
#include "caplet/node_status.h"
#include "caplet/options.h"
#include "caplet/pod_source.h"
#include "caplet/run_status.h"
#include "kube/client.h"
#include "kube/events.h"

namespace recap::caplet {

class KubeNode {
 public:
  // kNotFound: neither a kubeconfig nor a pod's service account. kInvalid: no name of the node.
  static base::Result<std::unique_ptr<KubeNode>> make(boost::asio::io_context& loop,
                                                      const Words& words, TargetSource& containers);

  // Says from now on how the Capsules fare here.
  void report_on(const Caplet& caplet);

  [[nodiscard]] Reporter& reporter() { return reporter_; }
  [[nodiscard]] TargetSource& targets() { return pods_; }
  [[nodiscard]] DeclaredSource& declared() { return declared_; }
  [[nodiscard]] const Ceilings& ceilings() const { return declared_; }
  [[nodiscard]] bool connected() const { return declared_.connected() && pods_.connected(); }
  // Puts into `metrics` how the API server fares with us.
  void count_requests(Metrics& metrics) const;

 private:
  KubeNode(boost::asio::io_context& loop, kube::Client client, const Words& words,
           TargetSource& containers);

  boost::asio::io_context& loop_;
  std::string node_;
  kube::Client client_;
  RunStatus status_;
  kube::EventRecorder events_;
  KubeReporter reporter_;
  PodSource pods_;
  KubeDeclared declared_;
  std::unique_ptr<NodeStatus> node_status_;
};

}  // namespace recap::caplet
