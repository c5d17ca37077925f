// SPDX-License-Identifier: Apache-2.0
#include "controller/hook_event.h"

#include <algorithm>
#include <string_view>

#include <boost/json/parse.hpp>

#include "kube/json.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;

constexpr std::string_view kAttribute = "ce-";  // the header of a CloudEvent's attribute
constexpr std::size_t kMaxDepth = 32;

Error unknown() {
  return Error(
      Kind::kInvalid,
      "the body is neither a notification of Alertmanager (version 4) nor a CloudEvent 1.0");
}

std::string_view header(const service::HttpPost& post, const char* name) {
  const auto found = post.headers.find(name);
  return found == post.headers.end() ? std::string_view() : found->second;
}

kube::Labels texts_of(const json::object& object) {
  kube::Labels labels;
  for (const auto& [key, value] : object) {
    if (const json::string* text = value.if_string()) {
      labels.insert_or_assign(std::string(key), std::string(*text));
    }
  }
  return labels;
}

Result<HookEvent> cloud_event(kube::Labels attributes) {
  const auto version = attributes.find("specversion");
  if (version == attributes.end() || version->second != "1.0") {
    return unknown();
  }
  attributes.erase("data");
  HookEvent event{.id = attributes["source"] + "\n" + attributes["id"],
                  .labels = std::move(attributes)};
  return event;
}

Result<HookEvent> binary_event(const service::HttpPost& post) {
  kube::Labels attributes;
  for (const auto& [name, value] : post.headers) {
    if (name.starts_with(kAttribute)) {
      attributes.emplace(name.substr(kAttribute.size()), value);
    }
  }
  return cloud_event(std::move(attributes));
}

Result<std::vector<HookEvent>> batched_events(const json::value& body) {
  std::vector<HookEvent> events;
  const json::array* batch = body.if_array();
  if (batch == nullptr) {
    return unknown();
  }
  for (const json::value& each : *batch) {
    if (!each.is_object()) {
      return unknown();
    }
    events.push_back(RECAP_TRY(cloud_event(texts_of(each.get_object()))));
  }
  return events;
}

Result<std::vector<HookEvent>> alerts_of(const json::object& body) {
  const json::array* alerts = kube::array_at(body, {"alerts"});
  if (kube::text_at(body, {"version"}) != "4" || alerts == nullptr) {
    return unknown();
  }
  std::vector<HookEvent> events;
  for (const json::value& each : *alerts) {
    const json::object* alert = each.if_object();
    const json::object* labels = alert == nullptr ? nullptr : kube::object_at(*alert, {"labels"});
    if (labels != nullptr && kube::text_at(*alert, {"status"}) == "firing") {
      events.push_back({.id = "", .labels = texts_of(*labels)});
    }
  }
  return events;
}

}  // namespace

bool HookEvent::has(const kube::Labels& wanted) const {
  return std::ranges::all_of(wanted, [this](const auto& each) {
    const auto found = labels.find(each.first);
    return found != labels.end() && found->second == each.second;
  });
}

Result<std::vector<HookEvent>> events_of(const service::HttpPost& post) {
  if (post.headers.contains("ce-specversion")) {
    return std::vector<HookEvent>{RECAP_TRY(binary_event(post))};
  }
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code failed;
  const json::value body = json::parse(post.body, failed, {}, options);
  const std::string_view type = header(post, "content-type");
  if (failed) {
    return unknown();
  }
  if (type.starts_with("application/cloudevents-batch+json")) {
    return batched_events(body);
  }
  if (!body.is_object()) {
    return unknown();
  }
  if (type.starts_with("application/cloudevents+json")) {
    return std::vector<HookEvent>{RECAP_TRY(cloud_event(texts_of(body.get_object())))};
  }
  return alerts_of(body.get_object());
}

}  // namespace recap::controller
