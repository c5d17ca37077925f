// SPDX-License-Identifier: Apache-2.0
// Any bytes as a kubeconfig: what is accepted names a server, and does not switch the check of its
// certificate off.
#include <string>

#include "check.h"
#include "kube/bytes.h"
#include "kube/config.h"
#include "kube/exec_credential.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

void check_server(const kube::Config& config) {
  check(!config.host.empty() && config.port != 0);
  check(config.base_path.empty() || config.base_path.starts_with('/'));
  kube::Config again;
  check(kube::set_server(again, kube::server_url(config)).has_value());
  check(again.host == config.host && again.port == config.port);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto config = kube::parse_kubeconfig({{std::string(text), "/nowhere", "fuzz"}}, {})) {
    check_server(*config);
    check(!config->insecure_skip_tls_verify);
    check(config->client_cert_pem.empty() == config->client_key_pem.empty());
  }
  kube::Config config;
  if (kube::set_server(config, text)) {
    check_server(config);
  }
  if (const auto bytes = kube::decode_base64(text)) {
    check(kube::decode_base64(kube::encode_base64(*bytes)) == *bytes);
  }
  return 0;
}
