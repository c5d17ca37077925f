// SPDX-License-Identifier: Apache-2.0
#include "kube/credential_provider.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "kube/json.h"
#include "kube/kinds_fields.h"
#include "kube/kinds_parse.h"

namespace recap::kube {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view kConfigVersion = "kubelet.config.k8s.io/v1";
constexpr std::string_view kPluginVersion = "credentialprovider.kubelet.k8s.io/v1";
constexpr double kLongestMs = 366.0 * 24 * 3600 * 1000;

// "*.registry.example:5000/team" in its parts.
struct Place {
  std::string_view host, port, path;
};

Place place_of(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    text.remove_prefix(scheme + 3);
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view authority = text.substr(0, slash);
  const std::size_t colon = authority.find(':');
  return {authority.substr(0, colon),
          colon == std::string_view::npos ? "" : authority.substr(colon + 1), text.substr(slash)};
}

std::vector<std::string> labels_of(std::string_view host) {
  std::vector<std::string> labels;
  while (true) {
    const std::size_t dot = host.find('.');
    labels.emplace_back(host.substr(0, dot));
    if (dot == std::string_view::npos) {
      return labels;
    }
    host.remove_prefix(dot + 1);
  }
}

bool is_plugin_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/ \t\n\0", 5)) == std::string_view::npos;
}

milliseconds required_duration(Fields& fields, std::string_view name) {
  const std::string text = fields.required_text(name);
  const auto duration = parse_go_duration(text);
  if (!text.empty() && !duration) {
    fields.wrong(name, "must be a duration of at most a year, such as 12h or 1h30m");
  }
  return duration.value_or(milliseconds(0));
}

CredentialProvider provider_of(Fields& fields) {
  CredentialProvider provider;
  provider.name = fields.required_text("name");
  if (!provider.name.empty() && !is_plugin_name(provider.name)) {
    fields.wrong("name", "must be the name of a program in the directory of plugins, without '/'");
  }
  if (fields.required_text("apiVersion") != kPluginVersion) {
    fields.wrong("apiVersion", "must be " + std::string(kPluginVersion));
  }
  provider.match_images = fields.texts("matchImages");
  if (provider.match_images.empty()) {
    fields.wrong("matchImages", "is required");
  }
  for (const std::string& pattern : provider.match_images) {
    const Place place = place_of(pattern);
    if (place.host.empty() ||
        (std::string(place.port) + std::string(place.path)).find('*') != std::string::npos) {
      fields.wrong("matchImages",
                   "'" + pattern.substr(0, 80) +
                       "' must be DOMAIN[:PORT][/PATH], with globs in the domain alone");
    }
  }
  provider.default_cache_duration = required_duration(fields, "defaultCacheDuration");
  provider.args = fields.texts("args");
  for (Fields& entry : fields.objects("env")) {
    std::string name = entry.required_text("name");
    provider.env.emplace_back(std::move(name), entry.text("value"));
    entry.finish();
  }
  if (fields.has("tokenAttributes")) {
    fields.ignore("tokenAttributes");
    fields.wrong(
        "tokenAttributes",
        "is not supported: a Caplet fetches with the node's credentials, not with a pod's");
  }
  fields.finish();
  return provider;
}

Error not_an_answer(std::string_view what) {
  return {Kind::kInvalid, base::concat<200>("the credential provider's answer: ", what).view()};
}

}  // namespace

std::optional<milliseconds> parse_go_duration(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};
  if (text == "0") {
    return milliseconds(0);
  }
  double all = 0;
  bool any = false;
  while (!text.empty()) {
    double number = 0;
    const auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (failed != std::errc{} || !std::isfinite(number) || number < 0 || text.front() == '-') {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto* unit = std::ranges::find_if(
        kUnits, [text](const auto& each) { return text.starts_with(each.first); });
    if (unit == std::end(kUnits)) {
      return std::nullopt;
    }
    text.remove_prefix(unit->first.size());
    all += number * unit->second;
    any = true;
  }
  return any && all <= kLongestMs ? std::optional(milliseconds(static_cast<std::int64_t>(all)))
                                  : std::nullopt;
}

