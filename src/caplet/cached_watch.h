// SPDX-License-Identifier: Apache-2.0
// A kube::Watch with a memory that outlives this process: while the API server has not been reached
// yet, what an earlier Caplet saw of the collection counts.
//
// A server that answers, whatever it says, is not away: then nothing old is believed.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "caplet/object_cache.h"
#include "kube/status.h"
#include "kube/watch.h"

namespace recap::caplet {

template <typename T>
class CachedWatch {
 public:
  using Project = typename kube::Watch<T>::Project;
  // What of an object is kept on disk; by default all of it.
  using Reduce = std::function<boost::json::object(const boost::json::object&)>;

  CachedWatch(kube::Client client, kube::WatchOptions options, ObjectCache cache, Project project,
              std::function<void()> on_change, std::function<void(const base::Error&)> on_trouble,
              Reduce reduce = {})
      : cache_(std::move(cache)),
        reduce_(std::move(reduce)),
        on_change_(std::move(on_change)),
        on_trouble_(std::move(on_trouble)),
        watch_(
            std::move(client), std::move(options),
            [this, project = std::move(project)](const boost::json::object& object) {
              keep(object);
              return project(object);
            },
            [this](const kube::Change<T>& change) { take(change); },
            [this](const base::Error& error) { take(error); }) {}
  CachedWatch(const CachedWatch&) = delete;

  void start() { watch_.start(); }
  [[nodiscard]] bool synced() const { return watch_.synced(); }
  [[nodiscard]] bool connected() const { return watch_.connected(); }
  [[nodiscard]] const T* find(std::string_view key) const { return watch_.find(key); }
  template <typename F>
  void each(F&& visit) const {
    watch_.each(std::forward<F>(visit));
  }

 private:
  void keep(const boost::json::object& object) {
    if (!assuming_) {
      cache_.put(reduce_ ? reduce_(object) : object);
    }
  }

  void take(const kube::Change<T>& change) {
    if (change.type == kube::ChangeType::kDeleted) {
      cache_.erase(change.key);
    } else if (change.type == kube::ChangeType::kSynced && !assuming_) {
      cache_.complete([this](std::string_view key) { return watch_.find(key) != nullptr; });
    }
    on_change_();
  }

  void take(const base::Error& error) {
    if (!watch_.synced() && kube::api_code(error) == 0) {
      if (const auto objects = cache_.load()) {
        assuming_ = true;
        watch_.assume(*objects);
        assuming_ = false;
      }
    }
    on_trouble_(error);
  }

  ObjectCache cache_;
  Reduce reduce_;
  std::function<void()> on_change_;
  std::function<void(const base::Error&)> on_trouble_;
  bool assuming_ = false;
  kube::Watch<T> watch_;
};

}  // namespace recap::caplet
