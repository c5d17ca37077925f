// SPDX-License-Identifier: Apache-2.0
// Kubeconfigs as kubectl merges and reads them (kube/config.h).
#include <map>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "kube/bytes.h"
#include "kube/config.h"
#include "kube/exec_credential.h"
#include "kube/kinds_parse.h"

namespace recap::kube {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

// One entry of clusters, users or contexts, and where its relative paths start.
struct Entry {
  json::object fields;
  std::string folder;
};

struct Merged {
  std::map<std::string, Entry, std::less<>> clusters, users, contexts;
  std::string current;
};

Error wrong(Kind kind, std::string_view a, std::string_view b, std::string_view c = "") {
  return {kind, base::concat<400>(a, b.substr(0, 160), c).view()};
}

Result<std::string> text_of(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(key);
  if (value == nullptr || value->is_null()) {
    return std::string();
  }
  if (!value->is_string()) {
    return wrong(Kind::kInvalid, "'", key, "' has to be text: quote it");
  }
  return std::string(value->get_string());
}

Result<bool> flag_of(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(key);
  if (value != nullptr && !value->is_null() && !value->is_bool()) {
    return wrong(Kind::kInvalid, "'", key, "' has to be true or false");
  }
  return value != nullptr && value->is_bool() && value->get_bool();
}

// A list member; a missing one is empty.
Result<json::array> list_of(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(key);
  if (value == nullptr || value->is_null()) {
    return json::array();
  }
  if (!value->is_array()) {
    return wrong(Kind::kInvalid, "'", key, "' has to be a list");
  }
  return value->get_array();
}

Result<std::vector<std::string>> words_of(const json::object& from, std::string_view key) {
  std::vector<std::string> words;
  for (const json::value& value : RECAP_TRY(list_of(from, key))) {
    if (!value.is_string()) {
      return wrong(Kind::kInvalid, "'", key, "' has to be a list of texts: quote them");
    }
    words.emplace_back(value.get_string());
  }
  return words;
}

// Adds the named entries of `list` (each {name, `member`: {...}}) that are not yet known.
Status merge(std::map<std::string, Entry, std::less<>>& into, const json::object& file,
             std::string_view list, std::string_view member, const std::string& folder) {
  for (const json::value& each : RECAP_TRY(list_of(file, list))) {
    const json::object* entry = each.if_object();
    if (entry == nullptr) {
      return wrong(Kind::kInvalid, "an entry of '", list, "' is no object");
    }
    const json::value* fields = entry->if_contains(member);
    json::object known;
    if (fields != nullptr && fields->is_object()) {
      known = fields->get_object();
    }
    std::string name = RECAP_TRY(text_of(*entry, "name"));
    into.try_emplace(std::move(name), Entry{std::move(known), folder});
  }
  return {};
}

Status merge_file(Merged& merged, const KubeconfigText& file) {
  const std::vector<json::value> documents = RECAP_TRY(yaml_to_json(file.text));
  if (documents.empty()) {
    return {};
  }
  const json::object* root = documents.front().if_object();
  if (root == nullptr || documents.size() > 1) {
    return Error(Kind::kInvalid, "this is no kubeconfig");
  }
  if (merged.current.empty()) {
    merged.current = RECAP_TRY(text_of(*root, "current-context"));
  }
  RECAP_TRY(merge(merged.clusters, *root, "clusters", "cluster", file.folder));
  RECAP_TRY(merge(merged.users, *root, "users", "user", file.folder));
  return merge(merged.contexts, *root, "contexts", "context", file.folder);
}

std::string absolute(const Entry& entry, const std::string& path) {
  return path.starts_with('/') ? path : entry.folder + "/" + path;
}

// `key`-data, else the file that `key` names, else "".
Result<std::string> data_of(const Entry& entry, const std::string& key) {
  const std::string inline_data = RECAP_TRY(text_of(entry.fields, key + "-data"));
  if (!inline_data.empty()) {
    std::optional<std::string> bytes = decode_base64(inline_data);
    if (!bytes) {
      return wrong(Kind::kInvalid, "'", key + "-data", "' is no base64");
    }
    return std::move(*bytes);
  }
  const std::string path = RECAP_TRY(text_of(entry.fields, key));
  return path.empty() ? Result<std::string>(std::string()) : read_small_file(absolute(entry, path));
}

Status refuse(const Entry& entry, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const json::value* value = entry.fields.if_contains(key);
    if (value != nullptr && !value->is_null() && *value != json::value("")) {
      return wrong(Kind::kUnsupported, "the kubeconfig's '", key,
                   "' is not supported: use a token, a client certificate or an exec plugin, and "
                   "no proxy");
    }
  }
  return {};
}

Status set_cluster(Config& config, const Entry& cluster, const ConfigSources& sources) {
  RECAP_TRY(refuse(cluster, {"proxy-url"}));
  const std::string server = RECAP_TRY(text_of(cluster.fields, "server"));
  RECAP_TRY(set_server(config, server));
  config.ca_pem = RECAP_TRY(data_of(cluster, "certificate-authority"));
  config.tls_server_name = RECAP_TRY(text_of(cluster.fields, "tls-server-name"));
  config.insecure_skip_tls_verify = RECAP_TRY(flag_of(cluster.fields, "insecure-skip-tls-verify"));
  if (config.insecure_skip_tls_verify && !sources.allow_insecure) {
    return Error(Kind::kDenied,
                 "insecure-skip-tls-verify would hand our credential to whoever answers: give the "
                 "cluster's certificate-authority, or allow it explicitly");
  }
  return {};
}

