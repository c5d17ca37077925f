// SPDX-License-Identifier: Apache-2.0
// Logins at registries for what this node fetches, from the kubelet's credential provider plugins.
// Each plugin whose matchImages an image is among is asked, in the order of the configuration,
// until one has a login for the image; what it answers is kept as long as it says. A plugin that
// fails counts as one without an answer. What they are told and answer is in no log and no argv.
//
// One thread, that of the executor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "caplet/time.h"
#include "kube/credential_provider.h"
#include "kube/task.h"
#include "linux/unique_fd.h"

namespace recap::caplet {

class RegistryCredentials : public std::enable_shared_from_this<RegistryCredentials> {
 public:
  // A containers-auth.json(5) with one login, in a memfd; invalid: there is none.
  using OnFound = std::function<void(linux::UniqueFd auth_file)>;

  // Reads `config` (a CredentialProviderConfig) and looks for its plugins in `bin_dir`. kInvalid
  // with what is wrong there; errors of open(2).
  static base::Result<std::shared_ptr<RegistryCredentials>> make(const kube::Executor& executor,
                                                                 const std::string& config,
                                                                 const std::string& bin_dir);

  // Never calls back before it returns.
  void find(const std::string& reference, OnFound on_found);

 private:
  struct Kept {
    kube::CredentialResponse response;
    Uptime until;
  };

  RegistryCredentials(const kube::Executor& executor,
                      std::vector<kube::CredentialProvider> providers, std::string bin_dir);
  // Of the first provider that has one; an empty pattern: none has.
  kube::Task<kube::RegistryLogin> look(std::shared_ptr<RegistryCredentials> self,
                                       std::string image);
  kube::Task<kube::CredentialResponse> ask(std::shared_ptr<RegistryCredentials> self,
                                           std::size_t provider, std::string image);
  [[nodiscard]] const kube::CredentialResponse* kept(std::size_t provider,
                                                     const std::string& image) const;
  void keep(std::size_t provider, const std::string& image,
            const kube::CredentialResponse& response);

  kube::Executor executor_;
  std::vector<kube::CredentialProvider> providers_;
  std::string bin_dir_;
  std::map<std::pair<std::size_t, std::string>, Kept> kept_;  // by provider and cache key
};

}  // namespace recap::caplet
