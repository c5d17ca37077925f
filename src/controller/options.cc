// SPDX-License-Identifier: Apache-2.0
#include "controller/options.h"

#include <sys/utsname.h>

#include "capsule/quantity.h"
#include "service/options.h"

namespace recap::controller {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr std::uint64_t kShortestLease = 3'000;  // milliseconds

constexpr std::string_view kHelp =
    R"(recap-controller: binds CapsuleRuns to nodes, counts how they end, receives webhooks

  recap-controller [OPTION]…

Of several only one works, the one that holds the Lease recap-controller; all receive webhooks.

Options:
  --kubeconfig FILE        how to reach the API server (default: as a pod of the cluster)
  --namespace NAME         where the Lease is (default: the pod's own)
  --identity NAME          its name in the Lease (default: the host's name)
  --lease TIME             how long a Lease lasts that is not renewed (default: 15s)
  --lost-after TIME        how long a node may be missing, or without a Caplet, before what is bound
                           to it is given up (default: 15m)
  --listen ADDRESS:PORT    of /metrics, /livez, /readyz (default: 127.0.0.1:9465; "": none)
  --hooks ADDRESS:PORT     of webhooks, /hooks/NAMESPACE/NAME (default: none)
  --tls-cert FILE, --tls-key FILE
                           certificate and key (PEM) of the webhooks' HTTPS (default: HTTP)
  --help, --version

SIGTERM gives the Lease to another, and ends it.
)";

constexpr service::Option<Words> kOptions[] = {
    {"--kubeconfig", [](Words& w, std::string_view v) { return w.kubeconfig = v, Status(); }},
    {"--namespace", [](Words& w, std::string_view v) { return w.ns = v, Status(); }},
    {"--identity", [](Words& w, std::string_view v) { return w.identity = v, Status(); }},
    {"--listen", [](Words& w, std::string_view v) { return w.listen = v, Status(); }},
    {"--hooks", [](Words& w, std::string_view v) { return w.hooks = v, Status(); }},
    {"--tls-cert", [](Words& w, std::string_view v) { return w.tls_cert = v, Status(); }},
    {"--tls-key", [](Words& w, std::string_view v) { return w.tls_key = v, Status(); }},
    {"--lost-after",
     [](Words& w, std::string_view v) -> Status {
       w.lost_after_ms = RECAP_TRY(capsule::parse_duration_ms(v));
       return {};
     }},
    {"--lease",
     [](Words& w, std::string_view v) -> Status {
       w.lease_ms = RECAP_TRY(capsule::parse_duration_ms(v));
       return w.lease_ms >= kShortestLease ? Status()
                                           : Error(Kind::kInvalid, "a Lease lasts at least 3s");
     }},
};

bool take_flag(Words& words, std::string_view word) {
  if (word == "--help" || word == "-h") {
    words.verb = Words::Verb::kHelp;
  } else if (word == "--version") {
    words.verb = Words::Verb::kVersion;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Words> parse_words(std::span<char*> args) {
  Words words;
  utsname host{};
  (void)::uname(&host);
  words.identity = host.nodename;
  RECAP_TRY(service::take_words("recap-controller", args, take_flag, kOptions, words));
  if (words.tls_cert.empty() != words.tls_key.empty()) {
    return Error(Kind::kInvalid, "give both --tls-cert and --tls-key, or neither");
  }
  return words;
}

std::string_view help_text() { return kHelp; }

}  // namespace recap::controller
