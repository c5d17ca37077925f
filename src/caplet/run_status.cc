// SPDX-License-Identifier: Apache-2.0
#include "caplet/run_status.h"

#include <chrono>
#include <utility>

#include "caplet/log.h"
#include "kube/status.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kSendAgain{5};
constexpr const char* kManager = "caplet";

}  // namespace

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
