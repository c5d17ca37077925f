// SPDX-License-Identifier: Apache-2.0
// A collection of the API as it is now: listed, then watched, for as long as one wants it.
//
//   struct Pod { std::string name, uid; };
//   kube::Watch<Pod> pods(client, {{kube::kPods}, "spec.nodeName=n1"}, project_pod, on_change);
//   pods.start();
//
// The objects are kept as what the projection makes of them; their JSON is not. After any failure
// (connection, 410, error inside the stream) it goes on by itself, as client-go's reflector does,
// and the changes that were missed are found by comparing: so on_change sees every difference, but
// not every intermediate state. All on the executor's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "kube/client.h"
#include "kube/json.h"
#include "kube/reflector.h"

namespace recap::kube {

enum class ChangeType : std::uint8_t {
  kAdded,
  kModified,
  kDeleted,
  kSynced,  // the first list is complete; once, no object
};

// One difference. Objects that were deleted and made again under the same name are a kDeleted and a
// kAdded, for they have another uid.
template <typename T>
struct Change {
  ChangeType type;
  std::string_view key;       // "namespace/name", or "name"
  const T* before = nullptr;  // kModified, kDeleted
  const T* now = nullptr;     // kAdded, kModified
};

template <typename T>
class Watch {
 public:
  // What is kept of an object; nothing: the object is as good as absent. It must not hold views
  // into the JSON. Total: an object it cannot read is a T that says so, or nothing.
  using Project = std::function<std::optional<T>(const boost::json::object&)>;
  using OnChange = std::function<void(const Change<T>&)>;
  using OnTrouble = std::function<void(const base::Error&)>;

  Watch(Client client, WatchOptions options, Project project, OnChange on_change,
        OnTrouble on_trouble = {})
      : cache_(std::make_shared<Cache>(std::move(project), std::move(on_change),
                                       std::move(on_trouble))),
        reflector_(std::move(client), std::move(options), cache_) {}

  // Nothing is called any more once stop() or the destructor has returned.
  void start() { reflector_.start(); }
  void stop() { reflector_.stop(); }

  // What was known of the collection before this process: taken for its first list, until the
  // server gives one. Nothing once there was one.
  void assume(const std::vector<boost::json::object>& objects) {
    if (cache_->synced) {
      return;
    }
    cache_->begin_list();
    for (const boost::json::object& object : objects) {
      cache_->put(object);
    }
    cache_->end_list();
  }

  [[nodiscard]] bool synced() const { return cache_->synced; }
  // Whether the server could be reached when it was last tried.
  [[nodiscard]] bool connected() const { return reflector_.connected(); }
  [[nodiscard]] const Reflector::Counters& counters() const { return reflector_.counters(); }
  [[nodiscard]] std::size_t size() const { return cache_->items.size(); }

  [[nodiscard]] const T* find(std::string_view key) const {
    const auto at = cache_->items.find(key);
    return at == cache_->items.end() ? nullptr : &at->second.object;
  }

  // `visit(key, object)` for each, in the order of keys; it must not start or stop the watch.
  template <typename F>
  void each(F&& visit) const {
    for (const auto& [key, item] : cache_->items) {
      visit(std::string_view(key), item.object);
    }
  }

 private:
  struct Item {
    T object;
    std::string uid;
    std::string resource_version;
    std::uint64_t round = 0;  // of the list that saw it last
  };

  // Turns what the reflector reads into differences.
  struct Cache final : ObjectSink {
    Cache(Project kept, OnChange changed, OnTrouble failed)
        : project(std::move(kept)), on_change(std::move(changed)), on_trouble(std::move(failed)) {}

    void begin_list() override { ++round; }

    void put(const boost::json::object& object) override {
      const Meta meta = meta_of(object);
      const std::string key = key_of(meta);
      const auto at = items.find(key);
      if (at != items.end() && at->second.uid != meta.uid) {
        drop(at);
      } else if (at != items.end() && at->second.resource_version == meta.resource_version) {
        at->second.round = round;
        return;
      }
      std::optional<T> made = project(object);
      const auto known = items.find(key);
      if (!made) {
        if (known != items.end()) {
          drop(known);
        }
      } else if (known == items.end()) {
        const auto added =
            items.emplace(key, Item{std::move(*made), meta.uid, meta.resource_version, round})
                .first;
        tell({ChangeType::kAdded, added->first, nullptr, &added->second.object});
      } else {
        Item& item = known->second;
        std::swap(item.object, *made);
        item.resource_version = meta.resource_version;
        item.round = round;
        tell({ChangeType::kModified, known->first, &*made, &item.object});
      }
    }

    void erase(const boost::json::object& object) override {
      const auto at = items.find(key_of(meta_of(object)));
      if (at != items.end()) {
        drop(at);
      }
    }

    void end_list() override {
      for (auto at = items.begin(); at != items.end();) {
        const auto next = std::next(at);
        if (at->second.round != round) {
          drop(at);
        }
        at = next;
      }
      if (!std::exchange(synced, true)) {
        tell({ChangeType::kSynced, {}, nullptr, nullptr});
      }
    }

    void trouble(const base::Error& error) override {
      if (on_trouble) {
        on_trouble(error);
      }
    }

    using Items = std::map<std::string, Item, std::less<>>;
    void drop(typename Items::iterator at) {
      auto node = items.extract(at);
      tell({ChangeType::kDeleted, node.key(), &node.mapped().object, nullptr});
    }
    void tell(const Change<T>& change) {
      if (on_change) {
        on_change(change);
      }
    }

    Items items;
    std::uint64_t round = 0;
    bool synced = false;
    Project project;
    OnChange on_change;
    OnTrouble on_trouble;
  };

  std::shared_ptr<Cache> cache_;
  Reflector reflector_;
};

}  // namespace recap::kube
