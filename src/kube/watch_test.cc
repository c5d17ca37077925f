// SPDX-License-Identifier: Apache-2.0
#include "kube/watch.h"

#include <gtest/gtest.h>

#include "kube/status.h"
#include "kube/test_server.h"

namespace recap::kube {
namespace {

using namespace std::chrono_literals;
using namespace test;  // NOLINT: of this test

std::string object(const std::string& name, int version, const std::string& uid = "u",
                   const std::string& value = "") {
  return R"({"metadata":{"namespace":"shop","name":")" + name + R"(","uid":")" + uid +
         R"(","resourceVersion":")" + std::to_string(version) + R"("},"value":")" + value + "\"}";
}
std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}
std::string bookmark(int version, bool initial_end = false) {
  return event("BOOKMARK",
               R"({"metadata":{"resourceVersion":")" + std::to_string(version) + "\"" +
                   (initial_end ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "") +
                   "}}");
}
std::string error_event(int code, const std::string& reason) {
  return event("ERROR", R"({"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" +
                            reason + R"(","message":"test"})");
}
Step list(int version, const std::string& items) {
  return reply(200, R"({"kind":"PodList","metadata":{"resourceVersion":")" +
                        std::to_string(version) + R"("},"items":[)" + items + "]}");
}

// A watch whose changes are written down as "+web=1", "~web=2", "-web=2", "synced".
class WatchTest : public testing::Test {
 protected:
  void start(TestServer::Handler handler, WatchOptions options = {}) {
    server_ = std::make_unique<TestServer>(io_, std::move(handler));
    ClientOptions quick;
    quick.qps = 1000;
    quick.burst = 1000;
    quick.request_timeout = 10s;
    options.collection = {kPods};
    options.first_backoff = 20ms;
    options.max_backoff = 100ms;
    options.absent_retry = 50ms;
    watch_.emplace(
        Client(io_.get_executor(), server_->config(), quick), options,
        [](const boost::json::object& pod) -> std::optional<std::string> {
          const auto value = text_at(pod, {"value"});
          return value == "skip" ? std::nullopt : std::optional(std::string(value));
        },
        [this](const Change<std::string>& change) { note(change); },
        [this](const base::Error& error) { troubles_.push_back(api_code(error)); });
    watch_->start();
  }

  void note(const Change<std::string>& change) {
    static constexpr const char* kSigns[] = {"+", "~", "-", "synced"};
    std::string text = kSigns[static_cast<int>(change.type)];
    if (change.type != ChangeType::kSynced) {
      EXPECT_EQ(change.before == nullptr, change.type == ChangeType::kAdded);
      EXPECT_EQ(change.now == nullptr, change.type == ChangeType::kDeleted);
      text +=
          std::string(change.key) + "=" + (change.now != nullptr ? *change.now : *change.before);
    }
    changes_.push_back(text);
  }

  bool until_changes(std::size_t count) {
    return run_until(io_, [this, count] { return changes_.size() >= count; });
  }

  boost::asio::io_context io_;
  std::unique_ptr<TestServer> server_;
  std::optional<Watch<std::string>> watch_;
  std::vector<std::string> changes_;
  std::vector<int> troubles_;
};

using Changes = std::vector<std::string>;

const std::string kStory = event("ADDED", object("a", 1, "u", "1")) +
                           event("ADDED", object("b", 2, "u", "é\\n\\\"")) + bookmark(2, true) +
                           event("MODIFIED", object("a", 3, "u", "2")) +
                           event("DELETED", object("b", 4)) + bookmark(9);
const Changes kTold{"+shop/a=1", "+shop/b=é\n\"", "synced", "~shop/a=2", "-shop/b=é\n\""};

TEST_F(WatchTest, StreamsTheListAndGoesOn) {
  start([](const Received&) { return Script{stream_header(), chunk(kStory), Hang{}}; });
  ASSERT_TRUE(until_changes(5));
  EXPECT_EQ(changes_, kTold);
  EXPECT_TRUE(watch_->synced() && watch_->connected());
  EXPECT_EQ(watch_->size(), 1U);
  EXPECT_EQ(*watch_->find("shop/a"), "2");
  EXPECT_EQ(watch_->find("shop/b"), nullptr);
  ASSERT_EQ(server_->received().size(), 1U);
  for (const char* part : {"watch=1", "sendInitialEvents=true", "resourceVersionMatch=NotOlderThan",
                           "allowWatchBookmarks=true", "timeoutSeconds="}) {
    EXPECT_TRUE(server_->received()[0].has(part)) << part;
  }
}

