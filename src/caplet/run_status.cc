// SPDX-License-Identifier: Apache-2.0
#include "caplet/run_status.h"

#include <chrono>
#include <utility>

#include <boost/json/array.hpp>
#include <date/date.h>

#include "caplet/log.h"
#include "kube/status.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kSendAgain{5};
constexpr const char* kManager = "caplet";

}  // namespace

std::string api_time(std::int64_t unix_s) {
  return date::format("%FT%TZ", date::sys_seconds(std::chrono::seconds(unix_s)));
}

json::object condition(std::string_view type, bool holds, std::string_view reason,
                       std::string_view message, std::int64_t generation) {
  return {{"type", type},
          {"status", holds ? "True" : "False"},
          {"observedGeneration", generation},
          {"lastTransitionTime", api_time(linux::wall_clock_s())},
          {"reason", reason},
          {"message", message}};
}

RunStatus::RunStatus(boost::asio::io_context& loop, kube::Client client)
    : client_(std::move(client)), timer_(loop) {}

void RunStatus::write(const kube::ObjectMeta& run, json::object status) {
  Pending& pending = pending_[run.uid];
  pending.run = run;
  pending.status = std::move(status);
  pending.is_dirty = true;
  send(run.uid);
}

void RunStatus::send(const std::string& uid) {
  Pending& pending = pending_.at(uid);
  if (std::exchange(pending.is_sending, true)) {
    return;  // the answer will see that there is something newer
  }
  pending.is_dirty = false;
  const kube::ObjectMeta& run = pending.run;
  // With the uid another object of the same name is not taken for this one.
  json::object body{
      {"apiVersion", kube::kApiVersion},
      {"kind", "CapsuleRun"},
      {"metadata", json::object{{"name", run.name}, {"namespace", run.ns}, {"uid", uid}}},
      {"status", pending.status}};
  const kube::Endpoint where{kube::kCapsuleRuns, run.ns, run.name, "status"};
  const kube::ApplyOptions options{.field_manager = kManager};
  kube::spawn<json::object>(
      client_.executor(), client_.apply(where, body, options),
      [this, uid](const base::Result<json::object>& answer) { take_answer(uid, answer); });
}

void RunStatus::take_answer(const std::string& uid, const base::Result<json::object>& answer) {
  Pending& pending = pending_.at(uid);
  pending.is_sending = false;
  const auto gone = [](const base::Error& error) {
    return error.kind() == base::Kind::kNotFound ||
           kube::api_reason(error) == kube::Reason::kConflict;
  };
  if (!answer && !gone(answer.error())) {
    log_warning("the status of a CapsuleRun is not written yet",
                {{"capsuleRun", pending.run.ns + "/" + pending.run.name},
                 {"why", answer.error().message()}});
    send_again();
  } else if (pending.is_dirty) {
    send(uid);
  } else {
    pending_.erase(uid);
  }
}

void RunStatus::send_again() {
  if (std::exchange(waits_, true)) {
    return;
  }
  timer_.expires_after(kSendAgain);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) {
      return;
    }
    waits_ = false;
    for (auto& [uid, pending] : pending_) {
      send(uid);
    }
  });
}

}  // namespace recap::caplet
