// SPDX-License-Identifier: Apache-2.0
#include "kube/exec_credential.h"

#include <boost/json/serialize.hpp>

#include "kube/bytes.h"
#include "kube/json.h"

namespace recap::kube {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;

std::string server_url(const Config& config) {
  const bool v6 = config.host.find(':') != std::string::npos;
  return (config.tls ? "https://" : "http://") + (v6 ? "[" + config.host + "]" : config.host) +
         ":" + std::to_string(config.port) + config.base_path;
}

std::string exec_info(const ExecPlugin& plugin, const Config& config) {
  json::object spec{{"interactive", false}};
  if (plugin.provide_cluster) {
    json::object cluster{{"server", server_url(config)}};
    if (!config.tls_server_name.empty()) {
      cluster["tls-server-name"] = config.tls_server_name;
    }
    if (config.insecure_skip_tls_verify) {
      cluster["insecure-skip-tls-verify"] = true;
    }
    if (!config.ca_pem.empty()) {
      cluster["certificate-authority-data"] = encode_base64(config.ca_pem);
    }
    spec["cluster"] = std::move(cluster);
  }
  const json::object info{{"kind", "ExecCredential"},
                          {"apiVersion", kExecCredentialVersion},
                          {"spec", std::move(spec)}};
  return json::serialize(info);
}

Result<ExecAnswer> parse_exec_credential(std::string_view output) {
  const json::object object = RECAP_TRY(parse_object(output, "the credential plugin's output"));
  if (text_at(object, {"kind"}) != "ExecCredential" ||
      text_at(object, {"apiVersion"}) != kExecCredentialVersion) {
    return Error(Kind::kCorrupt,
                 "the credential plugin's output is no ExecCredential of "
                 "client.authentication.k8s.io/v1: choose that in its kubeconfig");
  }
  ExecAnswer answer{.token = std::string(text_at(object, {"status", "token"})),
                    .cert_pem = std::string(text_at(object, {"status", "clientCertificateData"})),
                    .key_pem = std::string(text_at(object, {"status", "clientKeyData"})),
                    .expires_ns = {}};
  if (answer.cert_pem.empty() != answer.key_pem.empty()) {
    return Error(Kind::kCorrupt,
                 "the credential plugin gave a certificate without its key, or a "
                 "key without its certificate");
  }
  if (answer.token.empty() && answer.cert_pem.empty()) {
    return Error(Kind::kCorrupt, "the credential plugin gave neither a token nor a certificate");
  }
  const std::string_view expires = text_at(object, {"status", "expirationTimestamp"});
  answer.expires_ns = parse_time(expires);
  if (!expires.empty() && !answer.expires_ns) {
    return Error(Kind::kCorrupt, "the credential plugin's expirationTimestamp is no time in UTC");
  }
  return answer;
}

}  // namespace recap::kube
