// SPDX-License-Identifier: Apache-2.0
#include "caplet/escape_finalizer.h"

#include <chrono>
#include <utility>

#include "caplet/log.h"
#include "kube/finalizer.h"
#include "kube/status.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kTryAgain{5};

}  // namespace

EscapeFinalizer::EscapeFinalizer(boost::asio::io_context& loop, kube::Client client,
                                 std::function<void()> look_again)
    : client_(std::move(client)), look_again_(std::move(look_again)), timer_(loop) {}

bool EscapeFinalizer::is_on(const kube::ObjectMeta& run) {
  return kube::has_finalizer(run, kube::kEscapeFinalizer);
}

void EscapeFinalizer::set(const kube::ObjectMeta& run, bool on) {
  if (is_on(run) == on || !under_way_.insert(run.uid).second) {
    return;
  }
  const json::object patch = kube::finalizer_patch(run, kube::kEscapeFinalizer, on);
  const kube::Endpoint where{kube::kCapsuleRuns, run.ns, run.name};
  kube::spawn<json::object>(
      client_.executor(), client_.merge_patch(where, patch),
      [this, uid = run.uid,
       name = run.ns + "/" + run.name](const base::Result<json::object>& answer) {
        under_way_.erase(uid);
        if (answer || answer.error().kind() == base::Kind::kNotFound) {
          return;
        }
        if (kube::api_reason(answer.error()) == kube::Reason::kConflict) {
          look_again_();  // somebody else was faster, which is seen in a moment
          return;
        }
        log_warning("the finalizer of a CapsuleRun is not written yet",
                    {{"capsuleRun", name}, {"why", answer.error().message()}});
        timer_.expires_after(kTryAgain);
        timer_.async_wait([this](const boost::system::error_code& cancelled) {
          cancelled ? void() : look_again_();
        });
      });
}

}  // namespace recap::caplet
