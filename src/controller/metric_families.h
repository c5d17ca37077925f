// SPDX-License-Identifier: Apache-2.0
// What recap-controller counts; docs/controller.md explains it.
#pragma once

#include "service/metrics.h"

namespace recap::controller {

inline constexpr service::MetricFamily kMetricFamilies[] = {
    {"recap_controller_leading", service::MetricKind::kGauge, "1 on the replica that works."},
    {"recap_controller_bindings_total", service::MetricKind::kCounter,
     "CapsuleRuns that were bound to a node."},
    {"recap_controller_runs_total", service::MetricKind::kCounter,
     "CapsuleRuns whose end the controller has written, by result."},
    {"recap_controller_deleted_total", service::MetricKind::kCounter,
     "CapsuleRuns that were deleted, by why: ttl, orphan."},
    {"recap_trigger_events_total", service::MetricKind::kCounter,
     "Webhooks by what became of them."},
    {"recap_kube_requests_total", service::MetricKind::kCounter,
     "Requests to the API server by the answer's code."}};

}  // namespace recap::controller
