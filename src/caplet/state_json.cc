// SPDX-License-Identifier: Apache-2.0
// An assignment's state as JSON. Reading is lenient, field by field: what is absent is as at the
// beginning, so that a later version's file can be read.
#include <charconv>
#include <exception>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "caplet/state.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;

std::int64_t number_of(Uptime time) { return time.time_since_epoch().count(); }
std::int64_t number_of(Wall time) { return time.time_since_epoch().count(); }

template <typename Time>
json::value value_of(const std::optional<Time>& time) {
  return time ? json::value(number_of(*time)) : json::value(nullptr);
}

// One member of an object; nothing when it is not there or of another type.
class Reader {
 public:
  explicit Reader(const json::value* value)
      : object_(value != nullptr ? value->if_object() : nullptr) {}

  [[nodiscard]] const json::value* at(std::string_view name) const {
    return object_ != nullptr ? object_->if_contains(name) : nullptr;
  }
  [[nodiscard]] Reader object(std::string_view name) const { return Reader(at(name)); }
  [[nodiscard]] std::string text(std::string_view name) const {
    const json::value* value = at(name);
    const json::string* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string(*text) : std::string();
  }
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const {
    const json::value* value = at(name);
    const std::int64_t* number = value != nullptr ? value->if_int64() : nullptr;
    return number != nullptr ? std::optional(*number) : std::nullopt;
  }
  [[nodiscard]] bool flag(std::string_view name) const {
    const json::value* value = at(name);
    const bool* flag = value != nullptr ? value->if_bool() : nullptr;
    return flag != nullptr && *flag;
  }
  template <typename Time>
  [[nodiscard]] std::optional<Time> time(std::string_view name) const {
    const auto count = number(name);
    return count ? std::optional(Time(milliseconds(*count))) : std::nullopt;
  }
  template <typename F>
  void each(std::string_view name, F&& visit) const {
    const json::value* value = at(name);
    if (const json::array* array = value != nullptr ? value->if_array() : nullptr) {
      for (const json::value& element : *array) {
        visit(element);
      }
    }
  }

 private:
  const json::object* object_;
};

// As text: JSON's numbers end before 64 bits do.
std::size_t hash_of(std::string_view text) {
  std::size_t hash = 0;
  std::from_chars(text.data(), text.data() + text.size(), hash);
  return hash;
}

json::array live_runs(const AssignmentState& state) {
  json::array array;
  for (const LiveRun& run : state.live) {
    array.push_back(json::object{{"id", run.id},
                                 {"instance", run.instance},
                                 {"trigger", run.trigger},
                                 {"scheduled", value_of(run.scheduled)},
                                 {"settledBefore", value_of(run.settled_before)},
                                 {"started", number_of(run.started)},
                                 {"policy", run.policy},
                                 {"specHash", std::to_string(run.spec_hash)},
                                 {"stopping", run.stopping}});
  }
  return array;
}

json::object event_object(const EventState& event) {
  json::object object;
  if (event.pending) {
    object["pending"] = json::object{{"type", static_cast<std::int64_t>(event.pending->type)},
                                     {"due", number_of(event.pending->due)}};
  }
  object["lastEnd"] = value_of(event.last_end);
  json::array& starts = object["starts"].emplace_array();
  for (const Uptime start : event.starts) {
    starts.push_back(number_of(start));
  }
  json::array& counts = object["counts"].emplace_array();
  for (const std::uint64_t count : event.counts) {
    counts.push_back(static_cast<std::int64_t>(count));
  }
  return object;
}

void read_event(const Reader& reader, EventState& event, bool same_boot) {
  std::size_t i = 0;
  reader.each("counts", [&](const json::value& count) {
    if (i < event.counts.size() && count.is_int64()) {
      event.counts[i++] = static_cast<std::uint64_t>(count.get_int64());
    }
  });
  if (!same_boot) {
    return;
  }
  const Reader pending = reader.object("pending");
  const auto type = pending.number("type");
  const auto due = pending.time<Uptime>("due");
  if (type && due && *type >= 0 && *type < static_cast<std::int64_t>(kube::kEventTypes)) {
    event.pending = EventState::Pending{static_cast<kube::EventType>(*type), *due};
  }
  event.last_end = reader.time<Uptime>("lastEnd");
  reader.each("starts", [&](const json::value& start) {
    if (start.is_int64()) {
      event.starts.emplace_back(milliseconds(start.get_int64()));
    }
  });
}

