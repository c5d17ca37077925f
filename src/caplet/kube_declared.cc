// SPDX-License-Identifier: Apache-2.0
#include "caplet/kube_declared.h"

#include <utility>

#include "caplet/ceilings.h"
#include "caplet/log.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kTellIn{5};  // changes of a list come one by one
constexpr std::chrono::seconds kAskAgain{10};

template <typename T>
std::optional<T> read(base::Result<T> parsed, const json::object& object) {
  if (parsed) {
    return *std::move(parsed);
  }
  log_error("an object of the API server cannot be carried out",
            {{"object", kube::key_of(kube::meta_of(object))}, {"why", parsed.error().message()}});
  return std::nullopt;
}

void say_trouble(const base::Error& error) {
  log_warning("the API server cannot be watched; what was declared before still holds",
              {{"why", error.message()}});
}

// A list's items have no kind of their own.
json::value with_kind(const json::object& object, const char* kind) {
  json::object whole = object;
  whole["apiVersion"] = kube::kApiVersion;
  whole["kind"] = kind;
  return whole;
}

}  // namespace

KubeDeclared::KubeDeclared(boost::asio::io_context& loop, const kube::Client& client,
                           const std::string& node, const capsule::Dirs& dirs)
    : client_(client),
      capsules_(
          client, {.collection = {kube::kCapsules}}, ObjectCache(dirs, kube::kCapsules.plural),
          [](const json::object& object) {
            const json::value whole = with_kind(object, "Capsule");
            return std::optional(Read<kube::Capsule>{
                read(kube::parse_capsule(whole, kube::Origin::kApiServer), object)});
          },
          [this] { tell_soon(); }, say_trouble),
      cluster_capsules_(
          client, {.collection = {kube::kClusterCapsules}},
          ObjectCache(dirs, kube::kClusterCapsules.plural),
          [](const json::object& object) {
            const json::value whole = with_kind(object, "ClusterCapsule");
            return std::optional(Read<kube::Capsule>{
                read(kube::parse_capsule(whole, kube::Origin::kApiServer), object)});
          },
          [this] { tell_soon(); }, say_trouble),
      runs_(
          client, runs_of(node), ObjectCache(dirs, kube::kCapsuleRuns.plural),
          [](const json::object& object) {
            const json::value whole = with_kind(object, "CapsuleRun");
            return std::optional(Read<kube::CapsuleRun>{
                read(kube::parse_capsule_run(whole, kube::Origin::kApiServer), object)});
          },
          [this] { tell_soon(); }, say_trouble),
      policies_(
          client, {.collection = {kube::kCapsulePolicies}},
          ObjectCache(dirs, kube::kCapsulePolicies.plural),
          [](const json::object& object) {
            const json::value whole = with_kind(object, "CapsulePolicy");
            return std::optional(Read<kube::CapsulePolicy>{
                read(kube::parse_capsule_policy(whole, kube::Origin::kApiServer), object)});
          },
          [this] { tell_soon(); }, say_trouble),
      finalizer_(loop, client, [this] { tell_soon(); }),
      timer_(loop),
      again_(loop) {}

kube::WatchOptions KubeDeclared::runs_of(const std::string& node) const {
  kube::WatchOptions options{.collection = {kube::kCapsuleRuns}};
  options.field_selector = "spec.nodeName=" + node;
  return options;
}

void KubeDeclared::start(OnChange on_change) {
  on_change_ = std::move(on_change);
  capsules_.start();
  cluster_capsules_.start();
  runs_.start();
  policies_.start();
}

bool KubeDeclared::synced() const {
  return capsules_.synced() && cluster_capsules_.synced() && runs_.synced() && policies_.synced();
}

void KubeDeclared::tell_soon() {
  if (!std::exchange(is_due_, true)) {
    timer_.expires_after(kTellIn);
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) {
        is_due_ = false;
        tell();
      }
    });
  }
}

void KubeDeclared::tell() {
  if (!synced()) {
    return;
  }
  std::vector<DeclaredPtr> declared;
  const auto add = [&](std::string_view, const Read<kube::Capsule>& read) {
    if (read.object && !read.object->meta.deleted) {
      declared.push_back(declare(*read.object));
    }
  };
  capsules_.each(add);
  cluster_capsules_.each(add);
  add_runs(declared);
  on_change_(std::move(declared));
  release_ended();
}

