// SPDX-License-Identifier: Apache-2.0
#include "kube/resource.h"

namespace recap::kube {

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string api_version_of(const Resource& resource) {
  std::string out(resource.group);
  out += resource.group.empty() ? "" : "/";
  return out.append(resource.version);
}

std::string path_of(const Endpoint& endpoint) {
  std::string path = endpoint.resource.group.empty() ? "/api/" : "/apis/";
  path += api_version_of(endpoint.resource);
  if (!endpoint.ns.empty()) {
    path += "/namespaces/" + percent_encode(endpoint.ns);
  }
  path.append("/").append(endpoint.resource.plural);
  if (!endpoint.name.empty()) {
    path += "/" + percent_encode(endpoint.name);
  }
  if (!endpoint.subresource.empty()) {
    path += "/" + endpoint.subresource;
  }
  return path;
}

std::string with_query(std::string path, const Query& query) {
  char separator = '?';
  for (const auto& [key, value] : query) {
    path += separator;
    path += percent_encode(key) + "=" + percent_encode(value);
    separator = '&';
  }
  return path;
}

}  // namespace recap::kube
