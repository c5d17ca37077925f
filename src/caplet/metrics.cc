// SPDX-License-Identifier: Apache-2.0
#include "caplet/metrics.h"

namespace recap::caplet {
namespace {

using service::MetricKind;

constexpr service::MetricFamily kFamilies[] = {
    {"recap_build_info", MetricKind::kGauge, "Always 1; its labels say which build this is."},
    {"recap_runs_total", MetricKind::kCounter, "Ended runs by execution policy and result."},
    {"recap_run_starts_total", MetricKind::kCounter, "Started runs by execution policy."},
    {"recap_active_runs", MetricKind::kGauge, "Runs that live now."},
    {"recap_run_duration_seconds", MetricKind::kHistogram, "From the start of a run to its end."},
    {"recap_attach_seconds", MetricKind::kHistogram,
     "From the request to the function's first instruction."},
    {"recap_escape_seconds", MetricKind::kHistogram,
     "From the function's end to the verified Escape."},
    {"recap_schedule_lag_seconds", MetricKind::kHistogram,
     "How late a Periodic run starts after its scheduled time, jitter included."},
    {"recap_skipped_total", MetricKind::kCounter,
     "Runs that were due and did not start, by reason."},
    {"recap_trigger_events_total", MetricKind::kCounter,
     "Events by source and what became of them."},
    {"recap_throttled_total", MetricKind::kCounter, "Starts that had to wait for a ceiling."},
    {"recap_residue_total", MetricKind::kCounter,
     "Things that Escape could not undo, by class; must stay 0."},
    {"recap_adopted_total", MetricKind::kCounter, "Runs of an earlier Caplet that were adopted."},
    {"recap_targets", MetricKind::kGauge, "Targets of this node by runtime."},
    {"recap_capsules", MetricKind::kGauge, "Declared Capsules by execution policy."},
    {"recap_uploads_total", MetricKind::kCounter, "Artifacts sent to buckets, by result."},
    {"recap_image_fetches_total", MetricKind::kCounter, "Images fetched, by result."},
    {"recap_kube_connected", MetricKind::kGauge, "Whether the API server can be watched."},
    {"recap_kube_requests_total", MetricKind::kCounter,
     "Requests to the API server by the answer's code."}};

}  // namespace

std::span<const service::MetricFamily> metric_families() { return kFamilies; }

}  // namespace recap::caplet
