// SPDX-License-Identifier: Apache-2.0
#include "caplet/escape_finalizer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json/array.hpp>

#include "caplet/log.h"
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
  return std::ranges::find(run.finalizers, kEscapeFinalizer) != run.finalizers.end();
}

void EscapeFinalizer::set(const kube::ObjectMeta& run, bool on) {
  if (is_on(run) == on || !under_way_.insert(run.uid).second) {
    return;
  }
  json::array finalizers;
  for (const std::string& finalizer : run.finalizers) {
    if (finalizer != kEscapeFinalizer) {
      finalizers.emplace_back(finalizer);
    }
  }
  if (on) {
    finalizers.emplace_back(kEscapeFinalizer);
  }
  // The version: a list that others write too is replaced only as it was read.
  const json::object patch{{"metadata", json::object{{"resourceVersion", run.resource_version},
                                                     {"finalizers", std::move(finalizers)}}}};
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
