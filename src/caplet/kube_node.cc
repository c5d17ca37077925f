// SPDX-License-Identifier: Apache-2.0
#include "caplet/kube_node.h"

#include <iterator>
#include <utility>

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;

// Routine writes are few; what is urgent (a run's end) must not wait behind them.
constexpr double kRequestsPerSecond = 20;
constexpr int kBurst = 40;

}  // namespace

Result<std::unique_ptr<KubeNode>> KubeNode::make(boost::asio::io_context& loop, const Words& words,
                                                 TargetSource& containers) {
  if (words.node_name.empty()) {
    return Error(Kind::kInvalid,
                 "say which node this is with --node-name or NODE_NAME, or give --manifests DIR to "
                 "work without Kubernetes");
  }
  kube::ConfigSources from;
  from.kubeconfig = words.kubeconfig;
  kube::Config config = RECAP_TRY(kube::load_config(from));
  kube::ClientOptions options;
  options.qps = kRequestsPerSecond;
  options.burst = kBurst;
  options.user_agent = "recap-caplet";
  kube::Client client(loop.get_executor(), std::move(config), std::move(options));
  return std::unique_ptr<KubeNode>(new KubeNode(loop, std::move(client), words, containers));
}

KubeNode::KubeNode(boost::asio::io_context& loop, kube::Client client, const Words& words,
                   TargetSource& containers)
    : loop_(loop),
      node_(words.node_name),
      client_(std::move(client)),
      status_(loop, client_),
      events_(client_, {.controller = "recap.dev/caplet", .instance = words.node_name}),
      reporter_(status_, events_, words.node_name, words.options.dirs,
                [this] { declared_.on_escaped(); }),
      pods_(loop, client_, words.node_name, containers, words.options.dirs),
      declared_(loop, client_, words.node_name, words.options.dirs) {}

void KubeNode::count_requests(Metrics& metrics) const {
  static constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  const kube::Client::Counters& counters = client_.counters();
  for (std::size_t i = 0; i < std::size(kClasses); ++i) {
    metrics.set("recap_kube_requests_total", {{"code", kClasses[i]}},
                static_cast<double>(counters.by_class[i]));
  }
  metrics.set("recap_kube_connected", {}, connected() ? 1 : 0);
}

void KubeNode::report_on(const Caplet& caplet) {
  declared_.ask_about_runs([&caplet](const std::string& key) { return caplet.has_runs(key); });
  node_status_ = std::make_unique<NodeStatus>(loop_, client_, node_, caplet, reporter_);
  node_status_->start();
}

}  // namespace recap::caplet
