// SPDX-License-Identifier: Apache-2.0
#include "kube/config.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "kube/bytes.h"

namespace recap::kube {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

Error wrong_server(std::string_view url) {
  return {Kind::kInvalid, base::concat<300>("the server '", url.substr(0, 160),
                                            "' is no https://HOST[:PORT] (or http://)")
                              .view()};
}

Status set_port(Config& config, std::string_view text) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, config.port);
  if (read.ec != std::errc{} || read.ptr != end || config.port == 0) {
    return Error(Kind::kInvalid, base::concat<160>("'", text, "' is no port").view());
  }
  return {};
}

std::vector<std::string> kubeconfig_paths(const ConfigSources& sources) {
  if (!sources.kubeconfig.empty()) {
    return {sources.kubeconfig};
  }
  std::vector<std::string> paths;
  const std::string listed = environment("KUBECONFIG");
  for (std::size_t at = 0; at < listed.size();) {
    const std::size_t end = std::min(listed.find(':', at), listed.size());
    if (end > at) {
      paths.push_back(listed.substr(at, end - at));
    }
    at = end + 1;
  }
  if (const std::string home = environment("HOME"); listed.empty() && !home.empty()) {
    paths.push_back(home + "/.kube/config");
  }
  return paths;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

Status set_server(Config& config, std::string_view url) {
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
    config.tls = true;
    config.port = 443;
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    config.tls = false;
    config.port = 80;
  } else {
    return wrong_server(url);
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  config.base_path = rest.substr(slash);
  while (config.base_path.ends_with('/')) {
    config.base_path.pop_back();
  }
  std::string_view host = rest.substr(0, slash);
  const std::size_t bracket = host.find(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    RECAP_TRY(set_port(config, host.substr(colon + 1)));
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || host.find_first_of("@[]?# ") != std::string_view::npos) {
    return wrong_server(url);
  }
  config.host = host;
  return {};
}

Result<Config> in_cluster_config(const ConfigSources& sources) {
  Config config;
  config.host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (config.host.empty() || port.empty()) {
    return Error(Kind::kNotFound,
                 "no kubeconfig, and not inside a pod (KUBERNETES_SERVICE_HOST is not set)");
  }
  RECAP_TRY(set_port(config, port).context("KUBERNETES_SERVICE_PORT"));
  config.ca_file = sources.service_account + "/ca.crt";
  config.ca_pem = RECAP_TRY(read_small_file(config.ca_file).context("the service account's CA"));
  const TokenFile token{sources.service_account + "/token"};
  RECAP_TRY(read_small_file(token.path).context("the service account's token"));
  config.credential = token;
  if (auto ns = read_small_file(sources.service_account + "/namespace"); ns && !ns->empty()) {
    config.ns = std::move(*ns);
  }
  return config;
}

Result<Config> load_config(const ConfigSources& sources) {
  std::vector<KubeconfigText> files;
  for (const std::string& path : kubeconfig_paths(sources)) {
    auto text = read_small_file(path);
    if (text) {
      files.push_back({std::move(*text), folder_of(path), path});
    } else if (!sources.kubeconfig.empty() || text.error().kind() != Kind::kNotFound) {
      return std::move(text).context("the kubeconfig").error();
    }
  }
  return files.empty() ? in_cluster_config(sources) : parse_kubeconfig(files, sources);
}

}  // namespace recap::kube
