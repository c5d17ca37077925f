// SPDX-License-Identifier: Apache-2.0
#include "caplet/options.h"

#include <stdlib.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "caplet/bucket.h"
#include "capsule/quantity.h"
#include "service/options.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr std::uint64_t kMostRuns = 10'000;

constexpr std::string_view kHelp = R"(caplet: runs Capsules on this node, as they are declared

  caplet --manifests DIR [OPTION]…    without Kubernetes: from the manifests in DIR, on the containers
                                      of Docker, Podman and the OCI runtimes, by their labels
  caplet [OPTION]…                    as a node of a Kubernetes cluster
  caplet drain [--timeout TIME]       ends every run of this node's Caplet, and keeps it from starting
                                      others until it is started anew
  caplet uninstall [--timeout TIME]   ends every run of this node, then removes images, records and
                                      state; end the Caplet first

Options:
  --kubeconfig FILE           how to reach the API server (default: as a pod of the cluster)
  --node-name NAME            this node's name there (default: $NODE_NAME)
  --listen ADDRESS:PORT       of /metrics, /livez, /readyz, /http_sd (default: 127.0.0.1:9464; "": none)
  --max-runs-per-target N     runs that one target has at once (default: 8)
  --max-runs-per-node N       runs that this node has at once (default: 100)
  --keep-records TIME         records of ended runs are kept no longer (default: 168h)
  --store NAME=DIR            a place for artifacts, as spec.artifacts.store names it; repeatable
  --store NAME=s3://BUCKET/PREFIX?endpoint=URL&credentials=FILE[&region=REGION]
                              a bucket; FILE is as ~/.aws/credentials, its profile [default] is used
  --image-credential-provider-config FILE, --image-credential-provider-bin-dir DIR
                              plugins that give credentials for registries, as the kubelet has them
  --timeout TIME              of drain and uninstall (default: 1m)
  --help, --version

SIGTERM ends the Caplet and leaves its runs alone; the next one takes them over.
)";

Status set_store(Words& words, std::string_view value) {
  const std::size_t equals = value.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return Error(Kind::kInvalid, "--store takes NAME=DIR or NAME=s3://BUCKET…");
  }
  const std::string_view place = value.substr(equals + 1);
  if (value.substr(0, equals).find('/') != std::string_view::npos) {
    return Error(Kind::kInvalid, "a store's name has no '/'");
  }
  if (!place.starts_with('/')) {
    (void)RECAP_TRY(parse_bucket(place));
  }
  words.options.stores.insert_or_assign(std::string(value.substr(0, equals)), std::string(place));
  return {};
}

Status set_number(std::size_t& number, std::string_view value) {
  number = RECAP_TRY(capsule::parse_count(value, kMostRuns));
  return number != 0 ? Status() : Error(Kind::kInvalid, "at least one run must be possible");
}

constexpr service::Option<Words> kOptions[] = {
    {"--manifests", [](Words& w, std::string_view v) { return w.manifests = v, Status(); }},
    {"--kubeconfig", [](Words& w, std::string_view v) { return w.kubeconfig = v, Status(); }},
    {"--node-name", [](Words& w, std::string_view v) { return w.node_name = v, Status(); }},
    {"--listen", [](Words& w, std::string_view v) { return w.listen = v, Status(); }},
    {"--max-runs-per-target",
     [](Words& w, std::string_view v) { return set_number(w.options.max_runs_per_target, v); }},
    {"--max-runs-per-node",
     [](Words& w, std::string_view v) { return set_number(w.options.max_runs_per_node, v); }},
    {"--keep-records",
     [](Words& w, std::string_view v) -> Status {
       const std::uint64_t ms = RECAP_TRY(capsule::parse_duration_ms(v));
       w.options.keep_records_s = static_cast<std::int64_t>(ms / 1000);
       return {};
     }},
    {"--store", set_store},
    {"--image-credential-provider-config",
     [](Words& w, std::string_view v) {
       return w.options.credential_provider_config = v, Status();
     }},
    {"--image-credential-provider-bin-dir",
     [](Words& w, std::string_view v) {
       return w.options.credential_provider_bin_dir = v, Status();
     }},
    {"--timeout",
     [](Words& w, std::string_view v) -> Status {
       w.timeout_ms = RECAP_TRY(capsule::parse_duration_ms(v));
       return {};
     }},
};

bool take_flag(Words& words, std::string_view word) {
  static constexpr std::pair<std::string_view, Words::Verb> kVerbs[] = {
      {"drain", Words::Verb::kDrain},
      {"uninstall", Words::Verb::kUninstall},
      {"--help", Words::Verb::kHelp},
      {"-h", Words::Verb::kHelp},
      {"--version", Words::Verb::kVersion}};
  const auto* verb = std::ranges::find(kVerbs, word, [](const auto& v) { return v.first; });
  if (verb == std::end(kVerbs)) {
    return false;
  }
  words.verb = verb->second;
  return true;
}

}  // namespace

Result<Words> parse_words(std::span<char*> args) {
  Words words;
  words.options.dirs = capsule::Dirs::from_environment();
  words.options.dirs.policy.clear();  // of `recap run`; who declares for a Caplet has its own
  words.options.roots = targets::roots_from_env();
  if (const char* node = ::getenv("NODE_NAME"); node != nullptr) {
    words.node_name = node;
  }
  RECAP_TRY(service::take_words("caplet", args, take_flag, kOptions, words));
  return words;
}

std::string_view help_text() { return kHelp; }

}  // namespace recap::caplet
