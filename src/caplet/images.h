// SPDX-License-Identifier: Apache-2.0
// Images for the runs of this node: from the store, or fetched into it by `recap-image`, one fetch
// per reference at a time, in the background. A fetch that failed is tried again after 10 s,
// doubling up to 5 minutes, as the kubelet's ImagePullBackOff. With imagePullPolicy Always a run
// finds an image that was fetched in the last 10 s.
//
// One thread, that of the event loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "caplet/registry_credentials.h"
#include "caplet/time.h"
#include "capsule/dirs.h"
#include "image/prepared.h"
#include "kube/kinds.h"

namespace recap::caplet {

class Images {
 public:
  // Called when a fetch has ended, whether it succeeded or not.
  using OnFetched = std::function<void(const std::string& reference, const base::Status& status)>;

  Images(boost::asio::io_context& loop, const capsule::Dirs& dirs, OnFetched on_fetched);
  ~Images();

  // Logins come from these plugins from now on, where one is for the image; empty paths: from none.
  // kInvalid and others as RegistryCredentials::make.
  base::Status use_credential_providers(const std::string& config, const std::string& bin_dir);

  // The image, if it is in the store and new enough. kBusy: it is being fetched, on_fetched will be
  // called. Anything else says why it cannot be had, or not before its back-off is over.
  base::Result<image::PreparedImage> get(const kube::FunctionSpec& function);

  // Starts a fetch of what is missing, so that the first run finds it.
  void fetch_ahead(const kube::FunctionSpec& function) { (void)get(function); }

 private:
  struct Fetch;
  [[nodiscard]] bool is_wanted_anew(const kube::FunctionSpec& function) const;
  base::Status start(const std::string& reference);
  base::Status pull(const std::shared_ptr<Fetch>& fetch);
  void read_more(const std::shared_ptr<Fetch>& fetch);
  void finish(const std::shared_ptr<Fetch>& fetch);

  struct BackOff {
    seconds wait{0};
    Uptime until{};
    std::string why;
  };

  boost::asio::io_context& loop_;
  std::string store_;
  OnFetched on_fetched_;
  std::shared_ptr<RegistryCredentials> credentials_;  // nullptr: the node's own alone
  std::map<std::string, std::shared_ptr<Fetch>> fetches_;
  std::map<std::string, BackOff> backoffs_;
  std::map<std::string, Uptime> fetched_;  // when each was, last
};

}  // namespace recap::caplet
