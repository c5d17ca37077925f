// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <cstdio>

namespace recap::service {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '\n' ? "\\n" : c == '"' ? "\\\"" : c == '\\' ? "\\\\" : std::string(1, c);
  }
  return out;
}

std::string label_text(const MetricLabels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += (text.empty() ? "" : ",") + std::string(name) + "=\"" + escaped(value) + "\"";
  }
  return text;
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

std::string sample(std::string_view name, std::string_view labels, std::string_view value) {
  std::string line(name);
  if (!labels.empty()) {
    line.append("{").append(labels).append("}");
  }
  return line.append(" ").append(value).append("\n");
}

}  // namespace

Metrics::Metrics(std::span<const MetricFamily> families) {
  for (const auto& [name, kind, help] : families) {
    families_.emplace(name, Family{kind, help, {}});
  }
}

Metrics::Series& Metrics::series(std::string_view name, const MetricLabels& labels) {
  return families_.find(name)->second.series[label_text(labels)];
}

void Metrics::add(std::string_view name, const MetricLabels& labels, std::uint64_t by) {
  series(name, labels).value += static_cast<double>(by);
}

void Metrics::set(std::string_view name, const MetricLabels& labels, double value) {
  series(name, labels).value = value;
}

void Metrics::observe(std::string_view name, const MetricLabels& labels, double seconds) {
  Series& into = series(name, labels);
  into.value += seconds;
  ++into.count;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    into.buckets[i] += seconds <= kBounds[i] ? 1 : 0;
  }
}

void Metrics::forget(std::string_view label, std::string_view value) {
  const std::string part = label_text({{label, std::string(value)}});
  for (auto& [name, family] : families_) {
    std::erase_if(family.series, [&](const auto& series) {
      return ("," + series.first + ",").find("," + part + ",") != std::string::npos;
    });
  }
}

std::string Metrics::text() const {
  constexpr std::string_view kKinds[] = {"counter", "gauge", "histogram"};
  std::string text;
  for (const auto& [name, family] : families_) {
    text += "# HELP " + name + " " + std::string(family.help) + "\n# TYPE " + name + " " +
            std::string(kKinds[static_cast<std::size_t>(family.kind)]) + "\n";
    for (const auto& [labels, series] : family.series) {
      if (family.kind != MetricKind::kHistogram) {
        text += sample(name, labels, number_text(series.value));
        continue;
      }
      const std::string before = labels.empty() ? "" : labels + ",";
      for (std::size_t i = 0; i < kBounds.size(); ++i) {
        text += sample(name + "_bucket", before + "le=\"" + number_text(kBounds[i]) + "\"",
                       std::to_string(series.buckets[i]));
      }
      text += sample(name + "_bucket", before + "le=\"+Inf\"", std::to_string(series.count));
      text += sample(name + "_sum", labels, number_text(series.value));
      text += sample(name + "_count", labels, std::to_string(series.count));
    }
  }
  return text;
}

}  // namespace recap::service
