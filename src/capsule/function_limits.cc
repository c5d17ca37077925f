// SPDX-License-Identifier: Apache-2.0
#include "capsule/function_limits.h"

#include "capsule/quantity.h"
#include "capsule/request.h"

namespace recap::capsule {

namespace {

template <typename T, typename Parse>
base::Status apply(const std::map<std::string, std::string>& labels, const char* name, Parse parse,
                   T fallback, T& limit) {
  const auto label = labels.find(name);
  if (label == labels.end() || limit != fallback) {
    return {};
  }
  const auto value = parse(label->second);
  if (!value) {
    return base::Error(base::Kind::kCorrupt, base::concat<300>("the image's label ", name, ": ",
                                                               value.error().message()));
  }
  limit = static_cast<T>(*value);
  return {};
}

}  // namespace

base::Status apply_limits(const std::map<std::string, std::string>& labels, run::Limits& limits) {
  const run::Limits& standard = kDefaultLimits;
  const auto count = [](std::string_view text) { return parse_count(text, 1U << 20U); };
  RECAP_TRY(apply(labels, "dev.recap.limit.cpu", parse_cpu_millis, standard.cpu_millis,
                  limits.cpu_millis));
  RECAP_TRY(apply(labels, "dev.recap.limit.memory", parse_size, standard.memory_bytes,
                  limits.memory_bytes));
  RECAP_TRY(apply(labels, "dev.recap.limit.pids", count, standard.pids, limits.pids));
  return apply(labels, "dev.recap.limit.scratch", parse_size, standard.scratch_bytes,
               limits.scratch_bytes);
}

}  // namespace recap::capsule