void KubeDeclared::release_ended() {
  runs_.each([&](std::string_view, const Read<kube::CapsuleRun>& read) {
    if (read.object && EscapeFinalizer::is_on(read.object->meta) &&
        (read.object->meta.deleted || read.object->is_finished()) &&
        !is_live_(key_of("CapsuleRun", read.object->meta))) {
      finalizer_.set(read.object->meta, false);
    }
  });
}

// A run that waits for its user's right is declared all the same: it may have been started before.
void KubeDeclared::add_runs(std::vector<DeclaredPtr>& declared) {
  std::map<std::string, Answer> still;
  runs_.each([&](std::string_view, const Read<kube::CapsuleRun>& read) {
    if (read.object && !read.object->meta.deleted && !read.object->is_finished()) {
      const auto known = access_.find(read.object->meta.uid);
      if (known != access_.end()) {
        still.insert(*known);
      }
    }
  });
  access_ = std::move(still);
  runs_.each([&](std::string_view, const Read<kube::CapsuleRun>& read) {
    if (read.object && !read.object->meta.deleted && !read.object->is_finished()) {
      declared.push_back(declare_run(*read.object));
    }
  });
}

DeclaredPtr KubeDeclared::declare_run(const kube::CapsuleRun& run) {
  const kube::Capsule* capsule = find(run);
  if (run.capsule && capsule == nullptr) {
    access_[run.meta.uid] = {Access::kDenied, "spec.capsuleRef: there is no such Capsule"};
  } else if (access_.try_emplace(run.meta.uid).second) {
    ask(run);
  }
  finalizer_.set(run.meta, true);
  auto declared = std::make_shared<Declared>(*declare(run, capsule));
  const Answer& answer = access_.at(run.meta.uid);
  const bool waits = answer.access == Access::kAllowed && !EscapeFinalizer::is_on(run.meta);
  declared->once->access = waits ? Access::kAsked : answer.access;
  declared->once->denial = answer.denial;
  return declared;
}

const kube::Capsule* KubeDeclared::find(const kube::CapsuleRun& run) const {
  if (!run.capsule) {
    return nullptr;
  }
  const Read<kube::Capsule>* read = run.capsule->cluster
                                        ? cluster_capsules_.find(run.capsule->name)
                                        : capsules_.find(run.meta.ns + "/" + run.capsule->name);
  return read != nullptr && read->object ? &*read->object : nullptr;
}

void KubeDeclared::ask(const kube::CapsuleRun& run) {
  kube::spawn<kube::AccessAnswer>(
      client_.executor(), kube::review_access(client_, kube::question_of(run)),
      [this, meta = run.meta,
       user = run.requested_by](const base::Result<kube::AccessAnswer>& answer) {
        if (!answer) {
          log_warning(
              "the right to run cannot be asked for yet",
              {{"capsuleRun", meta.ns + "/" + meta.name}, {"why", answer.error().message()}});
          access_.erase(meta.uid);
          again_.expires_after(kAskAgain);
          again_.async_wait([this](const boost::system::error_code& cancelled) {
            cancelled ? void() : tell_soon();
          });
          return;
        }
        access_[meta.uid] =
            answer->allowed
                ? Answer{Access::kAllowed, ""}
                : Answer{Access::kDenied,
                         "user " + user + " may not create capsuleruns in namespace " + meta.ns +
                             (answer->reason.empty() ? "" : ": ") + answer->reason};
        tell_soon();
      });
}

base::Result<Cover> KubeDeclared::check(const Declared& declared, const NodeTarget& target,
                                        const Load& load, capsule::Admitted& run) const {
  std::vector<kube::CapsulePolicy> policies;
  policies_.each([&](std::string_view, const Read<kube::CapsulePolicy>& read) {
    if (read.object) {
      policies.push_back(*read.object);
    }
  });
  return admit_under(policies, {declared, target, RECAP_TRY(facts_of(target.target)), load}, run);
}

}  // namespace recap::caplet
