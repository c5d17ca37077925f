// SPDX-License-Identifier: Apache-2.0
// What a credential plugin is told and what it answers: client.authentication.k8s.io/v1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/config.h"

namespace recap::kube {

inline constexpr std::string_view kExecCredentialVersion = "client.authentication.k8s.io/v1";

// Its environment's KUBERNETES_EXEC_INFO.
std::string exec_info(const ExecPlugin& plugin, const Config& config);

struct ExecAnswer {
  std::string token;
  std::string cert_pem, key_pem;           // both or none
  std::optional<std::int64_t> expires_ns;  // Unix time; nothing: when it is refused
};

// kCorrupt says what is wrong with a plugin's output.
base::Result<ExecAnswer> parse_exec_credential(std::string_view output);

// The server as a URL, for a plugin and for people.
std::string server_url(const Config& config);

}  // namespace recap::kube