TEST_F(WatchTest, IsTheSameHoweverTheStreamIsCut) {
  for (std::size_t cut = 0; cut <= kStory.size(); ++cut) {
    changes_.clear();
    start([cut](const Received&) {
      Script script{stream_header()};
      if (cut > 0) {
        script.push_back(chunk(kStory.substr(0, cut), cut % 3));
      }
      if (cut < kStory.size()) {
        script.push_back(chunk(kStory.substr(cut)));
      }
      script.emplace_back(Hang{});
      return script;
    });
    ASSERT_TRUE(until_changes(5)) << "cut at " << cut;
    EXPECT_EQ(changes_, kTold) << "cut at " << cut;
  }
  changes_.clear();
  start([](const Received&) { return Script{stream_header(), chunk(kStory, 1), Hang{}}; });
  ASSERT_TRUE(until_changes(5));
  EXPECT_EQ(changes_, kTold);
}

// Lists for servers without WatchList, then one script per watch; the last one hangs.
TestServer::Handler listing(std::vector<Script> lists, std::vector<Script> watches) {
  auto at = std::make_shared<std::pair<std::size_t, std::size_t>>();
  return [lists = std::move(lists), watches = std::move(watches), at](const Received& request) {
    if (request.has("sendInitialEvents")) {
      return Script{status(422, "Invalid")};
    }
    auto& [list_at, watch_at] = *at;
    if (request.has("watch=1")) {
      return watch_at < watches.size() ? watches[watch_at++] : Script{stream_header(), Hang{}};
    }
    return lists[std::min(list_at++, lists.size() - 1)];
  };
}

TEST_F(WatchTest, FallsBackToPagesWhereTheServerHasNoWatchList) {
  start(listing({{list(5, object("a", 1, "u", "1"))}},
                {{stream_header(), chunk(event("ADDED", object("b", 6, "u", "2"))), Hang{}}}));
  ASSERT_TRUE(until_changes(3));
  EXPECT_EQ(changes_, (Changes{"+shop/a=1", "synced", "+shop/b=2"}));
  EXPECT_TRUE(troubles_.empty());
  const auto& seen = server_->received();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[1].target, "/api/v1/pods?resourceVersion=0");
  EXPECT_TRUE(seen[2].has("resourceVersion=5"));
}

TEST_F(WatchTest, FallsBackWhenTheStorageCannot) {
  start([](const Received& request) {
    if (request.has("sendInitialEvents")) {
      return Script{stream_header(), chunk(error_event(500, "InternalError")), last_chunk()};
    }
    return request.has("watch=1") ? Script{stream_header(), Hang{}}
                                  : Script{list(5, object("a", 1, "u", "1"))};
  });
  ASSERT_TRUE(until_changes(2));
  EXPECT_EQ(changes_, (Changes{"+shop/a=1", "synced"}));
}

TEST_F(WatchTest, FallsBackWhenTheInitialEventsNeverEnd) {
  WatchOptions options;
  options.stall = 100ms;
  start(
      [](const Received& request) {
        if (request.has("sendInitialEvents")) {
          return Script{stream_header(), chunk(event("ADDED", object("a", 1, "u", "1"))), Hang{}};
        }
        return request.has("watch=1") ? Script{stream_header(), Hang{}}
                                      : Script{list(5, object("a", 1, "u", "1"))};
      },
      options);
  ASSERT_TRUE(until_changes(2));
  EXPECT_EQ(changes_, (Changes{"+shop/a=1", "synced"}));
}

