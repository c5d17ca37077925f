// SPDX-License-Identifier: Apache-2.0
#include "engine/observe.h"

#include <algorithm>
#include <array>

#include "base/fixed_string.h"
#include "engine/target_objects.h"
#include "linux/memory.h"

namespace recap::engine {

namespace {

std::uint64_t hash(std::string_view text) {
  std::uint64_t so_far = 14695981039346656037U;  // FNV-1a
  for (const char c : text) {
    so_far = (so_far ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
  }
  return so_far;
}

Status make_room(Observation& seen) {
  constexpr std::size_t kNameBytes = Observation::kMax * std::size_t{128};
  const auto objects =
      RECAP_TRY(linux::map_memory(Observation::kMax * sizeof(Observation::Object)));
  const auto names = RECAP_TRY(linux::map_memory(kNameBytes));
  seen.objects = {reinterpret_cast<Observation::Object*>(objects.data()), Observation::kMax};
  seen.names = {reinterpret_cast<char*>(names.data()), names.size()};
  return {};
}

void remember(Observation& seen, std::string_view what) {
  if (seen.status && seen.objects.empty()) {
    seen.status = make_room(seen);
  }
  if (!seen.status) {
    return;
  }
  if (seen.count == seen.objects.size() || seen.names.size() - seen.names_size < what.size()) {
    seen.status = base::Error(base::Kind::kExhausted, "there are more than 65536 of them");
    return;
  }
  seen.objects[seen.count++] = {.hash = hash(what),
                                .name = static_cast<std::uint32_t>(seen.names_size),
                                .name_size = static_cast<std::uint32_t>(what.size())};
  std::ranges::copy(what, seen.names.begin() + static_cast<std::ptrdiff_t>(seen.names_size));
  seen.names_size += what.size();
}

std::span<Observation::Object> find(Observation& seen, std::uint64_t hash) {
  const auto known = seen.objects.first(seen.count);
  const auto same = std::ranges::equal_range(known, hash, {}, &Observation::Object::hash);
  return {same.begin(), same.end()};
}

// An address is in several of the kernel's lists; it is one thing.
class Once {
 public:
  bool operator()(std::uint64_t hash) {
    const auto told = std::span(told_).first(count_);
    if (std::ranges::find(told, hash) != told.end()) {
      return false;
    }
    if (count_ < told_.size()) {
      told_[count_++] = hash;
    }
    return true;
  }

 private:
  std::array<std::uint64_t, 64> told_{};
  std::size_t count_ = 0;
};

// A stopped process that goes on is none of ours.
template <typename F>
void each_that_is_gone(const Observation& before, F&& visit) {
  for (const Observation::Object& object : before.objects.first(before.count)) {
    const std::string_view name(before.names.data() + object.name, object.name_size);
    if (!object.is_there_still && !name.starts_with("stopped")) {
      visit(object.hash, base::concat<200>(name, " was there before and is gone").view());
    }
  }
}

void report_unverified(const base::Error& error, void* context, ReportDifference report) {
  report(context,
         base::concat<240>("unverified: what the function may have changed in the target was not "
                           "compared: ",
                           error.message())
             .view());
}

}  // namespace

Observation observe(const run::Spec& spec, const RunIds& ids) {
  Observation seen;
  Status read = each_object(spec, ids, [&seen](std::string_view what) { remember(seen, what); });
  if (seen.status) {
    seen.status = std::move(read);
  }
  std::ranges::sort(seen.objects.first(seen.count), {}, &Observation::Object::hash);
  return seen;
}

void compare(const run::Spec& spec, const RunIds& ids, Observation& before, void* context,
             ReportDifference report) {
  if (!before.status) {
    report_unverified(before.status.error(), context, report);
    return;
  }
  Once is_new;
  const Status read = each_object(spec, ids, [&](std::string_view what) {
    const std::uint64_t object = hash(what);
    const auto known = find(before, object);
    for (Observation::Object& same : known) {
      same.is_there_still = true;
    }
    if (known.empty() && is_new(object)) {
      report(context, what);
    }
  });
  if (!read) {
    report_unverified(read.error(), context, report);
    return;
  }
  each_that_is_gone(before, [&](std::uint64_t object, std::string_view what) {
    if (is_new(object)) {
      report(context, what);
    }
  });
}

}  // namespace recap::engine
