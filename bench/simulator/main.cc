// SPDX-License-Identifier: Apache-2.0
// caplet-simulator FOLDER KUBECONFIG PID: many Caplets in one process, to see what a fleet of them
// is to an API server. Each is a Caplet as on a node, with its own client, credential, watches,
// policies, admission and files; but no keeper is started (runs.h), and what runs on its node is
// what the API server says (pods.h, read with KUBECONFIG). PID is every container's process.
//
// Each line of stdin is the name of a node, whose Caplet starts then: its credential is
// FOLDER/NODE/kubeconfig, its directories are FOLDER/NODE/{state,data}. stdout: the log of all of
// them. The end of stdin ends it; exit code 0, or 125.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>

#include "caplet/caplet.h"
#include "caplet/kube_node.h"
#include "caplet/log.h"
#include "pods.h"
#include "runs.h"

namespace recap::simulator {
namespace {

using base::Result;
using base::Status;

constexpr int kExitOurs = 125;

// The parts of caplet/daemon.cc, for one of many nodes.
class Node {
 public:
  static Result<std::unique_ptr<Node>> make(boost::asio::io_context& loop,
                                            const caplet::Words& words,
                                            caplet::TargetSource& containers) {
    RECAP_TRY(words.options.dirs.ensure());
    auto store = RECAP_TRY(caplet::StateStore::open(words.options.dirs.data));
    auto kube = RECAP_TRY(caplet::KubeNode::make(loop, words, containers));
    std::unique_ptr<Node> node(new Node(loop, words, std::move(store), std::move(kube)));
    RECAP_TRY(node->caplet_.start(node->kube_->targets(), node->kube_->declared()));
    return node;
  }

 private:
  Node(boost::asio::io_context& loop, const caplet::Words& words, caplet::StateStore store,
       std::unique_ptr<caplet::KubeNode> kube)
      : metrics_(caplet::metric_families()),
        runs_(loop),
        caplet_(loop, runs_, words.options, std::move(store), metrics_),
        kube_(std::move(kube)) {
    caplet_.report_to(kube_->reporter());
    caplet_.obey(kube_->ceilings());
    kube_->report_on(caplet_);
  }

  caplet::Metrics metrics_;
  SimulatedRuns runs_;
  caplet::Caplet caplet_;
  std::unique_ptr<caplet::KubeNode> kube_;
};

class Fleet {
 public:
  Fleet(boost::asio::io_context& loop, kube::Client client, std::string folder, std::uint32_t pid)
      : loop_(loop), folder_(std::move(folder)), pods_(std::move(client), pid), input_(loop) {
    boost::system::error_code failed;
    input_.assign(STDIN_FILENO, failed);
    pods_.start();
    read_name();
  }

 private:
  void read_name() {
    boost::asio::async_read_until(input_, boost::asio::dynamic_buffer(text_), '\n',
                                  [this](const boost::system::error_code& ended, std::size_t size) {
                                    if (ended) {
                                      loop_.stop();
                                      return;
                                    }
                                    add(text_.substr(0, size - 1));
                                    text_.erase(0, size);
                                    read_name();
                                  });
  }

  void add(const std::string& name) {
    caplet::Words words;
    words.node_name = name;
    words.kubeconfig = folder_ + "/" + name + "/kubeconfig";
    words.options.dirs.state = folder_ + "/" + name + "/state";
    words.options.dirs.data = folder_ + "/" + name + "/data";
    auto node = Node::make(loop_, words, pods_.on(name));
    if (!node) {
      caplet::log_error("simulator: a Caplet does not start",
                        {{"node", name}, {"why", node.error().message()}});
      return;
    }
    nodes_.insert_or_assign(name, *std::move(node));
  }

  boost::asio::io_context& loop_;
  std::string folder_;
  FleetPods pods_;
  boost::asio::posix::stream_descriptor input_;
  std::string text_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;
};

Status simulate(const char* folder, const char* kubeconfig, const char* pid) {
  boost::asio::io_context loop(1);
  kube::ConfigSources from;
  from.kubeconfig = kubeconfig;
  kube::Client client(loop.get_executor(), RECAP_TRY(kube::load_config(from)),
                      {.user_agent = "caplet-simulator"});
  const Fleet fleet(loop, std::move(client), folder,
                    static_cast<std::uint32_t>(std::strtoul(pid, nullptr, 10)));
  loop.run();
  return {};
}

}  // namespace
}  // namespace recap::simulator

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: caplet-simulator FOLDER KUBECONFIG PID < NAMES\n", stderr);
    return recap::simulator::kExitOurs;
  }
  try {
    if (const auto done = recap::simulator::simulate(argv[1], argv[2], argv[3]); !done) {
      std::fprintf(stderr, "caplet-simulator: %s\n", std::string(done.error().message()).c_str());
      return recap::simulator::kExitOurs;
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "caplet-simulator: %s\n", error.what());
    return recap::simulator::kExitOurs;
  }
}