Result<ExecPlugin> exec_of(const json::object& fields, const std::string& folder) {
  const std::string version = RECAP_TRY(text_of(fields, "apiVersion"));
  if (version != kExecCredentialVersion) {
    return wrong(Kind::kUnsupported, "the exec plugin's apiVersion '", version,
                 "' is not supported: client.authentication.k8s.io/v1 is");
  }
  if (RECAP_TRY(text_of(fields, "interactiveMode")) == "Always") {
    return Error(Kind::kUnsupported, "the exec plugin wants a terminal (interactiveMode Always)");
  }
  ExecPlugin plugin;
  plugin.command = RECAP_TRY(text_of(fields, "command"));
  if (plugin.command.empty()) {
    return Error(Kind::kInvalid, "the exec plugin has no command");
  }
  if (plugin.command.find('/') != std::string::npos && !plugin.command.starts_with('/')) {
    plugin.command = folder + "/" + plugin.command;
  }
  plugin.args = RECAP_TRY(words_of(fields, "args"));
  for (const json::value& each : RECAP_TRY(list_of(fields, "env"))) {
    if (!each.is_object()) {
      return Error(Kind::kInvalid, "the exec plugin's env has to be a list of name and value");
    }
    std::string name = RECAP_TRY(text_of(each.get_object(), "name"));
    std::string value = RECAP_TRY(text_of(each.get_object(), "value"));
    plugin.env.emplace_back(std::move(name), std::move(value));
  }
  plugin.install_hint = RECAP_TRY(text_of(fields, "installHint"));
  plugin.provide_cluster = RECAP_TRY(flag_of(fields, "provideClusterInfo"));
  return plugin;
}

// A token beats a plugin, a token's file the token, as in kubectl.
Status set_credential(Config& config, const Entry& user) {
  const json::value* exec = user.fields.if_contains("exec");
  const std::string token = RECAP_TRY(text_of(user.fields, "token"));
  const std::string file = RECAP_TRY(text_of(user.fields, "tokenFile"));
  if (!file.empty()) {
    config.credential = TokenFile{absolute(user, file)};
  } else if (!token.empty()) {
    config.credential = StaticToken{token};
  } else if (exec != nullptr && exec->is_object()) {
    config.credential = RECAP_TRY(exec_of(exec->get_object(), user.folder));
  }
  return {};
}

Status set_user(Config& config, const Entry& user) {
  RECAP_TRY(refuse(user, {"auth-provider", "username", "password", "as-uid", "as-user-extra"}));
  config.client_cert_pem = RECAP_TRY(data_of(user, "client-certificate"));
  config.client_key_pem = RECAP_TRY(data_of(user, "client-key"));
  if (config.client_cert_pem.empty() != config.client_key_pem.empty()) {
    return Error(Kind::kInvalid, "client-certificate and client-key need each other");
  }
  config.impersonate_user = RECAP_TRY(text_of(user.fields, "as"));
  config.impersonate_groups = RECAP_TRY(words_of(user.fields, "as-groups"));
  return set_credential(config, user);
}

Result<const Entry*> entry_of(const std::map<std::string, Entry, std::less<>>& among,
                              const std::string& name, std::string_view what) {
  const auto at = among.find(name);
  if (at == among.end()) {
    return Error(Kind::kInvalid, base::concat<300>("the kubeconfig has no ", what, " '",
                                                   std::string_view(name).substr(0, 160), "'")
                                     .view());
  }
  return &at->second;
}

}  // namespace

Result<Config> parse_kubeconfig(const std::vector<KubeconfigText>& files,
                                const ConfigSources& sources) {
  Merged merged;
  for (const KubeconfigText& file : files) {
    RECAP_TRY(merge_file(merged, file).context(file.name));
  }
  const std::string name = sources.context.empty() ? merged.current : sources.context;
  if (name.empty()) {
    return Error(Kind::kInvalid, "the kubeconfig has no current-context: choose one");
  }
  const Entry* context = RECAP_TRY(entry_of(merged.contexts, name, "context"));
  const std::string cluster_name = RECAP_TRY(text_of(context->fields, "cluster"));
  const Entry* cluster = RECAP_TRY(entry_of(merged.clusters, cluster_name, "cluster"));
  Config config;
  RECAP_TRY(set_cluster(config, *cluster, sources).context("cluster " + cluster_name));
  const std::string user_name = RECAP_TRY(text_of(context->fields, "user"));
  if (!user_name.empty()) {
    const Entry* user = RECAP_TRY(entry_of(merged.users, user_name, "user"));
    RECAP_TRY(set_user(config, *user).context("user " + user_name));
  }
  if (std::string ns = RECAP_TRY(text_of(context->fields, "namespace")); !ns.empty()) {
    config.ns = std::move(ns);
  }
  return config;
}

}  // namespace recap::kube
