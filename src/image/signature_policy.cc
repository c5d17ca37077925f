// SPDX-License-Identifier: Apache-2.0
#include "image/signature_policy.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <span>
#include <vector>

#include "image/json.h"
#include "image/printable.h"
#include "image/sha256.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxPolicyBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxTrustBytes = 400;
constexpr std::string_view kDefaultPolicy = "/etc/containers/policy.json";
constexpr std::string_view kUserPolicy = "/.config/containers/policy.json";

std::string place_of_policy(const std::string& chosen) {
  if (!chosen.empty()) {
    return chosen;
  }
  if (const char* ours = std::getenv("RECAP_SIGNATURE_POLICY"); ours != nullptr && *ours != '\0') {
    return ours;
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    std::string users = std::string(home).append(kUserPolicy);
    if (access(users.c_str(), F_OK) == 0) {
      return users;
    }
  }
  return std::string(kDefaultPolicy);
}

Result<std::string> read_file(const std::string& path) {
  std::string text(kMaxPolicyBytes, '\0');
  const std::string_view read =
      RECAP_TRY(linux::read_file_at(linux::kCwd, path.c_str(), std::span<char>(text)));
  text.resize(read.size());
  return text;
}

std::string short_hash(std::string_view text) {
  return Sha256::of(std::as_bytes(std::span(text))).text().substr(0, 7 + 16);
}

// The scopes of docker://HOST/PATH:TAG, the most specific first.
std::vector<std::string> scopes_of(std::string_view location) {
  std::vector<std::string> scopes{std::string(location)};
  const std::size_t end = location.find_first_of("@", 0) != std::string_view::npos
                              ? location.find('@')
                              : location.rfind(':');
  if (end != std::string_view::npos && location.find('/', end) == std::string_view::npos) {
    location = location.substr(0, end);
    scopes.emplace_back(location);
  }
  for (std::size_t slash = location.rfind('/'); slash != std::string_view::npos;
       slash = location.rfind('/')) {
    location = location.substr(0, slash);
    scopes.emplace_back(location);
  }
  std::string_view host = location.substr(0, location.rfind(':'));
  for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.')) {
    scopes.push_back("*" + std::string(host.substr(dot)));
    host.remove_prefix(dot + 1);
  }
  scopes.emplace_back();  // all of the transport
  return scopes;
}

struct Applied {
  std::string scope;  // "docker registry.example/ops" or "default"
  const json::value* requirements = nullptr;
};

Result<Applied> applied(const json::object& policy, std::string_view location) {
  const std::size_t colon = location.find(':');
  const std::string transport(location.substr(0, colon));
  std::string_view rest = location.substr(colon + 1);
  rest.remove_prefix(rest.starts_with("//") ? 2 : 0);
  const json::object* transports = RECAP_TRY(object_of(policy, "transports"));
  const json::object* scopes =
      transports == nullptr ? nullptr : RECAP_TRY(object_of(*transports, transport));
  if (scopes != nullptr) {
    for (const std::string& scope : scopes_of(rest)) {
      if (const json::value* found = scopes->if_contains(scope)) {
        return Applied{scope.empty() ? transport : transport + " " + scope, found};
      }
    }
  }
  return Applied{"default", policy.if_contains("default")};
}

Result<std::string> key_of(const json::object& requirement) {
  std::vector<std::string> paths = RECAP_TRY(words_of(requirement, "keyPaths"));
  if (std::string path = RECAP_TRY(text_of(requirement, "keyPath")); !path.empty()) {
    paths.push_back(std::move(path));
  }
  std::string out;
  for (const std::string& path : paths) {
    const auto key = read_file(path);
    out += (out.empty() ? " by " : " or ") + path;
    out += key ? " (" + short_hash(*key) + ")" : "";
  }
  if (const std::string data = RECAP_TRY(text_of(requirement, "keyData")); !data.empty()) {
    out += " by keyData (" + short_hash(data) + ")";
  }
  return out;
}

}  // namespace

Result<SignaturePolicy> read_signature_policy(const std::string& chosen) {
  SignaturePolicy policy{place_of_policy(chosen), {}};
  auto text = read_file(policy.path);
  if (!text) {
    return failure(Kind::kNotFound, "the signature policy ", printable(policy.path, 200),
                   " cannot be read: without one nothing is pulled (see containers-policy.json(5); "
                   "Debian's package golang-github-containers-common brings one that accepts all)");
  }
  policy.text = *std::move(text);
  return policy;
}

Result<std::string> requirements_on(const SignaturePolicy& policy, std::string_view location) {
  const json::object root = RECAP_TRY(parse_object(policy.text, policy.path));
  const Applied found = RECAP_TRY(applied(root, location));
  if (found.requirements == nullptr || !found.requirements->is_array()) {
    return failure(Kind::kCorrupt, "the signature policy ", printable(policy.path, 200),
                   " has no list of requirements for ", found.scope);
  }
  std::string out;
  for (const json::value& each : found.requirements->get_array()) {
    const json::object* requirement = RECAP_TRY(as_object(each));
    out += (out.empty() ? "" : " and ") + RECAP_TRY(text_of(*requirement, "type")) +
           RECAP_TRY(key_of(*requirement));
  }
  out += ", " + found.scope + ", " + policy.path + " (" + short_hash(policy.text) + ")";
  return printable(out, kMaxTrustBytes);
}

}  // namespace recap::image
