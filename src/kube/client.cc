// SPDX-License-Identifier: Apache-2.0
#include "kube/client.h"

#include <utility>

#include <boost/json/serialize.hpp>

#include "kube/framing.h"
#include "kube/json.h"
#include "kube/transport.h"

namespace recap::kube {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Status;

namespace {

using Shared = std::shared_ptr<Transport>;

// "get pods web in shop", for messages.
std::string describe(std::string_view verb, const Endpoint& endpoint) {
  std::string out(verb);
  out.append(" ").append(endpoint.resource.plural);
  out += endpoint.subresource.empty() ? "" : "/" + endpoint.subresource;
  out += endpoint.name.empty() ? "" : " " + endpoint.name;
  out += endpoint.ns.empty() ? "" : " in " + endpoint.ns;
  return out;
}

Request request_of(std::string_view verb, std::string method, const Endpoint& endpoint,
                   const Query& query = {}, const json::object* body = nullptr) {
  Request request;
  request.http.method = std::move(method);
  request.http.target = with_query(path_of(endpoint), query);
  request.http.body = body == nullptr ? "" : json::serialize(*body);
  request.what = describe(verb, endpoint);
  return request;
}

Task<json::object> exchange_object(Shared transport, Request request) {
  const std::string what = "the answer to " + request.what;
  RECAP_AWAIT(const std::string text, transport->send(std::move(request)));
  co_return parse_object(text, what);
}

Task<void> exchange_nothing(Shared transport, Request request) {
  RECAP_AWAIT_OK(transport->send(std::move(request)));
  co_return Status();
}

Query list_query(const ListOptions& options, const std::string& next) {
  Query query;
  const auto add = [&query](const char* key, const std::string& value) {
    if (!value.empty()) {
      query.emplace_back(key, value);
    }
  };
  add("fieldSelector", options.field_selector);
  add("labelSelector", options.label_selector);
  add("limit", options.page > 0 ? std::to_string(options.page) : "");
  add("continue", next);
  add("resourceVersion", next.empty() ? options.resource_version : "");
  return query;
}

using EachObject = std::function<void(const json::object&)>;

// Reads one page; the result is its metadata.
Task<json::object> list_page(Shared transport, Request request, EachObject each) {
  const std::string what = "an object of " + request.what;
  const auto splitter = std::make_shared<ItemSplitter>(
      transport->options().max_response_bytes, [each, what](std::string_view text) -> Status {
        each(RECAP_TRY(parse_object(text, what)));
        return {};
      });
  BodySink sink = [splitter](std::string_view bytes) { return splitter->feed(bytes); };
  RECAP_AWAIT_OK(transport->send(std::move(request), std::move(sink)));
  RECAP_CO_TRY(const std::string envelope, splitter->envelope());
  RECAP_CO_TRY(json::object list, parse_object(envelope, what));
  const json::object* metadata = object_at(list, {"metadata"});
  co_return metadata == nullptr ? json::object() : *metadata;
}

Task<std::string> list_all(Shared transport, Endpoint collection, ListOptions options,
                           EachObject each) {
  std::string next;
  std::string version;
  do {
    Request page = request_of("list", "GET", collection, list_query(options, next));
    RECAP_AWAIT(const json::object metadata, list_page(transport, std::move(page), each));
    next = text_at(metadata, {"continue"});
    version = text_at(metadata, {"resourceVersion"});
  } while (!next.empty());
  co_return version;
}

}  // namespace

Client::Client(Executor executor, Config config, ClientOptions options)
    : transport_(std::make_shared<Transport>(std::move(executor), std::move(config),
                                             std::move(options))) {}

Task<json::object> Client::get(const Endpoint& which) const {
  return exchange_object(transport_, request_of("get", "GET", which));
}

Task<json::object> Client::create(const Endpoint& collection, const json::object& body,
                                  bool dry_run) const {
  const Query query = dry_run ? Query{{"dryRun", "All"}} : Query{};
  return exchange_object(transport_, request_of("create", "POST", collection, query, &body));
}

Task<json::object> Client::update(const Endpoint& which, const json::object& body) const {
  return exchange_object(transport_, request_of("update", "PUT", which, {}, &body));
}

Task<json::object> Client::apply(const Endpoint& which, const json::object& body,
                                 const ApplyOptions& options) const {
  const Query query{{"fieldManager", options.field_manager},
                    {"force", options.force ? "true" : "false"}};
  Request request = request_of("apply", "PATCH", which, query, &body);
  request.http.content_type = "application/apply-patch+yaml";  // JSON is YAML; "+json" gets a 415
  return exchange_object(transport_, std::move(request));
}

Task<json::object> Client::merge_patch(const Endpoint& which, const json::object& patch) const {
  Request request = request_of("patch", "PATCH", which, {}, &patch);
  request.http.content_type = "application/merge-patch+json";
  return exchange_object(transport_, std::move(request));
}

Task<void> Client::remove(const Endpoint& which, const DeleteOptions& options) const {
  json::object body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) {
    body["preconditions"] = json::object{{"uid", options.uid}};
  }
  if (!options.propagation.empty()) {
    body["propagationPolicy"] = options.propagation;
  }
  if (options.grace_period_seconds >= 0) {
    body["gracePeriodSeconds"] = options.grace_period_seconds;
  }
  return exchange_nothing(transport_, request_of("delete", "DELETE", which, {}, &body));
}

Task<std::string> Client::list(Endpoint collection, ListOptions options, EachObject each) const {
  return list_all(transport_, std::move(collection), std::move(options), std::move(each));
}

void Client::close() const { transport_->close(); }
const Executor& Client::executor() const { return transport_->executor(); }
const Config& Client::config() const { return transport_->config(); }
const Client::Counters& Client::counters() const { return transport_->counters(); }

}  // namespace recap::kube