Result<std::vector<CredentialProvider>> parse_credential_providers(std::string_view text) {
  const std::vector<json::value> documents = RECAP_TRY(yaml_to_json(text));
  if (documents.size() != 1) {
    return Error(Kind::kInvalid, "must be one CredentialProviderConfig");
  }
  Problem problem;
  Fields root(&documents.front(), "", problem);
  if (root.required_text("apiVersion") != kConfigVersion) {
    root.wrong("apiVersion", "must be " + std::string(kConfigVersion));
  }
  if (root.required_text("kind") != "CredentialProviderConfig") {
    root.wrong("kind", "must be CredentialProviderConfig");
  }
  std::vector<CredentialProvider> providers;
  for (Fields& fields : root.objects("providers")) {
    CredentialProvider provider = provider_of(fields);
    if (std::ranges::find(providers, provider.name, &CredentialProvider::name) != providers.end()) {
      fields.wrong("name", "'" + provider.name.substr(0, 80) + "' is there twice");
    }
    providers.push_back(std::move(provider));
  }
  if (providers.empty()) {
    root.wrong("providers", "is required");
  }
  root.finish();
  if (problem.first) {
    return *problem.first;
  }
  return providers;
}

bool image_matches(const std::string& pattern, const std::string& image) {
  const Place wanted = place_of(pattern), given = place_of(image);
  const std::vector<std::string> globs = labels_of(wanted.host), labels = labels_of(given.host);
  return wanted.port == given.port && given.path.starts_with(wanted.path) &&
         std::ranges::equal(globs, labels, [](const std::string& glob, const std::string& label) {
           return ::fnmatch(glob.c_str(), label.c_str(), 0) == 0;
         });
}

std::string credential_request(std::string_view image) {
  return json::serialize(json::object{
      {"kind", "CredentialProviderRequest"}, {"apiVersion", kPluginVersion}, {"image", image}});
}

const RegistryLogin* CredentialResponse::login_for(const std::string& image) const {
  const RegistryLogin* best = nullptr;
  for (const RegistryLogin& login : logins) {
    if (image_matches(login.pattern, image) && (best == nullptr || best->pattern < login.pattern)) {
      best = &login;
    }
  }
  return best;
}

Result<CredentialResponse> parse_credential_response(std::string_view output) {
  using CacheKey = CredentialResponse::CacheKey;
  constexpr std::pair<std::string_view, CacheKey> kKeys[] = {{"Image", CacheKey::kImage},
                                                             {"Registry", CacheKey::kRegistry},
                                                             {"Global", CacheKey::kGlobal}};
  const json::object object = RECAP_TRY(parse_object(output, "the credential provider's answer"));
  if (text_at(object, {"kind"}) != "CredentialProviderResponse" ||
      text_at(object, {"apiVersion"}) != kPluginVersion) {
    return not_an_answer(
        "it is no CredentialProviderResponse of credentialprovider.kubelet.k8s.io/v1");
  }
  CredentialResponse response;
  const auto* key = std::ranges::find(kKeys, text_at(object, {"cacheKeyType"}),
                                      [](const auto& each) { return each.first; });
  if (key == std::end(kKeys)) {
    return not_an_answer("its cacheKeyType is none of Image, Registry, Global");
  }
  response.key = key->second;
  if (const std::string_view duration = text_at(object, {"cacheDuration"}); !duration.empty()) {
    response.duration = parse_go_duration(duration);
    if (!response.duration) {
      return not_an_answer("its cacheDuration is no duration of at most a year");
    }
  }
  if (const json::object* auth = object_at(object, {"auth"})) {
    for (const auto& [pattern, login] : *auth) {
      const json::object* fields = login.if_object();
      if (fields == nullptr) {
        return not_an_answer("an entry of its auth is no object");
      }
      response.logins.push_back({std::string(pattern), std::string(text_at(*fields, {"username"})),
                                 std::string(text_at(*fields, {"password"}))});
    }
  }
  return response;
}

}  // namespace recap::kube
