// SPDX-License-Identifier: Apache-2.0
#include "caplet/registry_credentials.h"

#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "caplet/log.h"
#include "image/reference.h"
#include "kube/bytes.h"
#include "kube/child_process.h"
#include "linux/fs.h"
#include "linux/memory.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using kube::CredentialResponse;
using kube::RegistryLogin;
using linux::UniqueFd;

constexpr kube::Millis kPluginTimeout{60'000};  // the kubelet's
constexpr std::size_t kMaxAnswer = std::size_t{64} << 10;
constexpr std::size_t kMostKept = 1000;

std::string domain_of(const std::string& image) { return image.substr(0, image.find('/')); }

// The key under which what a plugin has answered is kept. '=' is in no image's name.
std::string cache_key(CredentialResponse::CacheKey kind, const std::string& image) {
  switch (kind) {
    case CredentialResponse::CacheKey::kImage:
      return "image=" + image;
    case CredentialResponse::CacheKey::kRegistry:
      return "registry=" + domain_of(image);
    default:
      return "global=";
  }
}

Result<UniqueFd> auth_file_of(const std::string& image, const RegistryLogin& login) {
  const json::object auth{{"auth", kube::encode_base64(login.username + ":" + login.password)}};
  const std::string text =
      json::serialize(json::object{{"auths", json::object{{domain_of(image), auth}}}});
  UniqueFd file = RECAP_TRY(linux::make_memfd("registry-auth", false));
  RECAP_TRY(linux::write_all(file.get(), std::as_bytes(std::span(text))));
  return file;
}

}  // namespace

RegistryCredentials::RegistryCredentials(const kube::Executor& executor,
                                         std::vector<kube::CredentialProvider> providers,
                                         std::string bin_dir)
    : executor_(executor), providers_(std::move(providers)), bin_dir_(std::move(bin_dir)) {}

Result<std::shared_ptr<RegistryCredentials>> RegistryCredentials::make(
    const kube::Executor& executor, const std::string& config, const std::string& bin_dir) {
  if (config.empty() || bin_dir.empty()) {
    return Error(
        Kind::kInvalid,
        "--image-credential-provider-config and --image-credential-provider-bin-dir have to "
        "be given together");
  }
  const std::string text = RECAP_TRY(kube::read_small_file(config).context(
      "the configuration of credential providers cannot be read"));
  auto providers = RECAP_TRY(kube::parse_credential_providers(text).context(config));
  for (const kube::CredentialProvider& provider : providers) {
    const std::string path = bin_dir + "/" + provider.name;
    if (::access(path.c_str(), X_OK) != 0) {
      return Error(Kind::kNotFound, config + ": there is no program " + path +
                                        ": install the plugin, or take the provider out");
    }
  }
  return std::shared_ptr<RegistryCredentials>(
      new RegistryCredentials(executor, std::move(providers), bin_dir));
}

void RegistryCredentials::find(const std::string& reference, OnFound on_found) {
  const auto parsed = image::parse_reference(reference);
  if (!parsed) {  // whoever fetches says so
    boost::asio::post(executor_, [on_found = std::move(on_found)] { on_found(UniqueFd()); });
    return;
  }
  const std::string image = parsed->domain + "/" + parsed->path;
  kube::spawn<RegistryLogin>(
      executor_, look(shared_from_this(), image),
      [image, on_found = std::move(on_found)](const Result<RegistryLogin>& login) {
        UniqueFd file;
        if (login && !login->pattern.empty()) {
          auto made = auth_file_of(image, *login);
          file = made ? std::move(*made) : UniqueFd();
        }
        on_found(std::move(file));
      });
}

kube::Task<RegistryLogin> RegistryCredentials::look(std::shared_ptr<RegistryCredentials> self,
                                                    std::string image) {
  for (std::size_t i = 0; i < providers_.size(); ++i) {
    const auto& patterns = providers_[i].match_images;
    if (std::ranges::none_of(patterns, [&image](const std::string& pattern) {
          return kube::image_matches(pattern, image);
        })) {
      continue;
    }
    auto asking = ask(self, i, image);
    const Result<CredentialResponse> answer = co_await std::move(asking);
    if (!answer) {
      log_warning(
          "a credential provider gave no answer; the image is fetched without",
          {{"provider", providers_[i].name}, {"image", image}, {"why", answer.error().message()}});
      continue;
    }
    if (const RegistryLogin* login = answer->login_for(image)) {
      co_return *login;
    }
  }
  co_return RegistryLogin();
}

kube::Task<CredentialResponse> RegistryCredentials::ask(std::shared_ptr<RegistryCredentials> self,
                                                        std::size_t provider, std::string image) {
  if (const CredentialResponse* known = kept(provider, image)) {
    co_return *known;
  }
  const kube::CredentialProvider& plugin = providers_[provider];
  kube::Program program{.command = bin_dir_ + "/" + plugin.name,
                        .args = plugin.args,
                        .env = plugin.env,
                        .input = kube::credential_request(image),
                        .timeout = kPluginTimeout,
                        .max_output = kMaxAnswer};
  RECAP_AWAIT(const std::string output, kube::run_program(std::move(program)));
  RECAP_CO_TRY(CredentialResponse response, kube::parse_credential_response(output));
  self->keep(provider, image, response);
  co_return response;
}

const CredentialResponse* RegistryCredentials::kept(std::size_t provider,
                                                    const std::string& image) const {
  using CacheKey = CredentialResponse::CacheKey;
  for (const CacheKey kind : {CacheKey::kImage, CacheKey::kRegistry, CacheKey::kGlobal}) {
    const auto found = kept_.find({provider, cache_key(kind, image)});
    if (found != kept_.end() && BootClock::now() < found->second.until) {
      return &found->second.response;
    }
  }
  return nullptr;
}

void RegistryCredentials::keep(std::size_t provider, const std::string& image,
                               const CredentialResponse& response) {
  const auto now = BootClock::now();
  std::erase_if(kept_, [now](const auto& each) { return each.second.until <= now; });
  const auto duration = response.duration.value_or(providers_[provider].default_cache_duration);
  if (duration.count() > 0 && kept_.size() < kMostKept) {
    kept_.insert_or_assign({provider, cache_key(response.key, image)},
                           Kept{response, now + duration});
  }
}

}  // namespace recap::caplet
