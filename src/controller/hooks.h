// SPDX-License-Identifier: Apache-2.0
// Webhooks: POST /hooks/NAMESPACE/NAME starts a run of every Capsule of that namespace, and of
// every ClusterCapsule that is for it, that has a Webhook event of this name.
//
// Who calls shows a token of a service account that is meant for the audience recap-controller
// (it is good for nothing else, wherever it leaks to), and needs the verb create on capsules/hooks
// there. Nothing is kept: what counts is read from the API server at each call, so that every
// replica may receive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/hook_run.h"
#include "kube/access.h"
#include "kube/client.h"
#include "kube/pace.h"
#include "service/http_server.h"
#include "service/metrics.h"

namespace recap::controller {

inline constexpr const char* kHookAudience = "recap-controller";

class Hooks : public std::enable_shared_from_this<Hooks> {
 public:
  Hooks(kube::Client client, service::Metrics& metrics);

  void serve(service::HttpServer& server);

 private:
  using Shared = std::shared_ptr<Hooks>;
  static kube::Task<service::HttpAnswer> answer(Shared self, service::HttpPost post);
  static kube::Task<service::HttpAnswer> start_runs(Shared self, HookCall call,
                                                    std::vector<HookEvent> events);
  static kube::Task<std::string> start_run(Shared self, kube::Capsule capsule, HookCall call,
                                           std::string event_id);
  static kube::Task<std::string> who_are_we(Shared self);

  kube::Client client_;
  service::Metrics& metrics_;
  kube::TokenBucket calls_;
  std::string ourselves_;
};

}  // namespace recap::controller
