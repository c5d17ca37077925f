// SPDX-License-Identifier: Apache-2.0
#include "caplet/object_cache.h"

#include <filesystem>
#include <fstream>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "caplet/pod_source.h"
#include "kube/json.h"

namespace recap::caplet {
namespace {

namespace fs = std::filesystem;

boost::json::object object(const std::string& name, const std::string& value) {
  return kube::parse_object(R"({"metadata":{"namespace":"shop","name":")" + name +
                                R"(","managedFields":[{}]},"value":")" + value + "\"}",
                            "test")
      .value();
}

class ObjectCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    dirs_.data = testing::TempDir() + "recap-cache-" + std::to_string(::getpid());
    fs::create_directories(dirs_.data + "/caplet");
  }
  void TearDown() override { fs::remove_all(dirs_.data); }
  ObjectCache open() { return {dirs_, "capsules"}; }
  std::string values() {
    std::string values;
    const auto objects = open().load().value();
    for (const auto& each : objects) {
      values += std::string(kube::text_at(each, {"metadata", "name"})) + "=" +
                std::string(kube::text_at(each, {"value"})) + " ";
      EXPECT_FALSE(each.at("metadata").as_object().contains("managedFields"));
    }
    return values;
  }
  capsule::Dirs dirs_;
};

TEST_F(ObjectCacheTest, HasTheNewestOfEachObjectAndForgetsTheDeleted) {
  ObjectCache cache = open();
  cache.put(object("a", "1"));
  cache.put(object("b", "1"));
  cache.put(object("a", "2"));
  cache.complete([](std::string_view) { return true; });
  cache.erase("shop/b");
  EXPECT_EQ(values(), "a=2 ");
  EXPECT_EQ(kube::text_at(open().find("shop/a").value(), {"value"}), "2");
  EXPECT_FALSE(open().find("shop/b"));
  cache.complete([](std::string_view key) { return key != "shop/a"; });
  EXPECT_EQ(values(), "");
}

// A part of a collection would say of the rest that it was deleted, and its runs would Escape.
TEST_F(ObjectCacheTest, IsNothingUntilTheWholeCollectionWasSeen) {
  ObjectCache cache = open();
  cache.put(object("a", "1"));
  EXPECT_FALSE(open().load());
  cache.complete([](std::string_view) { return true; });
  EXPECT_TRUE(open().load());
  std::ofstream(fs::directory_iterator(dirs_.data + "/caplet/cache/capsules")->path()) << "{";
  EXPECT_FALSE(open().load()) << "one is damaged";
}

TEST(Essence, IsAllThatThePodSourceReads) {
  const auto pod = kube::parse_object(R"({
    "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                 "labels": {"app": "web"},
                 "annotations": {"kubectl.kubernetes.io/default-container": "b", "x": "y"}},
    "spec": {"containers": [{"name": "a", "env": [{"name": "TOKEN", "value": "secret"}]},
                            {"name": "b"}]},
    "status": {"containerStatuses": [{"name": "a", "containerID": "containerd://1"}],
               "conditions": [{"type": "Ready", "status": "False",
                               "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})",
                                      "test")
                       .value();
  const auto essence = essence_of(pod);
  EXPECT_EQ(boost::json::serialize(essence).find("secret"), std::string::npos);
  const Pod whole = pod_of(pod).value();
  const Pod kept = pod_of(essence).value();
  EXPECT_EQ(kept.name + kept.ns + kept.uid, whole.name + whole.ns + whole.uid);
  EXPECT_EQ(kept.labels, whole.labels);
  EXPECT_EQ(kept.default_container, "b");
  EXPECT_EQ(kept.container_ids, whole.container_ids);
  EXPECT_EQ(kept.not_ready_since_s, whole.not_ready_since_s);
  EXPECT_EQ(kube::meta_of(essence).resource_version, "7");
}

}  // namespace
}  // namespace recap::caplet
