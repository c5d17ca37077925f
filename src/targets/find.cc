// SPDX-License-Identifier: Apache-2.0
// From what the user wrote to one target. Exact names and ids win over id prefixes; whatever is
// left with more than one answer is refused.
#include <algorithm>
#include <optional>

#include "targets/containerd.h"
#include "targets/engine_api.h"
#include "targets/http.h"
#include "targets/known.h"
#include "targets/oci.h"
#include "targets/podman.h"
#include "targets/process.h"
#include "targets/reference.h"
#include "targets/target.h"
#include "targets/text.h"
#include "targets/usable.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using Targets = std::vector<Target>;

constexpr std::size_t kMinPrefix = 4;

// What was found so far, by how it was named.
struct Matches {
  Targets exact, prefix;

  void add(Target target, std::string_view name) {
    if (target.name == name || target.id == name) {
      merge_into(exact, std::move(target));
    } else if (name.size() >= kMinPrefix && target.id.starts_with(name)) {
      merge_into(prefix, std::move(target));
    }
  }
  [[nodiscard]] bool empty() const { return exact.empty() && prefix.empty(); }
  [[nodiscard]] Targets best() { return std::move(exact.empty() ? prefix : exact); }
};

Status ask_docker(Matches& matches, std::string_view name, const Roots& roots) {
  for (const std::string& socket : roots.docker_sockets) {
    if (auto found = RECAP_TRY(engine_container(docker_engine(), socket, name))) {
      matches.add(*std::move(found), name);
    }
  }
  return {};
}

// Podman's containers as its storage names them; nullopt when no storage is where we look, or none
// can be read, so that only the service can tell.
Result<std::optional<Targets>> podman_from_files(std::string_view name, const Roots& roots) {
  std::optional<Targets> targets;
  for (const std::string& storage : roots.podman_storages) {
    const auto names = stored_names(storage);
    if (!names || !*names) {
      continue;
    }
    if (!targets) {
      targets.emplace();
    }
    for (const StoredName& stored : **names) {
      const bool is_prefix = name.size() >= kMinPrefix && stored.id.starts_with(name);
      if (stored.name != name && !is_prefix) {
        continue;
      }
      for (Target& target : RECAP_TRY(known_by_id(roots, stored.id))) {
        merge_into(*targets, std::move(target));
      }
    }
  }
  return targets;
}

Result<bool> ask_podman_service(Matches& matches, std::string_view name, const Roots& roots) {
  bool answered = false;
  for (const std::string& socket : roots.podman_sockets) {
    if (auto found = RECAP_TRY(engine_container(podman_engine(), socket, name))) {
      matches.add(*std::move(found), name);
      answered = true;
    }
  }
  return answered;
}

// Where systemd owns the socket, connecting to it starts the service, which takes a good part of a
// second. So the storage is read first: it knows whether there is such a container at all.
Status ask_podman(Matches& matches, std::string_view name, const Roots& roots) {
  auto from_files = RECAP_TRY(podman_from_files(name, roots));
  if (from_files && from_files->empty()) {
    return {};
  }
  const bool answered = RECAP_TRY(ask_podman_service(matches, name, roots));
  for (Target& target : !answered && from_files ? *from_files : Targets()) {
    matches.add(std::move(target), name);
  }
  return {};
}

// Nobody knows `name` yet: what remains are containers whose daemon does not run, and Podman's in
// a storage that we do not know of.
Status look_everywhere(Matches& matches, std::string_view name, const Roots& roots) {
  if (name.size() >= kMinPrefix) {
    for (Target& target : RECAP_TRY(known_by_prefix(roots, name))) {
      matches.add(std::move(target), name);
    }
  }
  if (matches.empty()) {
    (void)RECAP_TRY(ask_podman_service(matches, name, roots));
  }
  if (matches.empty()) {
    for (Target& target : RECAP_TRY(known_all(roots))) {
      matches.add(std::move(target), name);
    }
  }
  return {};
}

