// SPDX-License-Identifier: Apache-2.0
#include "controller/hooks.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "controller/pods.h"
#include "controller/run_view.h"
#include "kube/json.h"
#include "kube/kinds_parse.h"
#include "kube/status.h"
#include "linux/process.h"
#include "service/log.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using base::Status;
using service::HttpAnswer;

constexpr std::string_view kBearer = "Bearer ";
constexpr double kCallsPerSecond = 10;
constexpr int kCallsAtOnce = 50;

HttpAnswer say(unsigned status, std::string sentence) {
  return {.status = status, .body = std::move(sentence) + "\n"};
}

std::string token_of(const service::HttpPost& post) {
  const auto header = post.headers.find("authorization");
  const bool is_bearer = header != post.headers.end() && header->second.starts_with(kBearer);
  return is_bearer ? header->second.substr(kBearer.size()) : "";
}

kube::AccessQuestion question_of(const kube::UserInfo& user, const HookCall& call) {
  kube::AccessQuestion question;
  question.user = user;
  question.verb = "create";
  question.group = kube::kGroup;
  question.resource = kube::kCapsules.plural;
  question.subresource = "hooks";
  question.ns = call.ns;
  question.name = call.hook;
  return question;
}

using Capsules = std::shared_ptr<std::vector<kube::Capsule>>;

// Adds the Capsules of a collection that have this webhook.
kube::Task<void> add_hooked(kube::Client client, kube::Endpoint where, std::string hook,
                            Capsules into) {
  const char* kind = where.ns.empty() ? "ClusterCapsule" : "Capsule";
  std::function<void(const json::object&)> keep = [kind, hook, into](const json::object& object) {
    json::object whole = object;  // a list's items have no kind of their own
    whole["apiVersion"] = kube::kApiVersion;
    whole["kind"] = kind;
    auto capsule = kube::parse_capsule(json::value(std::move(whole)), kube::Origin::kApiServer);
    if (capsule && !capsule->meta.deleted && has_hook(*capsule, hook)) {
      into->push_back(*std::move(capsule));
    }
  };
  RECAP_AWAIT_OK(client.list(where, {}, keep));
  co_return Status();
}

// Those of namespace `ns`, and the cluster's that are for it.
kube::Task<std::vector<kube::Capsule>> find_hooked(kube::Client client, std::string ns,
                                                   std::string hook) {
  const Capsules found = std::make_shared<std::vector<kube::Capsule>>();
  kube::Endpoint where;
  where.resource = kube::kClusterCapsules;
  RECAP_AWAIT_OK(add_hooked(client, where, hook, found));
  if (!found->empty()) {
    kube::Endpoint space;
    space.resource = kube::kNamespaces;
    space.name = ns;
    RECAP_AWAIT(const json::object object, client.get(space));
    const kube::Labels labels = labels_of(object);
    std::erase_if(*found, [&](const auto& each) { return !each.namespaces.matches(labels); });
  }
  where.resource = kube::kCapsules;
  where.ns = ns;
  RECAP_AWAIT_OK(add_hooked(client, where, hook, found));
  co_return std::move(*found);
}

kube::Task<std::vector<HookRun>> runs_before(kube::Client client, kube::Capsule capsule,
                                             HookCall call) {
  const auto found = std::make_shared<std::vector<HookRun>>();
  std::function<void(const json::object&)> keep = [found](const json::object& object) {
    const RunView view = run_view(object);
    const auto created = kube::parse_time(kube::text_at(object, {"metadata", "creationTimestamp"}));
    found->push_back({.created_s = created.value_or(0) / 1'000'000'000,
                      .completed_s = view.completed_s,
                      .has_ended = view.has_ended()});
  };
  kube::Endpoint where;
  where.resource = kube::kCapsuleRuns;
  where.ns = call.ns;
  kube::ListOptions options;
  options.label_selector =
      std::string(kHookName) + "=" + call.hook + "," + kHookCapsule + "=" + capsule.meta.name;
  RECAP_AWAIT_OK(client.list(where, options, keep));
  co_return std::move(*found);
}

std::string id_of_first(const std::vector<HookEvent>& events, const kube::EventSource& source) {
  for (const HookEvent& event : events) {
    if (event.has(source.hook_labels)) {
      return event.id;
    }
  }
  return "";
}

}  // namespace

Hooks::Hooks(kube::Client client, service::Metrics& metrics)
    : client_(std::move(client)), metrics_(metrics), calls_(kCallsPerSecond, kCallsAtOnce) {}

