// SPDX-License-Identifier: Apache-2.0
// Leader election by a Lease (coordination.k8s.io/v1), with client-go's rules: who holds it renews
// it; who does not takes it when it was not renewed for its duration *by the local monotonic
// clock*, since clocks of two machines are never compared; a holder that cannot renew in time stops
// leading before anybody else may start.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "kube/client.h"

namespace recap::kube {

struct LeaseOptions {
  std::string ns, name;
  std::string identity;  // unique per process: the pod's name and a random part
  std::chrono::milliseconds duration{15'000};  // others wait so long
  std::chrono::milliseconds renew_deadline{
      10'000};                             // we stop leading after so long without success
  std::chrono::milliseconds retry{2'000};  // and up to 1.2 times that more while not leading
};

class LeaderElector {
 public:
  // `on_lead(true)` when we became the leader, `on_lead(false)` when we are no longer.
  LeaderElector(Client client, LeaseOptions options, std::function<void(bool)> on_lead);
  LeaderElector(LeaderElector&&) noexcept;
  LeaderElector& operator=(LeaderElector&&) = delete;
  ~LeaderElector();  // stops without giving the Lease up

  void start();
  // Stops, and gives the Lease up if we hold it, so that another need not wait.
  Task<void> resign();

  [[nodiscard]] bool leading() const;
  [[nodiscard]] std::string holder() const;  // as last seen; "": nobody, or not known

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace recap::kube
