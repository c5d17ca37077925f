// SPDX-License-Identifier: Apache-2.0
// The words of `caplet`.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "caplet/caplet.h"

namespace recap::caplet {

struct Words {
  enum class Verb : std::uint8_t { kServe, kDrain, kUninstall, kHelp, kVersion };
  Verb verb = Verb::kServe;
  std::string manifests;  // empty: Kubernetes
  std::string kubeconfig, node_name;
  std::string listen = "127.0.0.1:9464";
  std::uint64_t timeout_ms = 60'000;  // of drain and uninstall
  CapletOptions options;
};

// kInvalid with a sentence about what is wrong. Directories and runtimes' places are taken from
// the environment, as `recap` does.
base::Result<Words> parse_words(std::span<char*> args);

std::string_view help_text();

}  // namespace recap::caplet
