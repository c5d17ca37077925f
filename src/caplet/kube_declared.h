// SPDX-License-Identifier: Apache-2.0
// Declarations from the API server: every Capsule and ClusterCapsule, and the CapsuleRuns that are
// bound to this node and have not ended; and the CapsulePolicies that they have to keep to.
//
// A CapsuleRun takes effect when the API server has said, asked anew, that its user may create one
// there, and when its finalizer is on. While the API server cannot be reached, what was read last
// holds, also what an earlier Caplet has read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/cached_watch.h"
#include "caplet/declared.h"
#include "caplet/escape_finalizer.h"
#include "caplet/reporter.h"
#include "capsule/dirs.h"
#include "kube/access.h"
#include "kube/kinds_parse.h"

namespace recap::caplet {

class KubeDeclared : public DeclaredSource, public Ceilings {
 public:
  KubeDeclared(boost::asio::io_context& loop, const kube::Client& client, const std::string& node,
               const capsule::Dirs& dirs);
  void start(OnChange on_change) override;

  base::Result<Cover> check(const Declared& declared, const NodeTarget& target, const Load& load,
                            capsule::Admitted& run) const override;

  // Who knows whether a run of a declaration (by its key) lives; before start().
  using IsLive = std::function<bool(const std::string& key)>;
  void ask_about_runs(IsLive is_live) { is_live_ = std::move(is_live); }
  // A declaration that was withdrawn has no run left.
  void on_escaped() { tell_soon(); }

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
  void release_ended();
  [[nodiscard]] const kube::Capsule* find(const kube::CapsuleRun& run) const;
  kube::WatchOptions runs_of(const std::string& node) const;

  kube::Client client_;
  OnChange on_change_;
  IsLive is_live_;
  CachedWatch<Read<kube::Capsule>> capsules_, cluster_capsules_;
  CachedWatch<Read<kube::CapsuleRun>> runs_;
  CachedWatch<Read<kube::CapsulePolicy>> policies_;
  EscapeFinalizer finalizer_;
  std::map<std::string, Answer> access_;  // by the run's uid
  boost::asio::steady_timer timer_, again_;
  bool is_due_ = false;
};

}  // namespace recap::caplet
