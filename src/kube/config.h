// SPDX-License-Identifier: Apache-2.0
// Where the API server is and who we are: from a pod's service account, or from a kubeconfig as
// kubectl reads it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace recap::kube {

// A program that prints an ExecCredential (client.authentication.k8s.io/v1).
struct ExecPlugin {
  std::string command;  // as execvp(3) takes it; relative with a '/': from its kubeconfig's folder
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // added to ours
  std::string install_hint;
  bool provide_cluster = false;  // tells it the server and the CA
};

struct NoCredential {};
struct StaticToken {
  std::string token;
};
// Read again when a minute old, and when the server says 401.
struct TokenFile {
  std::string path;
};
using CredentialSource = std::variant<NoCredential, StaticToken, TokenFile, ExecPlugin>;

struct Config {
  std::string host;  // name or address, IPv6 without brackets
  std::uint16_t port = 443;
  bool tls = true;              // false for http:// servers such as kubectl proxy
  std::string base_path;        // "" or "/clusters/a"
  std::string ca_pem;           // "": the system's CAs
  std::string ca_file;          // not "": read again when it changes; wins over ca_pem
  std::string client_cert_pem;  // with its key, or both empty
  std::string client_key_pem;
  std::string tls_server_name;  // "": host
  bool insecure_skip_tls_verify = false;
  CredentialSource credential;
  std::string impersonate_user;
  std::vector<std::string> impersonate_groups;
  std::string ns = "default";  // of the context, or the pod's own
};

struct ConfigSources {
  std::string kubeconfig;  // --kubeconfig: only this file; "": $KUBECONFIG, then ~/.kube/config
  std::string context;     // --context; "": current-context
  bool allow_insecure = false;  // accept insecure-skip-tls-verify
  // Where a pod finds its service account.
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// As kubectl does: the kubeconfigs; where there is none, in_cluster_config(). kNotFound when
// neither is there; kInvalid when a file is wrong; kUnsupported for what we do not do (proxy-url,
// auth-provider, user and password).
base::Result<Config> load_config(const ConfigSources& sources = {});

// KUBERNETES_SERVICE_HOST and _PORT, and the files of `sources.service_account`. kNotFound outside
// a pod.
base::Result<Config> in_cluster_config(const ConfigSources& sources = {});

// One kubeconfig's text with its folder, which relative paths start from.
struct KubeconfigText {
  std::string text;
  std::string folder;
  std::string name;  // for errors
};

// Merges as kubectl does: of clusters, users, contexts and current-context the first wins.
// Files that the chosen context names are read.
base::Result<Config> parse_kubeconfig(const std::vector<KubeconfigText>& files,
                                      const ConfigSources& sources);

// "https://HOST[:PORT][/PATH]" into `config`; kInvalid.
base::Status set_server(Config& config, std::string_view url);

}  // namespace recap::kube