TEST_F(WatchTest, GoesOnWhereItWasAfterACleanEndOrABrokenConnection) {
  for (const Step& end : {last_chunk(), Step(Reset{}), Step(Close{})}) {
    changes_.clear();
    start(listing(
        {{list(5, object("a", 1, "u", "1"))}},
        {{stream_header(), chunk(event("MODIFIED", object("a", 6, "u", "2")) + bookmark(8)), end},
         {stream_header(), chunk(event("MODIFIED", object("a", 9, "u", "3")).substr(0, 30)), end},
         {stream_header(), chunk(event("MODIFIED", object("a", 9, "u", "3"))), Hang{}}}));
    ASSERT_TRUE(until_changes(4)) << end.index();
    EXPECT_EQ(changes_, (Changes{"+shop/a=1", "synced", "~shop/a=2", "~shop/a=3"}));
    EXPECT_TRUE(server_->received()[3].has("resourceVersion=8"));
  }
}

TEST_F(WatchTest, AfterGoneItListsAgainAndTellsWhatItMissed) {
  const Script gone_answer{status(410, "Expired")};
  const Script gone_inside{stream_header(), chunk(error_event(410, "Expired")), last_chunk()};
  for (const Script& gone : {gone_answer, gone_inside}) {
    changes_.clear();
    troubles_.clear();
    start(listing({{list(5, object("a", 1, "u", "1") + "," + object("b", 2, "u", "1") + "," +
                                object("c", 3, "u", "1"))},
                   {list(50, object("a", 1, "u", "1") + "," + object("c", 40, "other", "2") + "," +
                                 object("d", 41, "u", "1"))}},
                  {gone}));
    ASSERT_TRUE(until_changes(8));
    EXPECT_EQ(changes_, (Changes{"+shop/a=1", "+shop/b=1", "+shop/c=1", "synced", "-shop/c=1",
                                 "+shop/c=2", "+shop/d=1", "-shop/b=1"}));
    EXPECT_EQ(troubles_, std::vector<int>{410});
    EXPECT_EQ(server_->received()[3].target, "/api/v1/pods?limit=500");  // not from an old cache
  }
}

TEST_F(WatchTest, AnErrorInsideTheStreamListsAgain) {
  start(listing({{list(5, object("a", 1, "u", "1"))}, {list(7, object("a", 6, "u", "2"))}},
                {{stream_header(), chunk(error_event(500, "InternalError")), Hang{}}}));
  ASSERT_TRUE(until_changes(3));
  EXPECT_EQ(changes_, (Changes{"+shop/a=1", "synced", "~shop/a=2"}));
  EXPECT_TRUE(server_->received()[3].has("resourceVersion=5"));
}

TEST_F(WatchTest, GarbageListsAgain) {
  for (const std::string garbage :
       {"<html>\n", "{}\n", "{\"type\":\"ADDED\"}\n", "{\"type\":\"NEW\",\"object\":{}}\n"}) {
    changes_.clear();
    start(listing({{list(5, object("a", 1, "u", "1"))}, {list(7, object("a", 6, "u", "2"))}},
                  {{stream_header(), chunk(garbage), Hang{}}}));
    ASSERT_TRUE(until_changes(3)) << garbage;
    EXPECT_EQ(changes_, (Changes{"+shop/a=1", "synced", "~shop/a=2"}));
  }
}

TEST_F(WatchTest, TooManyRequestsWaitsAndKeepsItsPlace) {
  start(listing({{list(5, object("a", 1, "u", "1"))}},
                {{status(429, "TooManyRequests", "Retry-After: 1\r\n")},
                 {stream_header(), chunk(event("MODIFIED", object("a", 6, "u", "2"))), Hang{}}}));
  ASSERT_TRUE(until_changes(3));
  EXPECT_EQ(troubles_, std::vector<int>{429});
  EXPECT_TRUE(server_->received().back().has("watch=1"));
  EXPECT_EQ(server_->received().size(), 4U);
}

TEST_F(WatchTest, AStallInsideALineEndsTheStream) {
  WatchOptions options;
  options.stall = 500ms;
  const std::string whole = event("MODIFIED", object("a", 6, "u", "2"));
  start(listing({{list(5, object("a", 1, "u", "1"))}},
                {{stream_header(), Send{"1000\r\n" + whole.substr(0, 20)}, Hang{}},
                 {stream_header(), chunk(whole), Hang{}}}),
        options);
  ASSERT_TRUE(until_changes(3));
  EXPECT_EQ(changes_[2], "~shop/a=2");
}

