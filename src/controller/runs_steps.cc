// SPDX-License-Identifier: Apache-2.0
// The steps of a run's story. Each may be repeated, by this controller or by the next.
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "controller/runs.h"
#include "kube/access.h"
#include "kube/json.h"
#include "kube/kinds_parse.h"
#include "kube/status.h"
#include "linux/process.h"
#include "service/log.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using base::Kind;
using base::Status;
using std::chrono::milliseconds;

constexpr const char* kManager = "recap-controller";
constexpr milliseconds kBetweenTold{1000};  // of one run that goes on

std::string denial_of(const kube::CapsuleRun& run) {
  return "user " + run.requested_by + " may not create capsuleruns in namespace " + run.meta.ns;
}

bool is_gone(const base::Error& error) { return error.kind() == Kind::kNotFound; }

// What is not to be done any more: it was deleted, or somebody else has done it.
bool is_settled(const base::Error& error) {
  return is_gone(error) || kube::api_reason(error) == kube::Reason::kConflict ||
         kube::api_reason(error) == kube::Reason::kInvalid;
}

}  // namespace

// --- one pod ---

kube::Task<void> Runs::bind_single(Shared self, RunView run) {
  if (!run.node.empty() || self->bound_.contains(run.uid)) {
    co_return Status();
  }
  kube::CapsuleRun asked;
  asked.meta.ns = run.ns;
  asked.pod = run.pod;
  asked.capsule = run.capsule;
  auto wanting = wanted_by(self->client_, std::move(asked));
  const auto wanted = co_await std::move(wanting);
  auto finding = find_pod(self->client_, run.ns, run.pod);
  const auto pod = co_await std::move(finding);
  std::string problem;
  if (!wanted && is_gone(wanted.error())) {
    problem = wanted.error().message();
  } else if (!pod && is_gone(pod.error())) {
    problem = "there is no pod " + run.pod + " in namespace " + run.ns;
  } else if (!wanted || !pod) {
    co_return wanted ? pod.error() : wanted.error();
  } else if (!wanted->has_namespace || !wanted->labels.matches(pod->labels)) {
    problem = "pod " + run.pod + " is none of those that " + run.capsule->name + " selects";
  } else if (!pod->problem.empty()) {
    problem = "pod " + run.pod + " " + pod->problem;
  }
  if (!problem.empty()) {
    RECAP_AWAIT_OK(fail(self, run, "NoTargets", problem));
    co_return Status();
  }
  RECAP_AWAIT_OK(bind(self, run, pod->node, pod->uid));
  co_return Status();
}

// --- several pods ---

kube::Task<void> Runs::choose(Shared self, RunView run) {
  auto getting = self->client_.get(self->place_of(run));
  auto object = co_await std::move(getting);
  if (!object) {
    co_return is_gone(object.error()) ? Status() : Status(object.error());
  }
  const auto parsed = kube::parse_capsule_run(json::value(*object), kube::Origin::kApiServer);
  if (!parsed) {
    RECAP_AWAIT_OK(fail(self, run, "Invalid", std::string(parsed.error().message())));
    co_return Status();
  }
  RECAP_AWAIT(const auto access, kube::review_access(self->client_, kube::question_of(*parsed)));
  if (!access.allowed) {
    RECAP_AWAIT_OK(fail(self, run, "Denied", denial_of(*parsed)));
    co_return Status();
  }
  auto finding = find_targets(self->client_, *parsed);
  auto pods = co_await std::move(finding);
  if (!pods && !is_gone(pods.error())) {
    co_return pods.error();
  }
  const std::string problem = pods ? "no running pod of namespace " + run.ns + " is selected"
                                   : std::string(pods.error().message());
  RECAP_AWAIT(const std::set<std::string> parts,
              make_parts(self, run, *std::move(object), pods ? *pods : std::vector<PodView>()));
  if (parts.empty()) {
    RECAP_AWAIT_OK(fail(self, run, "NoTargets", problem));
  } else {
    RECAP_AWAIT_OK(note_choice(self, run, parts.size()));
  }
  co_return Status();
}

kube::Task<void> Runs::note_choice(Shared self, RunView run, std::size_t total) {
  run.chosen_s = linux::wall_clock_s();
  run.total = static_cast<std::int64_t>(total);
  const Tally tally{.total = run.total, .pending = run.total};
  RECAP_AWAIT_OK(write(self, run, status_of(run, tally, run.chosen_s)));
  if (Story* story = self->story_of(run)) {
    story->chosen_s = run.chosen_s;
    story->total = run.total;
    story->is_due = true;
  }
  co_return Status();
}

// The first ones are bound from the start. The result is the names of all parts, those included
// that a controller before this one has made.
kube::Task<std::set<std::string>> Runs::make_parts(Shared self, RunView run, json::object object,
                                                   std::vector<PodView> pods) {
  std::set<std::string> names;
  std::size_t active = 0;
  for (const RunView* part : self->parts_of(run.key())) {
    names.insert(part->name);
    active += part->is_active() ? 1 : 0;
  }
  const kube::Endpoint where{kube::kCapsuleRuns, run.ns};
  for (const PodView& pod : pods) {
    json::object part = part_of(object, pod);
    const std::string name(kube::text_at(part, {"metadata", "name"}));
    if (!names.insert(name).second) {
      continue;
    }
    const bool is_first = active < run.parallelism;
    if (is_first) {
      part["spec"].as_object()["nodeName"] = pod.node;
    }
    auto creating = self->client_.create(where, part);
    const auto created = co_await std::move(creating);
    if (!created && kube::api_reason(created.error()) != kube::Reason::kAlreadyExists) {
      co_return created.error();
    }
    active += is_first ? 1 : 0;
    self->metrics_.add("recap_controller_bindings_total", {}, is_first ? 1 : 0);
  }
  co_return names;
}

