// SPDX-License-Identifier: Apache-2.0
// The kubelet's image credential provider plugins (KEP-2133) as data: their configuration, which
// images each is for, what one is asked and what it answers. Nothing is run here.
// https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace recap::kube {

// One entry of a CredentialProviderConfig (kubelet.config.k8s.io/v1).
struct CredentialProvider {
  std::string name;  // of the program in the directory of plugins; no path
  std::vector<std::string> match_images;
  std::chrono::milliseconds default_cache_duration{0};
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
};

// Read strictly, as the kubelet does. kInvalid with the path of what is wrong; kCorrupt: no YAML.
base::Result<std::vector<CredentialProvider>> parse_credential_providers(std::string_view text);

// Whether `image` (DOMAIN/PATH, without tag) is one of those that `pattern` stands for: as many
// labels of the domain, each a glob; the same port, or none in both; the path is a prefix,
// character by character.
bool image_matches(const std::string& pattern, const std::string& image);

// What a plugin reads: a CredentialProviderRequest (credentialprovider.kubelet.k8s.io/v1).
std::string credential_request(std::string_view image);

struct RegistryLogin {
  std::string pattern;  // of images, as above
  std::string username, password;
};

struct CredentialResponse {
  enum class CacheKey : std::uint8_t { kImage, kRegistry, kGlobal };
  CacheKey key = CacheKey::kImage;
  std::optional<std::chrono::milliseconds> duration;  // nothing: the provider's default
  std::vector<RegistryLogin> logins;                  // may be none

  // The one for this image: of several, the most specific, which sorts last. nullptr: none.
  [[nodiscard]] const RegistryLogin* login_for(const std::string& image) const;
};

// A plugin's output. kCorrupt or kInvalid, with nothing of its values in the message.
base::Result<CredentialResponse> parse_credential_response(std::string_view output);

// Go's notation: "12h", "1h30m", "0s", "0". Nothing when it is none, negative, or beyond a year.
std::optional<std::chrono::milliseconds> parse_go_duration(std::string_view text);

}  // namespace recap::kube
