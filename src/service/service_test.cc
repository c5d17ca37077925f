// SPDX-License-Identifier: Apache-2.0
// Log lines and metrics.
#include <gtest/gtest.h>

#include "service/log.h"
#include "service/metrics.h"

namespace recap::service {
namespace {

TEST(Log, ALineIsOneJsonObjectWhateverIsInIt) {
  EXPECT_EQ(
      log_line("info", "a run has ended", {{"run", "a\"b\n"}, {"exitCode", -3}}),
      "{\"level\":\"info\",\"msg\":\"a run has ended\",\"run\":\"a\\\"b\\u000a\",\"exitCode\":-3}");
}

TEST(Metrics, AreWhatPrometheusReads) {
  constexpr MetricFamily kFamilies[] = {
      {"recap_runs_total", MetricKind::kCounter, "Ended runs."},
      {"recap_active_runs", MetricKind::kGauge, "Runs that live now."},
      {"recap_attach_seconds", MetricKind::kHistogram, "How long it took."}};
  Metrics metrics(kFamilies);
  metrics.add("recap_runs_total", {{"policy", "Event"}, {"result", "failed"}});
  metrics.add("recap_runs_total", {{"policy", "Event"}, {"result", "failed"}}, 2);
  metrics.set("recap_active_runs", {}, 3);
  metrics.observe("recap_attach_seconds", {}, 0.003);
  metrics.observe("recap_attach_seconds", {}, 7200);
  const std::string text = metrics.text();
  for (const char* line :
       {"# TYPE recap_runs_total counter\nrecap_runs_total{policy=\"Event\",result=\"failed\"} 3\n",
        "recap_active_runs 3\n", "recap_attach_seconds_bucket{le=\"0.0025\"} 0\n",
        "recap_attach_seconds_bucket{le=\"0.005\"} 1\n",
        "recap_attach_seconds_bucket{le=\"+Inf\"} 2\n", "recap_attach_seconds_count 2\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace recap::service
