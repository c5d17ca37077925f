// SPDX-License-Identifier: Apache-2.0
#include "kube/policy_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <boost/json/value.hpp>

#include "image/printable.h"
#include "kube/kinds_parse.h"
#include "linux/error.h"
#include "linux/fs.h"
#include "policy/words.h"

namespace recap::kube {
namespace {

using base::Error;
using base::Kind;
using base::Result;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr const char* kDefaultFile = "/etc/recap/policy.yaml";

Error wrong(std::string_view what) { return {Kind::kInvalid, what}; }

bool has(const auto& list, const auto& value) {
  return std::ranges::find(list, value) != list.end();
}

// What a cluster can keep and a host cannot.
base::Status can_be_kept(const CapsulePolicy& policy) {
  for (const CapsulePolicy::Subject& subject : policy.subjects) {
    if (subject.is_group) {
      return wrong("spec.subjects: on a host subjects are of kind User, by their login names");
    }
  }
  if (policy.max.runs_per_target != CapsulePolicy::kRunsPerTarget ||
      policy.max.runs_per_node != CapsulePolicy::kRunsPerNode) {
    return wrong(
        "spec.max: runsPerTarget and runsPerNode are counted by Caplets only: leave them "
        "out");
  }
  return {};
}

bool is_for_recap_run(const CapsulePolicy& policy) {
  return (policy.applies_to.empty() || has(policy.applies_to, "CapsuleRun")) &&
         has(policy.allow.executions, ExecutionType::kOnDemand);
}

policy::HostPolicy for_host(CapsulePolicy policy) {
  policy::HostPolicy out{.name = std::move(policy.meta.name),
                         .targets = std::move(policy.namespaces),
                         .users = {},
                         .functions = std::move(policy.functions),
                         .images = std::move(policy.images),
                         .allow = static_cast<const policy::Allowed&>(policy.allow),
                         .max = static_cast<const policy::Most&>(policy.max)};
  for (CapsulePolicy::Subject& subject : policy.subjects) {
    out.users.push_back(std::move(subject.name));
  }
  return out;
}

Result<CapsulePolicy> parse_one(const boost::json::value& document) {
  const boost::json::value* kind =
      document.is_object() ? document.get_object().if_contains("kind") : nullptr;
  if (kind == nullptr || *kind != "CapsulePolicy") {
    return wrong("kind: has to be CapsulePolicy");
  }
  CapsulePolicy policy = RECAP_TRY(parse_capsule_policy(document, Origin::kManifest));
  RECAP_TRY(can_be_kept(policy));
  return policy;
}

std::string text_of(const policy::HostPolicy& policy) {
  const auto list = [](const std::vector<std::string>& words, const char* none) {
    std::string out;
    for (const std::string& word : words) {
      out += (out.empty() ? "" : ",") + word;
    }
    return out.empty() ? none : out;
  };
  return policy.name + ": users " + list(policy.users, "*") + "; functions " +
         list(policy.functions, "none") + "; images " + list(policy.images, "none") +
         "; capabilities " + policy::to_text(policy.allow.capabilities) + "; share " +
         policy::share_text(policy.allow.share) + "\n";
}

// A file of the administrator, and the state in which it was read.
struct Source {
  policy::FileState state;
  std::string text;
};

Result<Source> read_source(const std::string& path) {
  const auto file =
      RECAP_TRY(linux::open_at(linux::kCwd, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  Source source{RECAP_TRY(policy::state_of_policy(file.get(), path)), {}};
  source.text.resize(kMaxBytes);
  const std::size_t size =
      RECAP_TRY(linux::read_all(file.get(), std::as_writable_bytes(std::span(source.text))));
  source.text.resize(size);
  if (size == kMaxBytes) {
    return wrong("it is larger than 1 MiB: split or shorten it");
  }
  return source;
}

// Under a name of this process, then renamed: others read it at any moment.
base::Status write_whole(const std::string& path, std::span<const std::byte> text) {
  const std::string mine = path + "." + std::to_string(getpid());
  const auto file = RECAP_TRY(
      linux::open_at(linux::kCwd, mine.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  base::Status written = linux::write_all(file.get(), text);
  if (written && std::rename(mine.c_str(), path.c_str()) != 0) {
    written = linux::failed("rename", mine, errno);
  }
  if (!written) {
    ::unlink(mine.c_str());
  }
  return written;
}

Result<std::vector<policy::HostPolicy>> parse_documents(std::string_view text) {
  std::vector<policy::HostPolicy> out;
  std::vector<std::string> names;
  for (const boost::json::value& document : RECAP_TRY(yaml_to_json(text))) {
    const auto where = base::concat<32>("document ", names.size() + 1);
    CapsulePolicy policy = RECAP_TRY(parse_one(document).context(where));
    if (has(names, policy.meta.name)) {
      return wrong(base::concat<200>("there are two policies '", policy.meta.name, "'"));
    }
    names.push_back(policy.meta.name);
    if (is_for_recap_run(policy)) {
      out.push_back(for_host(std::move(policy)));
    }
  }
  if (names.empty()) {
    return wrong("there is no CapsulePolicy in it: remove the file for the default");
  }
  return out;
}

}  // namespace

Result<std::vector<policy::HostPolicy>> parse_policy_file(std::string_view text) {
  auto policies = parse_documents(text);
  if (!policies) {  // it may quote the file, which may hold anything
    return Error(policies.error().kind(), image::printable(policies.error().message(), 400));
  }
  return policies;
}

Result<std::string> policy_command(std::span<const std::string_view> words) {
  std::string compiled;
  if (words.size() >= 2 && words[0] == "--compile") {
    compiled = words[1];
    words = words.subspan(2);
  }
  if (!words.empty() && words[0] == "--") {
    words = words.subspan(1);
  }
  if (words.size() > 1) {
    return wrong("name one policy file");
  }
  const char* const variable = ::getenv("RECAP_POLICY");
  const bool is_moved = variable != nullptr && variable[0] != '\0';
  const std::string path(!words.empty() ? words[0] : is_moved ? variable : kDefaultFile);
  const Source source = RECAP_TRY(read_source(path).context(path));
  const auto policies = RECAP_TRY(parse_policy_file(source.text).context(path));
  if (!compiled.empty()) {
    RECAP_TRY(write_whole(compiled, RECAP_TRY(policy::encode(source.state, policies))));
    return std::string();
  }
  std::string out;
  for (const policy::HostPolicy& policy : policies) {
    out += text_of(policy);
  }
  return out;
}

}  // namespace recap::kube