void read_runs(const Reader& reader, AssignmentState& state) {
  reader.each("live", [&](const json::value& element) {
    const Reader run(&element);
    state.live.push_back({.id = run.text("id"),
                          .instance = run.text("instance"),
                          .trigger = run.text("trigger"),
                          .scheduled = run.time<Wall>("scheduled"),
                          .settled_before = run.time<Wall>("settledBefore"),
                          .started = run.time<Wall>("started").value_or(Wall()),
                          .policy = run.text("policy"),
                          .spec_hash = hash_of(run.text("specHash")),
                          .stopping = run.flag("stopping")});
  });
  reader.each("past", [&](const json::value& element) {
    const Reader run(&element);
    state.past.push_back({.id = run.text("id"), .succeeded = run.flag("succeeded")});
  });
}

void read_times(const Reader& reader, AssignmentState& state, bool same_boot) {
  state.periodic.since = reader.time<Wall>("since").value_or(Wall());
  state.periodic.last_settled = reader.time<Wall>("lastSettled");
  const Reader once = reader.object("once");
  state.once.attempts = static_cast<std::uint32_t>(once.number("attempts").value_or(0));
  state.once.done = once.flag("done");
  read_event(reader.object("event"), state.event, same_boot);
  if (same_boot) {
    const Reader continuous = reader.object("continuous");
    state.continuous.backoff = seconds(continuous.number("backoff").value_or(0));
    state.continuous.last_start = continuous.time<Uptime>("lastStart");
    state.continuous.not_before = continuous.time<Uptime>("notBefore");
    state.continuous.finished = continuous.flag("finished");
    state.once.not_before = once.time<Uptime>("notBefore");
  }
}

}  // namespace

std::string to_json(const AssignmentState& state, std::string_view boot_id) {
  json::array past;
  for (const PastRun& run : state.past) {
    past.push_back(json::object{{"id", run.id}, {"succeeded", run.succeeded}});
  }
  const ContinuousState& continuous = state.continuous;
  const json::object object{
      {"version", 1},
      {"boot", boot_id},
      {"capsule", state.capsule},
      {"target", state.target},
      {"instance", state.instance},
      {"since", number_of(state.periodic.since)},
      {"lastSettled", value_of(state.periodic.last_settled)},
      {"event", event_object(state.event)},
      {"continuous", json::object{{"backoff", continuous.backoff.count()},
                                  {"lastStart", value_of(continuous.last_start)},
                                  {"notBefore", value_of(continuous.not_before)},
                                  {"finished", continuous.finished}}},
      {"once", json::object{{"attempts", state.once.attempts},
                            {"done", state.once.done},
                            {"notBefore", value_of(state.once.not_before)}}},
      {"notReadyTold", state.not_ready_told},
      {"runNow", state.run_now},
      {"live", live_runs(state)},
      {"past", past},
      {"succeeded", static_cast<std::int64_t>(state.succeeded)},
      {"failed", static_cast<std::int64_t>(state.failed)},
      {"skipped", static_cast<std::int64_t>(state.skipped)}};
  return json::serialize(object) + "\n";
}

base::Result<AssignmentState> state_from_json(std::string_view text, std::string_view boot_id) {
  json::error_code failed;
  const json::value value = json::parse(text, failed);
  const Reader reader(&value);
  AssignmentState state;
  state.capsule = reader.text("capsule");
  state.target = reader.text("target");
  if (failed || state.capsule.empty() || state.target.empty()) {
    return base::Error(base::Kind::kCorrupt, "the state of an assignment is damaged");
  }
  state.instance = reader.text("instance");
  state.run_now = reader.text("runNow");
  state.not_ready_told = reader.number("notReadyTold").value_or(0);
  read_times(reader, state, reader.text("boot") == boot_id);
  read_runs(reader, state);
  state.succeeded = static_cast<std::uint64_t>(reader.number("succeeded").value_or(0));
  state.failed = static_cast<std::uint64_t>(reader.number("failed").value_or(0));
  state.skipped = static_cast<std::uint64_t>(reader.number("skipped").value_or(0));
  return state;
}

}  // namespace recap::caplet
