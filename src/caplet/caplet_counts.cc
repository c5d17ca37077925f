// SPDX-License-Identifier: Apache-2.0
// What a Caplet tells about itself: gauges, counts of each Capsule, exporters.
#include <map>
#include <string>

#include "caplet/caplet.h"

namespace recap::caplet {

void Caplet::count_targets() {
  std::map<std::string, int> runtimes;
  for (const auto& [name, target] : targets_) {
    ++runtimes[target.target.runtime];
  }
  for (const auto& [runtime, count] : runtimes) {
    metrics_.set("recap_targets", {{"runtime", runtime}}, count);
  }
}

void Caplet::count_declared() {
  int counts[4] = {};
  for (const auto& [key, declared] : declared_) {
    ++counts[static_cast<std::size_t>(declared->capsule.execution.type)];
  }
  for (std::size_t i = 0; i < 4; ++i) {
    metrics_.set("recap_capsules", {{"policy", kube::name_of(static_cast<kube::ExecutionType>(i))}},
                 counts[i]);
  }
}

std::vector<CapsuleCounts> Caplet::counts() const {
  std::map<std::string, CapsuleCounts> sums;
  for (const auto& [key, declared] : declared_) {
    sums[key].declared = declared;
  }
  for (const auto& [key, entry] : entries_) {
    if (const auto sum = sums.find(key.first); sum != sums.end()) {
      sum->second.add(entry->assignment);
      sum->second.problem = entry->said.empty() ? sum->second.problem : entry->said;
    }
  }
  std::vector<CapsuleCounts> counts;
  for (auto& [key, sum] : sums) {
    if (sum.matched != 0 || sum.active != 0) {
      counts.push_back(std::move(sum));
    }
  }
  return counts;
}

std::vector<Caplet::Exporter> Caplet::exporters() const {
  std::vector<Exporter> exporters;
  for (const auto& [key, entry] : entries_) {
    const DeclaredPtr& declared = entry->assignment.declared();
    if (!declared || declared->capsule.execution.continuous.scrape.port == 0) {
      continue;
    }
    for (const LiveRun& run : entry->assignment.state().live) {
      exporters.push_back(
          {run.id, declared->capsule.execution.continuous.scrape, &entry->assignment});
    }
  }
  return exporters;
}

}  // namespace recap::caplet
