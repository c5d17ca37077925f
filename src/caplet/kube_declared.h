// SPDX-License-Identifier: Apache-2.0
// Declarations from the API server: every Capsule and ClusterCapsule, and the CapsuleRuns that are
// bound to this node and have not ended; and the CapsulePolicies that they have to keep to.
//
// A CapsuleRun takes effect when the API server has said, asked anew, that its user may create one
// there. While the API server cannot be reached, what was read last holds.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/declared.h"
#include "caplet/reporter.h"
#include "kube/access.h"
#include "kube/kinds_parse.h"
#include "kube/watch.h"

namespace recap::caplet {

class KubeDeclared : public DeclaredSource, public Ceilings {
 public:
  KubeDeclared(boost::asio::io_context& loop, const kube::Client& client, const std::string& node);
  void start(OnChange on_change) override;

  base::Status check(const Declared& declared, const NodeTarget& target,
                     capsule::Admitted& run) const override;

  [[nodiscard]] bool connected() const { return capsules_.connected(); }

 private:
  // What cannot be read is nothing, and the log says why.
  template <typename T>
  struct Read {
    std::optional<T> object;
  };
  struct Answer {
    Access access = Access::kAsked;
    std::string denial;
  };

  void tell_soon();
  void tell();
  [[nodiscard]] bool synced() const;
  void add_runs(std::vector<DeclaredPtr>& declared);
  DeclaredPtr declare_run(const kube::CapsuleRun& run);
  void ask(const kube::CapsuleRun& run);
  [[nodiscard]] const kube::Capsule* find(const kube::CapsuleRun& run) const;
  kube::WatchOptions runs_of(const std::string& node) const;

  kube::Client client_;
  OnChange on_change_;
  kube::Watch<Read<kube::Capsule>> capsules_, cluster_capsules_;
  kube::Watch<Read<kube::CapsuleRun>> runs_;
  kube::Watch<Read<kube::CapsulePolicy>> policies_;
  std::map<std::string, Answer> access_;  // by the run's uid
  boost::asio::steady_timer timer_, again_;
  bool is_due_ = false;
};

}  // namespace recap::caplet
