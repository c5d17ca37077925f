// SPDX-License-Identifier: Apache-2.0
// The words of recap-controller.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::controller {

struct Words {
  enum class Verb : std::uint8_t { kServe, kHelp, kVersion };
  Verb verb = Verb::kServe;
  std::string kubeconfig;                 // empty: as a pod of the cluster
  std::string ns;                         // where its Lease is; empty: of the pod or context
  std::string identity;                   // in the Lease; the host's name, which is the pod's
  std::string listen = "127.0.0.1:9465";  // health and metrics; empty: none
  std::string hooks;                      // webhooks; empty: none
  std::string tls_cert, tls_key;          // of the webhooks; PEM files; both or neither
  std::uint64_t lease_ms = 15'000;
  std::uint64_t lost_after_ms = 900'000;  // how long a node, or its Caplet, may be away
};

// kInvalid.
base::Result<Words> parse_words(std::span<char*> args);

std::string_view help_text();

}  // namespace recap::controller