Result<Target> find_any(const std::string& name, const Roots& roots) {
  Matches matches;
  for (Target& target : RECAP_TRY(known_by_id(roots, name))) {
    matches.add(std::move(target), name);
  }
  if (is_hex64(name) && !matches.exact.empty()) {
    return choose(name, matches.best(),
                  roots);  // no other container has this id: no daemon is asked
  }
  RECAP_TRY(ask_docker(matches, name, roots));
  RECAP_TRY(ask_podman(matches, name, roots));
  if (matches.exact.empty()) {
    RECAP_TRY(look_everywhere(matches, name, roots));
  }
  return choose(name, matches.best(), roots);
}

// Whether anybody answers for Docker, whose containers have names that only it knows for certain.
bool docker_answers(const Roots& roots) {
  return std::ranges::any_of(roots.docker_sockets, [](const std::string& socket) {
    const auto answer = http_get(socket, "/_ping");
    return answer || answer.error().kind() != Kind::kNotFound;
  });
}

Error docker_is_silent(std::string_view text, const Roots& roots) {
  std::string where;
  for (const std::string& socket : roots.docker_sockets) {
    where += (where.empty() ? " at " : ", ") + socket;
  }
  return {Kind::kNotFound, "there is no target " + shown(text) + " that is known without Docker, " +
                               "which does not answer" + where +
                               ": start it, or say where its socket is in RECAP_DOCKER_SOCKET"};
}

Result<Target> find_in_runtime(std::string_view text, const Reference& reference,
                               const Roots& roots) {
  Matches matches;
  if (reference.runtime == "docker") {
    RECAP_TRY(ask_docker(matches, reference.name, roots));
  } else if (reference.runtime == "podman") {
    RECAP_TRY(ask_podman(matches, reference.name, roots));
    if (matches.empty()) {
      (void)RECAP_TRY(ask_podman_service(matches, reference.name, roots));
    }
  }
  const auto add_known = [&](Targets known) {
    for (Target& target : known) {
      const bool is_its = target.runtime == reference.runtime ||
                          target.oci_runtime == reference.runtime ||
                          (reference.runtime == "containerd" &&
                           !target.ns.empty());  // Docker's are containerd's too
      if (is_its && (reference.ns.empty() || target.ns == reference.ns)) {
        matches.add(std::move(target), reference.name);
      }
    }
  };
  if (matches.exact.empty()) {
    add_known(RECAP_TRY(known_by_id(roots, reference.name)));
  }
  if (matches.empty() && reference.name.size() >= kMinPrefix) {
    add_known(RECAP_TRY(known_by_prefix(roots, reference.name)));
  }
  if (matches.empty()) {  // a name whose daemon does not run
    add_known(RECAP_TRY(known_all(roots)));
  }
  if (matches.empty() && reference.runtime == "docker" && !docker_answers(roots)) {
    return docker_is_silent(text, roots);
  }
  return choose(text, matches.best(), roots);
}

void keep_pod(Targets& targets, const Reference& reference) {
  std::erase_if(targets, [&](const Target& target) {
    return target.pod != reference.name || target.pod_namespace != reference.ns ||
           target.container.empty() ||
           (!reference.container.empty() && target.container != reference.container);
  });
}

Result<Target> find_pod(std::string_view text, const Reference& reference, const Roots& roots) {
  Targets targets = RECAP_TRY(known_all(roots));
  keep_pod(targets, reference);
  for (const std::string& socket :
       targets.empty() ? roots.docker_sockets : std::vector<std::string>()) {
    for (const std::string& id : RECAP_TRY(engine_ids(docker_engine(), socket))) {
      if (auto found = RECAP_TRY(engine_container(docker_engine(), socket, id))) {
        merge_into(targets, *std::move(found));
      }
    }
  }
  keep_pod(targets, reference);
  return choose(text, std::move(targets), roots);
}

}  // namespace

Result<Target> find(std::string_view text, const Roots& roots) {
  const Reference reference = RECAP_TRY(parse_reference(text));
  switch (reference.form) {
    case Reference::Form::kAny:
      return find_any(reference.name, roots);
    case Reference::Form::kRuntime:
      return find_in_runtime(text, reference, roots);
    case Reference::Form::kPod:
      return find_pod(text, reference, roots);
    case Reference::Form::kPid:
      break;
  }
  return process_target(reference.pid, roots);
}

}  // namespace recap::targets
