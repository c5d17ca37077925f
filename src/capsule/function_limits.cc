// SPDX-License-Identifier: Apache-2.0
#include "capsule/function_limits.h"

#include "capsule/quantity.h"

namespace recap::capsule {

namespace {

using Labels = std::map<std::string, std::string>;

// A label counts where the request names nothing.
template <typename T, typename Parse>
base::Status choose(const std::optional<T>& wanted, const Labels& labels, const char* name,
                    Parse parse, T& limit) {
  const auto label = labels.find(name);
  if (wanted || label == labels.end()) {
    limit = wanted.value_or(limit);
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

base::Result<run::Limits> limits_of(const LimitRequest& request, const Labels& labels) {
  run::Limits limits = kDefaultLimits;
  const auto count = [](std::string_view text) { return parse_count(text, 1U << 20U); };
  RECAP_TRY(choose(request.cpu_millis, labels, "dev.recap.limit.cpu", parse_cpu_millis,
                   limits.cpu_millis));
  RECAP_TRY(choose(request.memory_bytes, labels, "dev.recap.limit.memory", parse_size,
                   limits.memory_bytes));
  RECAP_TRY(choose(request.pids, labels, "dev.recap.limit.pids", count, limits.pids));
  RECAP_TRY(choose(request.scratch_bytes, labels, "dev.recap.limit.scratch", parse_size,
                   limits.scratch_bytes));
  limits.out_bytes = request.out_bytes.value_or(limits.out_bytes);
  limits.deadline_ms = request.deadline_ms.value_or(limits.deadline_ms);
  limits.grace_ms = request.grace_ms.value_or(limits.grace_ms);
  // A tmpfs of size 0 has no limit (tmpfs(5)), and with no limit of memory it is the host's.
  if (limits.scratch_bytes == 0 || limits.out_bytes == 0) {
    return base::Error(base::Kind::kInvalid,
                       "0 is no size for the scratch space (--scratch) and /out: what is written "
                       "there is kept in memory");
  }
  if (limits.memory_bytes != 0 && limits.memory_bytes < kMinMemoryBytes) {
    return base::Error(
        base::Kind::kInvalid,
        base::concat<200>("no program starts within ", size_text(limits.memory_bytes),
                          " of memory (--memory): give it ", size_text(kMinMemoryBytes),
                          " or more"));
  }
  return limits;
}

}  // namespace recap::capsule
