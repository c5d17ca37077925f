// SPDX-License-Identifier: Apache-2.0
// What a webhook says: notifications of Alertmanager (version 4) and CloudEvents 1.0 (HTTP binding:
// binary, structured, batched). https://prometheus.io/docs/alerting/latest/configuration/
// #webhook_config, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/
// http-protocol-binding.md
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kube/kinds.h"
#include "service/http_server.h"

namespace recap::controller {

struct HookEvent {
  std::string id;       // of a CloudEvent, with its source: sent again it is the same; else empty
  kube::Labels labels;  // of the alert, or attributes of the CloudEvent

  [[nodiscard]] bool has(const kube::Labels& wanted) const;
};

// Alerts that are resolved are left out. kInvalid: it is none of these.
base::Result<std::vector<HookEvent>> events_of(const service::HttpPost& post);

}  // namespace recap::controller
