// SPDX-License-Identifier: Apache-2.0
#include "kubectl/cluster.h"

namespace recap::kubectl {

base::Result<Cluster> Cluster::of(const ClusterFlags& flags) {
  kube::ConfigSources sources;
  sources.kubeconfig = flags.kubeconfig;
  sources.context = flags.context;
  sources.allow_insecure = true;  // who writes the kubeconfig is who runs us, as with kubectl
  kube::Config config = RECAP_TRY(kube::load_config(sources));
  std::string ns = flags.ns.empty() ? config.ns : flags.ns;
  auto loop = std::make_unique<boost::asio::io_context>(1);
  kube::ClientOptions options;
  options.user_agent = "kubectl-recap";
  options.qps = 50;  // kubectl's own
  options.burst = 300;
  options.patience = options.connect_timeout;  // somebody is waiting
  kube::Client client(loop->get_executor(), std::move(config), std::move(options));
  return Cluster(std::move(loop), std::move(client), std::move(ns));
}

}  // namespace recap::kubectl