TEST_F(WatchTest, AServerThatForgetsToEndAStreamIsLeft) {
  WatchOptions options;
  options.stall = 100ms;
  options.min_watch = 1s;
  start(listing({{list(5, "")}}, {}), options);
  ASSERT_TRUE(run_until(io_, [this] { return watch_->counters().watches >= 2; }, 20s));
}

TEST_F(WatchTest, AnObjectLargerThanItsBoundIsNoReasonToGrow) {
  WatchOptions options;
  options.max_object_bytes = 1000;
  start(listing({{list(5, "")}},
                {{stream_header(),
                  chunk(event("ADDED", object("a", 6, "u", std::string(2000, 'x')))), Hang{}}}),
        options);
  ASSERT_TRUE(run_until(io_, [this] { return !troubles_.empty(); }));
  EXPECT_EQ(changes_, Changes{"synced"});
}

TEST_F(WatchTest, AKindThatIsNotInstalledIsAskedForAgain) {
  int asked = 0;
  start([&asked](const Received&) {
    return ++asked < 4 ? Script{reply(404, "404 page not found")}
                       : Script{stream_header(), chunk(bookmark(1, true)), Hang{}};
  });
  ASSERT_TRUE(until_changes(1));
  EXPECT_EQ(troubles_, (std::vector<int>{404, 404, 404}));
  EXPECT_TRUE(watch_->connected());
}

TEST_F(WatchTest, WithoutAServerItKeepsWhatItHasAndComesBack) {
  start(listing({{list(5, object("a", 1, "u", "1"))}}, {{stream_header(), Reset{}}, {Reset{}}}));
  ASSERT_TRUE(until_changes(2));
  ASSERT_TRUE(run_until(io_, [this] { return troubles_.size() >= 2; }));
  EXPECT_EQ(watch_->size(), 1U);
  ASSERT_TRUE(run_until(io_, [this] { return watch_->connected(); }));
  EXPECT_EQ(changes_.size(), 2U);
}

TEST_F(WatchTest, WhatWasKnownBeforeCountsUntilTheServerGivesAList) {
  start(listing({{list(5, object("web", 2, "u", "2") + "," + object("new", 5, "u", "5"))}},
                {{stream_header(), Hang{}}}));
  watch_->assume({parse_object(object("db", 1, "u", "1"), "db").value(),
                  parse_object(object("web", 2, "u", "2"), "web").value()});
  EXPECT_TRUE(watch_->synced());
  EXPECT_EQ(changes_, (Changes{"+shop/db=1", "+shop/web=2", "synced"}));
  ASSERT_TRUE(until_changes(5));
  EXPECT_EQ(changes_.at(3), "+shop/new=5");
  EXPECT_EQ(changes_.at(4), "-shop/db=1");
  watch_->assume({});
  EXPECT_EQ(watch_->size(), 2U);
}

TEST_F(WatchTest, WhatTheProjectionSkipsIsAbsent) {
  start(listing({{list(5, object("a", 1, "u", "skip"))}},
                {{stream_header(),
                  chunk(event("MODIFIED", object("a", 6, "u", "1")) +
                        event("MODIFIED", object("a", 7, "u", "skip")) +
                        event("DELETED", object("a", 8, "u", "skip"))),
                  Hang{}}}));
  ASSERT_TRUE(until_changes(3));
  EXPECT_EQ(changes_, (Changes{"synced", "+shop/a=1", "-shop/a=1"}));
}

TEST_F(WatchTest, AfterStopNothingIsCalled) {
  start([](const Received&) {
    return Script{stream_header(), chunk(bookmark(1, true)), Pause{50ms}, chunk(kStory), Hang{}};
  });
  ASSERT_TRUE(until_changes(1));
  watch_->stop();
  run_until(io_, [] { return false; }, 200ms);
  EXPECT_EQ(changes_, Changes{"synced"});
  EXPECT_TRUE(troubles_.empty());
}

TEST_F(WatchTest, MayBeStoppedFromInside) {
  start([](const Received&) { return Script{stream_header(), chunk(kStory), Hang{}}; });
  bool stopped = false;
  while (!stopped) {
    io_.run_one();
    stopped = !changes_.empty();
  }
  watch_.reset();
  const std::size_t count = changes_.size();
  run_until(io_, [] { return false; }, 100ms);
  EXPECT_EQ(changes_.size(), count);
}

}  // namespace
}  // namespace recap::kube