void Hooks::serve(service::HttpServer& server) {
  server.on_post_below("/hooks/", [self = shared_from_this()](service::HttpPost post,
                                                              service::HttpServer::Answer answer) {
    kube::spawn<HttpAnswer>(
        self->client_.executor(), Hooks::answer(self, std::move(post)),
        [answer = std::move(answer)](const base::Result<HttpAnswer>& made) {
          if (!made) {
            service::log_warning("a webhook cannot be answered", {{"why", made.error().message()}});
          }
          answer(made ? *made : say(503, "the API server cannot be asked: try again"));
        });
  });
}

kube::Task<HttpAnswer> Hooks::answer(Shared self, service::HttpPost post) {
  const std::size_t slash = post.rest.find('/');
  HookCall call{.ns = post.rest.substr(0, slash),
                .hook = slash == std::string::npos ? "" : post.rest.substr(slash + 1),
                .caller = "",
                .controller = "",
                .now_s = linux::wall_clock_s()};
  const std::string token = token_of(post);
  if (call.ns.empty() || call.hook.empty() || call.hook.find('/') != std::string::npos) {
    co_return say(404, "the path of a webhook is /hooks/NAMESPACE/NAME");
  }
  if (token.empty()) {
    co_return say(401,
                  "show a service account's token for the audience recap-controller, as "
                  "Authorization: Bearer TOKEN");
  }
  if (!self->calls_.try_take(kube::Clock::now())) {
    co_return say(429, "too many calls: try again later");
  }
  RECAP_AWAIT(const auto user, kube::review_token(self->client_, token, kHookAudience));
  if (!user) {
    co_return say(401, "the token is not valid for the audience recap-controller");
  }
  RECAP_AWAIT(const auto access, kube::review_access(self->client_, question_of(*user, call)));
  if (!access.allowed) {
    co_return say(403, "user " + user->name + " needs the verb create on capsules/hooks " +
                           call.hook + " in namespace " + call.ns);
  }
  auto events = events_of(post);
  if (!events) {
    co_return say(400, std::string(events.error().message()));
  }
  RECAP_AWAIT(call.controller, who_are_we(self));
  call.caller = user->name;
  RECAP_AWAIT(HttpAnswer made, start_runs(self, std::move(call), *std::move(events)));
  co_return made;
}

kube::Task<HttpAnswer> Hooks::start_runs(Shared self, HookCall call,
                                         std::vector<HookEvent> events) {
  RECAP_AWAIT(const std::vector<kube::Capsule> capsules,
              find_hooked(self->client_, call.ns, call.hook));
  if (capsules.empty()) {
    co_return say(404,
                  "no Capsule is for namespace " + call.ns + " and has the webhook " + call.hook);
  }
  json::object outcomes;
  for (const kube::Capsule& capsule : capsules) {
    const kube::EventSource* source = source_for(capsule, call.hook, events);
    std::string outcome = "unmatched";
    if (source != nullptr) {
      RECAP_AWAIT(outcome, start_run(self, capsule, call, id_of_first(events, *source)));
    }
    self->metrics_.add("recap_trigger_events_total", {{"source", "Webhook"}, {"outcome", outcome}});
    service::log_info("a webhook was called", {{"namespace", call.ns},
                                               {"hook", call.hook},
                                               {"capsule", capsule.meta.name},
                                               {"caller", call.caller},
                                               {"outcome", outcome}});
    outcomes[capsule.meta.name] = outcome;
  }
  co_return HttpAnswer{.status = 202,
                       .type = "application/json",
                       .body = json::serialize(json::object{{"capsules", outcomes}}) + "\n"};
}

kube::Task<std::string> Hooks::start_run(Shared self, kube::Capsule capsule, HookCall call,
                                         std::string event_id) {
  RECAP_AWAIT(const std::vector<HookRun> before, runs_before(self->client_, capsule, call));
  std::string outcome(outcome_for(capsule, before, call.now_s));
  if (outcome != "accepted") {
    co_return outcome;
  }
  const json::object run = hook_run(capsule, call, event_id);
  kube::Endpoint where;
  where.resource = kube::kCapsuleRuns;
  where.ns = call.ns;
  auto creating = self->client_.create(where, run);
  const auto created = co_await std::move(creating);
  if (!created && kube::api_reason(created.error()) != kube::Reason::kAlreadyExists) {
    co_return created.error();
  }
  co_return created ? outcome : "debounce";
}

kube::Task<std::string> Hooks::who_are_we(Shared self) {
  if (self->ourselves_.empty()) {
    RECAP_AWAIT(const kube::UserInfo user, kube::who_am_i(self->client_));
    self->ourselves_ = user.name;
  }
  co_return self->ourselves_;
}

}  // namespace recap::controller
