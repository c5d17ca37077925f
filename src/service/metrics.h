// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms, and their text form for Prometheus (0.0.4). Labels are few and
// bounded: policies and reasons, never pods or containers.
//
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace recap::service {

using MetricLabels = std::vector<std::pair<std::string_view, std::string>>;

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

struct MetricFamily {
  std::string_view name;  // a literal, as the help
  MetricKind kind{};
  std::string_view help;
};

class Metrics {
 public:
  explicit Metrics(std::span<const MetricFamily> families);

  // `name` is one of the families.
  void add(std::string_view name, const MetricLabels& labels = {}, std::uint64_t by = 1);
  void set(std::string_view name, const MetricLabels& labels, double value);
  void observe(std::string_view name, const MetricLabels& labels, double seconds);
  // Drops every series that has this label: its Capsule is gone.
  void forget(std::string_view label, std::string_view value);

  [[nodiscard]] std::string text() const;

 private:
  // Seconds; from an attach of 1 ms to a run of an hour.
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,  0.1,   0.25,
                                      0.5,   1.0,    2.5,   10.0, 60.0,  600.0, 3600.0};
  struct Series {
    double value = 0;  // of a histogram: the sum
    std::uint64_t count = 0;
    std::array<std::uint64_t, kBounds.size()> buckets{};
  };
  struct Family {
    MetricKind kind{};
    std::string_view help;
    std::map<std::string, Series> series;  // by the text of its labels
  };
  Series& series(std::string_view name, const MetricLabels& labels);

  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace recap::service
