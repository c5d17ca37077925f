// SPDX-License-Identifier: Apache-2.0
#include "kube/event_folder.h"

#include <cstdio>

namespace recap::kube {

namespace {

constexpr auto kFinish = std::chrono::minutes(6);
constexpr auto kRefresh = std::chrono::minutes(30);
constexpr int kBurst = 25;                // per object
constexpr double kPerSecond = 1.0 / 300;  // and later
constexpr std::size_t kMaxKnown = 4096;   // series, and objects with a budget
constexpr std::size_t kMaxNote = 1024;    // the API's limits
constexpr std::size_t kMaxNamePrefix = 230;

std::string key_of(const Event& event) {
  const ObjectReference& about = event.regarding;
  std::string key = event.warning ? "W" : "N";
  for (const std::string* part : {&event.reason, &event.action, &about.api_version, &about.kind,
                                  &about.ns, &about.name, &about.uid}) {
    key.append(1, '\n').append(*part);
  }
  return key;
}

std::string name_of(const Event& event, std::int64_t unix_ns) {
  char suffix[24];
  std::snprintf(suffix, sizeof suffix, ".%llx", static_cast<unsigned long long>(unix_ns));
  return event.regarding.name.substr(0, kMaxNamePrefix) + suffix;
}

// At most `limit` bytes, and no half of a UTF-8 character at the end.
std::string cut(const std::string& text, std::size_t limit) {
  if (text.size() <= limit) {
    return text;
  }
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace

bool EventFolder::within_budget(const ObjectReference& object, Clock::time_point now) {
  if (budgets_.size() >= kMaxKnown) {
    budgets_.clear();
  }
  const std::string key = object.uid + "\n" + object.ns + "\n" + object.name;
  return budgets_.try_emplace(key, kPerSecond, kBurst).first->second.try_take(now);
}

std::optional<EventWrite> EventFolder::record(const Event& event, Clock::time_point now,
                                              std::int64_t unix_ns) {
  if (!within_budget(event.regarding, now)) {
    ++suppressed_;
    return std::nullopt;
  }
  const std::string key = key_of(event);
  const auto at = known_.find(key);
  if (at == known_.end()) {
    EventWrite write{.ns = event.regarding.ns.empty() ? "default" : event.regarding.ns,
                     .name = name_of(event, unix_ns),
                     .event = event,
                     .first_ns = unix_ns,
                     .last_ns = unix_ns};
    write.event.note = cut(event.note, kMaxNote);
    if (known_.size() < kMaxKnown) {
      known_.emplace(key, Known{write, now, now});
    }
    return write;
  }
  Known& known = at->second;
  known.seen = now;
  known.write.last_ns = unix_ns;
  if (++known.write.count > 2) {
    ++folded_;
    return std::nullopt;
  }
  known.written = now;
  known.written_count = known.write.count;
  return known.write;
}

std::vector<EventWrite> EventFolder::due(Clock::time_point now) {
  std::vector<EventWrite> out;
  for (auto at = known_.begin(); at != known_.end();) {
    Known& known = at->second;
    const bool finished = now - known.seen >= kFinish;
    const bool unwritten = known.write.count > known.written_count;
    if (unwritten && (finished || now - known.written >= kRefresh)) {
      out.push_back(known.write);
      known.written = now;
      known.written_count = known.write.count;
    }
    at = finished ? known_.erase(at) : std::next(at);
  }
  return out;
}

}  // namespace recap::kube