kube::Task<void> Runs::advance(Shared self, RunView run) {
  if (self->waits_for_parts(run)) {
    co_return Status();
  }
  for (const RunView& part : self->next_to_bind(run)) {
    RECAP_AWAIT_OK(bind_part(self, part));
  }
  std::vector<const RunView*> parts = self->parts_of(run.key());
  RECAP_AWAIT_OK(tell(self, run, tally_of(run, parts)));
  co_return Status();
}

kube::Task<void> Runs::bind_part(Shared self, RunView part) {
  auto finding = find_pod(self->client_, part.ns, part.pod);
  const auto pod = co_await std::move(finding);
  if (!pod && !is_gone(pod.error())) {
    co_return pod.error();
  }
  const bool is_there = pod && pod->uid == part.pod_uid && pod->problem.empty();
  if (!is_there) {
    const std::string message =
        "pod " + part.pod + (pod && pod->uid == part.pod_uid ? " " + pod->problem : " was gone") +
        " when its turn came";
    RECAP_AWAIT_OK(write(self, part, skipped_status(part, message, linux::wall_clock_s())));
    co_return Status();
  }
  RECAP_AWAIT_OK(bind(self, part, pod->node, pod->uid));
  co_return Status();
}

// --- what is told ---

kube::Task<void> Runs::tell(Shared self, RunView run, Tally tally) {
  const auto now = kube::Clock::now();
  Story* story = self->story_of(run);
  if (story == nullptr) {
    co_return Status();
  }
  if (!tally.has_ended() && now < story->told_at + kBetweenTold) {
    const auto left = std::chrono::duration_cast<milliseconds>(story->told_at + kBetweenTold - now);
    self->look_again(run.key(), left);
    co_return Status();
  }
  json::object status = status_of(run, tally, linux::wall_clock_s());
  if (tally.has_ended() && tally.total == 1) {
    RECAP_AWAIT_OK(add_output(self, run, &status));
  }
  std::string text = json::serialize(status);
  if ((story = self->story_of(run)) == nullptr || text == story->told) {
    co_return Status();
  }
  RECAP_AWAIT_OK(write(self, run, std::move(status)));
  if ((story = self->story_of(run)) != nullptr) {
    story->told = std::move(text);
    story->told_at = now;
    story->is_over = tally.has_ended();
  }
  if (tally.has_ended()) {
    self->count_end(tally.succeeded == tally.total ? "succeeded" : "failed");
  }
  co_return Status();
}

// The output of a run's only part.
kube::Task<void> Runs::add_output(Shared self, RunView run, json::object* status) {
  const std::vector<const RunView*> parts = self->parts_of(run.key());
  if (parts.size() != 1) {
    co_return Status();
  }
  auto getting = self->client_.get(self->place_of(*parts.front()));
  const auto part = co_await std::move(getting);
  if (!part && !is_gone(part.error())) {
    co_return part.error();
  }
  const json::array* results = part ? kube::array_at(*part, {"status", "results"}) : nullptr;
  if (results != nullptr) {
    (*status)["results"] = *results;
  }
  co_return Status();
}

void Runs::count_end(const char* result) {
  metrics_.add("recap_controller_runs_total", {{"result", result}});
}

// --- writes ---

kube::Task<void> Runs::bind(Shared self, RunView run, std::string node, std::string pod_uid) {
  const json::object patch{{"metadata", json::object{{"uid", run.uid}}},
                           {"spec", json::object{{"nodeName", node}, {"podUID", pod_uid}}}};
  self->bound_.insert(run.uid);
  auto patching = self->client_.merge_patch(self->place_of(run), patch);
  const auto patched = co_await std::move(patching);
  if (patched) {
    self->metrics_.add("recap_controller_bindings_total");
    co_return Status();
  }
  self->bound_.erase(run.uid);
  if (!is_settled(patched.error())) {
    co_return patched.error();
  }
  service::log_info("a CapsuleRun is not bound: it was deleted, or is bound already",
                    {{"capsuleRun", run.key()}, {"why", patched.error().message()}});
  co_return Status();
}

kube::Task<void> Runs::fail(Shared self, RunView run, std::string reason, std::string message) {
  RECAP_AWAIT_OK(write(self, run, failed_status(run, reason, message, linux::wall_clock_s())));
  if (Story* story = self->story_of(run)) {
    story->is_over = true;
  }
  self->count_end("failed");
  co_return Status();
}

// With the uid another object of the same name is not taken for this one.
kube::Task<void> Runs::write(Shared self, RunView run, json::object status) {
  const json::object body{
      {"apiVersion", kube::kApiVersion},
      {"kind", "CapsuleRun"},
      {"metadata", json::object{{"name", run.name}, {"namespace", run.ns}, {"uid", run.uid}}},
      {"status", std::move(status)}};
  const kube::ApplyOptions options{.field_manager = kManager};
  auto applying = self->client_.apply(self->place_of(run, "status"), body, options);
  const auto applied = co_await std::move(applying);
  const bool is_deleted =
      !applied &&
      (is_gone(applied.error()) || kube::api_reason(applied.error()) == kube::Reason::kConflict);
  co_return applied || is_deleted ? Status() : Status(applied.error());
}

}  // namespace recap::controller
