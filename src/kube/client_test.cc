// SPDX-License-Identifier: Apache-2.0
#include "kube/client.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "kube/access.h"
#include "kube/json.h"
#include "kube/status.h"
#include "kube/test_server.h"

namespace recap::kube {
namespace {

using namespace std::chrono_literals;
using base::Kind;
using namespace test;  // NOLINT: of this test

const Endpoint kPod{kPods, "shop", "web"};

ClientOptions quick() {
  ClientOptions options;
  options.qps = 1000;
  options.burst = 1000;
  options.connect_timeout = 2s;
  options.request_timeout = 10s;
  options.patience = 20s;
  options.max_response_bytes = 10'000;
  return options;
}

class ClientTest : public testing::Test {
 protected:
  boost::asio::io_context io_;

  Client client(const TestServer& server, Config config = {}) {
    const Config where = server.config();
    config.host = where.host;
    config.port = where.port;
    config.tls = false;
    return Client(io_.get_executor(), config, quick());
  }
};

TEST_F(ClientTest, KeepsItsConnection) {
  TestServer server(io_, [](const Received&) { return Script{reply(200, R"({"a":1})")}; });
  const Client api = client(server);
  for (int i = 0; i < 3; ++i) {
    const auto pod = run(io_, api.get(kPod));
    ASSERT_TRUE(pod) << pod.error().message();
    EXPECT_EQ(number_at(*pod, {"a"}), 1);
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.received()[0].target, "/api/v1/namespaces/shop/pods/web");
}

TEST_F(ClientTest, WritesAsTheApiWantsIt) {
  TestServer server(io_, [](const Received&) { return Script{reply(200, "{}")}; });
  const Client api = client(server);
  ApplyOptions apply;
  apply.field_manager = "caplet";
  ASSERT_TRUE(run(io_, api.apply(kPod, {{"a", 1}}, apply)));
  ASSERT_TRUE(run(io_, api.merge_patch(kPod, {{"a", nullptr}})));
  ASSERT_TRUE(run(io_, api.create({kPods, "shop"}, {{"a", 1}})));
  ASSERT_TRUE(run(io_, api.remove(kPod, {.uid = "u", .propagation = "Orphan"})));
  const auto& seen = server.received();
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0].method + " " + seen[0].target,
            "PATCH /api/v1/namespaces/shop/pods/web?fieldManager=caplet&force=true");
  EXPECT_NE(seen[0].headers.find("Content-Type: application/apply-patch+yaml"), std::string::npos);
  EXPECT_NE(seen[1].headers.find("application/merge-patch+json"), std::string::npos);
  EXPECT_EQ(seen[1].body, R"({"a":null})");
  EXPECT_EQ(seen[2].method + " " + seen[2].target, "POST /api/v1/namespaces/shop/pods");
  EXPECT_EQ(seen[3].method, "DELETE");
  EXPECT_NE(seen[3].body.find(R"("preconditions":{"uid":"u"})"), std::string::npos);
}

TEST_F(ClientTest, AnAnswerMayComeByteByByte) {
  Step whole = reply(200, R"({"a":"b"})");
  std::get<Send>(whole).piece = 1;
  TestServer server(io_, [&whole](const Received&) { return Script{whole}; });
  const auto pod = run(io_, client(server).get(kPod));
  ASSERT_TRUE(pod) << pod.error().message();
  EXPECT_EQ(text_at(*pod, {"a"}), "b");
}

TEST_F(ClientTest, ARefusalCarriesItsReason) {
  TestServer server(io_, [](const Received&) { return Script{status(409, "AlreadyExists")}; });
  const auto made = run(io_, client(server).create({kPods, "shop"}, {{"a", 1}}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind(), Kind::kExists);
  EXPECT_EQ(api_code(made.error()), 409);
  EXPECT_EQ(api_reason(made.error()), Reason::kAlreadyExists);
  EXPECT_NE(made.error().message().find("create pods in shop"), std::string_view::npos);
}

TEST_F(ClientTest, WaitsAsLongAsTheServerAsksAndPatienceLasts) {
  int asked = 0;
  TestServer server(io_, [&asked](const Received&) {
    ++asked;
    return asked < 3 ? Script{status(429, "TooManyRequests", "Retry-After: 1\r\n")}
                     : Script{reply(200, "{}")};
  });
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(run(io_, client(server).get(kPod)));
  EXPECT_EQ(asked, 3);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 2s);

  TestServer slow(io_, [](const Received&) {
    return Script{status(503, "ServiceUnavailable", "Retry-After: 100\r\n")};
  });
  const auto refused = run(io_, client(slow).get(kPod));
  ASSERT_FALSE(refused);
  EXPECT_EQ(api_code(refused.error()), 503);
  EXPECT_EQ(slow.received().size(), 1U);
}

TEST_F(ClientTest, AnErrorWithoutRetryAfterIsFinal) {
  TestServer server(io_, [](const Received&) { return Script{status(500, "InternalError")}; });
  EXPECT_EQ(api_code(run(io_, client(server).get(kPod)).error()), 500);
  EXPECT_EQ(server.received().size(), 1U);
}

TEST_F(ClientTest, ABreakingConnectionIsAnErrorWhereverItBreaks) {
  const std::string whole = std::get<Send>(reply(200, R"({"a":1})")).bytes;
  for (const Step& end : {Step(Reset{}), Step(Close{})}) {
    for (std::size_t size = 0; size < whole.size(); size += 7) {
      TestServer server(io_,
                        [&](const Received&) { return Script{Send{whole.substr(0, size)}, end}; });
      const auto pod = run(io_, client(server).get(kPod));
      ASSERT_FALSE(pod) << "after " << size;
      EXPECT_EQ(pod.error().kind(), Kind::kBusy) << pod.error().message();
      EXPECT_EQ(api_code(pod.error()), 0);
      EXPECT_EQ(server.received().size(), 1U);
    }
  }
}

TEST_F(ClientTest, AStallingServerCostsOneTimeout) {
  for (const Script& script :
       {Script{Hang{}}, Script{Send{"HTTP/1.1 200 OK\r\nContent-"}, Hang{}},
        Script{Send{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"}, Hang{}}}) {
    TestServer server(io_, [&script](const Received&) { return script; });
    const auto began = std::chrono::steady_clock::now();
    ClientOptions options = quick();
    options.request_timeout = 400ms;
    const Client api(io_.get_executor(), server.config(), options);
    const auto pod = run(io_, api.get(kPod));
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().kind(), Kind::kTimeout) << pod.error().message();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  }
}

TEST_F(ClientTest, AConnectionThatTheServerClosedIsReplaced) {
  TestServer server(io_, [](const Received&) { return Script{reply(200, "{}"), Close{}}; });
  const Client api = client(server);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(run(io_, api.get(kPod)));
    run_until(io_, [] { return false; }, 20ms);
  }
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(server.received().size(), 3U);
}

TEST_F(ClientTest, WhenTheServerClosesInTheVeryMomentARepeatableRequestIsRepeated) {
  int asked = 0;
  TestServer server(io_, [&asked](const Received&) {
    return ++asked == 2 ? Script{Reset{}} : Script{reply(200, "{}")};
  });
  const Client api = client(server);
  ASSERT_TRUE(run(io_, api.get(kPod)));
  ASSERT_TRUE(run(io_, api.get(kPod)));
  EXPECT_EQ(asked, 3);
  asked = 0;
  ASSERT_TRUE(run(io_, api.get(kPod)));
  EXPECT_FALSE(run(io_, api.create({kPods, "shop"}, {{"a", 1}})));  // it may have been made
  EXPECT_EQ(asked, 2);
}

TEST_F(ClientTest, AnswersAreBounded) {
  TestServer server(io_, [](const Received&) {
    return Script{reply(200, R"({"a":")" + std::string(20'000, 'x') + "\"}")};
  });
  EXPECT_EQ(run(io_, client(server).get(kPod)).error().kind(), Kind::kExhausted);
  TestServer nonsense(io_, [](const Received&) { return Script{reply(200, "<html>")}; });
  EXPECT_EQ(run(io_, client(nonsense).get(kPod)).error().kind(), Kind::kCorrupt);
}

TEST_F(ClientTest, NobodyThere) {
  TestServer server(io_, [](const Received&) { return Script{}; });
  const Client api = client(server);
  server.stop_listening();
  const auto pod = run(io_, api.get(kPod));
  ASSERT_FALSE(pod);
  EXPECT_EQ(pod.error().kind(), Kind::kBusy) << pod.error().message();
  EXPECT_NE(pod.error().message().find("127.0.0.1"), std::string_view::npos);
}

TEST_F(ClientTest, ListsPageByPageObjectByObject) {
  TestServer server(io_, [](const Received& request) {
    const bool second = request.has("continue=next%2B1");
    return Script{reply(200, second ? R"({"metadata":{"resourceVersion":"9"},"items":[{"n":3}]})"
                                    : R"({"metadata":{"continue":"next+1","resourceVersion":"9"},)"
                                      R"("items":[{"n":1},{"n":2}]})")};
  });
  std::vector<std::int64_t> seen;
  ListOptions options;
  options.field_selector = "spec.nodeName=n1";
  options.page = 2;
  const auto version = run(io_, client(server).list({kPods}, options, [&seen](const auto& object) {
    seen.push_back(number_at(object, {"n"}).value_or(0));
  }));
  ASSERT_TRUE(version) << version.error().message();
  EXPECT_EQ(*version, "9");
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(server.received()[0].target, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit=2");
}

TEST_F(ClientTest, RequestsWaitForTheirTurn) {
  TestServer server(io_, [](const Received&) { return Script{reply(200, "{}")}; });
  ClientOptions options = quick();
  options.qps = 20;
  options.burst = 2;
  const Client api(io_.get_executor(), server.config(), options);
  int good = 0;
  for (int i = 0; i < 6; ++i) {
    spawn<boost::json::object>(io_.get_executor(), api.get(kPod),
                               [&good](const auto& result) { good += result ? 1 : 0; });
  }
  EXPECT_TRUE(run_until(io_, [&good] { return good == 6; }));
  // 50, 100, 150 and 200 ms, if all six came at the same moment.
  EXPECT_GT(api.counters().throttled_ms, 200U);
  EXPECT_LE(api.counters().throttled_ms, 500U);
}

TEST_F(ClientTest, CloseEndsWhatWaits) {
  TestServer server(io_, [](const Received&) { return Script{Hang{}}; });
  const Client api = client(server);
  std::optional<Kind> kind;
  spawn<boost::json::object>(io_.get_executor(), api.get(kPod),
                             [&kind](auto result) { kind = result.error().kind(); });
  ASSERT_TRUE(run_until(io_, [&server] { return !server.received().empty(); }));
  const auto began = std::chrono::steady_clock::now();
  api.close();
  ASSERT_TRUE(run_until(io_, [&kind] { return kind.has_value(); }));
  EXPECT_EQ(*kind, Kind::kGone);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s);
  EXPECT_EQ(run(io_, api.get(kPod)).error().kind(), Kind::kGone);
}

TEST_F(ClientTest, AClientMayGoWhileItsRequestIsUnderWay) {
  TestServer server(io_, [](const Received&) { return Script{Pause{20ms}, reply(200, "{}")}; });
  Task<boost::json::object> task = client(server).get(kPod);
  EXPECT_TRUE(run(io_, std::move(task)));
  // And the loop may be destroyed with a request inside.
  auto other = std::make_unique<boost::asio::io_context>();
  spawn<boost::json::object>(other->get_executor(),
                             Client(other->get_executor(), server.config(), quick()).get(kPod),
                             [](const auto&) {});
  other->run_one_for(50ms);
  other.reset();
}

class CredentialTest : public ClientTest {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "credential-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    chmod((folder_ + "/" + name).c_str(), 0755);
  }
  // A plugin's script: prints an ExecCredential with this status and notes that it ran.
  void write_plugin(const std::string& fields) const {
    write("plugin", "#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO $1 $ADDED\" >> " + folder_ +
                        "/ran\ncat <<END\n{\"kind\":\"ExecCredential\",\"apiVersion\":"
                        "\"client.authentication.k8s.io/v1\",\"status\":{" +
                        fields + "}}\nEND\n");
  }
  [[nodiscard]] std::vector<std::string> runs() const {
    std::ifstream file(folder_ + "/ran");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(line);
    }
    return lines;
  }
  [[nodiscard]] ExecPlugin plugin() const {
    ExecPlugin plugin;
    plugin.command = folder_ + "/plugin";
    plugin.args = {"first"};
    plugin.env = {{"ADDED", "value"}};
    return plugin;
  }
  // Accepts one token; any other is 401.
  static TestServer::Handler accepting(const std::string& token) {
    return [token](const Received& request) {
      return request.headers.find("Authorization: Bearer " + token + "\r\n") != std::string::npos
                 ? Script{reply(200, "{}")}
                 : Script{status(401, "Unauthorized")};
    };
  }

  std::string folder_;
};

TEST_F(CredentialTest, ARotatedTokenIsReadAgainOn401) {
  write("token", "old\n");
  std::string accepted = "old";
  TestServer server(io_,
                    [&accepted](const Received& request) { return accepting(accepted)(request); });
  Config config;
  config.credential = TokenFile{folder_ + "/token"};
  const Client api = client(server, config);
  ASSERT_TRUE(run(io_, api.get(kPod)));
  write("token", "new\n");
  ASSERT_TRUE(run(io_, api.get(kPod)));  // a minute is not over: it is not read again
  accepted = "new";
  ASSERT_TRUE(run(io_, api.get(kPod)));
  EXPECT_EQ(server.received().size(), 4U);
  accepted = "other";
  EXPECT_EQ(api_code(run(io_, api.get(kPod)).error()), 401);
  EXPECT_EQ(server.received().size(), 6U);
}

TEST_F(CredentialTest, APluginRunsOnceUntilItsTokenExpires) {
  write_plugin(R"("token":"t1","expirationTimestamp":"2999-01-01T00:00:00Z")");
  TestServer server(io_, accepting("t1"));
  Config config;
  config.credential = plugin();
  const Client api = client(server, config);
  const auto first = run(io_, api.get(kPod));
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_TRUE(run(io_, api.get(kPod)));
  ASSERT_EQ(runs().size(), 1U);
  EXPECT_NE(runs()[0].find(R"("interactive":false)"), std::string::npos);
  EXPECT_TRUE(runs()[0].ends_with(" first value"));
}

TEST_F(CredentialTest, ManyAtOnceRunThePluginOnce) {
  write_plugin(R"("token":"t1")");
  TestServer server(io_, accepting("t1"));
  Config config;
  config.credential = plugin();
  const Client api = client(server, config);
  int good = 0;
  for (int i = 0; i < 5; ++i) {
    spawn<boost::json::object>(io_.get_executor(), api.get(kPod),
                               [&good](const auto& result) { good += result ? 1 : 0; });
  }
  EXPECT_TRUE(run_until(io_, [&good] { return good == 5; }));
  EXPECT_EQ(runs().size(), 1U);
}

TEST_F(CredentialTest, APluginThatFailsSaysWhy) {
  TestServer server(io_, accepting("t1"));
  Config config;
  config.credential = plugin();
  auto failed = run(io_, client(server, config).get(kPod));
  EXPECT_EQ(failed.error().kind(), Kind::kNotFound) << failed.error().message();
  write("plugin", "#!/bin/sh\nexit 3\n");
  failed = run(io_, client(server, config).get(kPod));
  EXPECT_NE(failed.error().message().find("exit code 3"), std::string_view::npos)
      << failed.error().message();
  write("plugin", "#!/bin/sh\nhead -c 3000000 /dev/zero\n");
  failed = run(io_, client(server, config).get(kPod));
  EXPECT_EQ(failed.error().kind(), Kind::kExhausted) << failed.error().message();
  EXPECT_TRUE(server.received().empty());
}

TEST_F(CredentialTest, ATokenIsNotSentInTheClear) {
  Config config;
  config.host = "192.0.2.1";
  config.tls = false;
  config.credential = StaticToken{"t"};
  const Client api(io_.get_executor(), config, quick());
  EXPECT_EQ(run(io_, api.get(kPod)).error().kind(), Kind::kDenied);
  config.host = "127.0.0.1";
  config.port = 1;
  config.credential = StaticToken{"a\r\nImpersonate-User: root"};
  const Client forged(io_.get_executor(), config, quick());
  EXPECT_EQ(run(io_, forged.get(kPod)).error().kind(), Kind::kInvalid);
}

TEST_F(ClientTest, ReviewsAccess) {
  TestServer server(io_, [](const Received& request) {
    return request.has("selfsubjectreviews")
               ? Script{reply(201, R"({"status":{"userInfo":{"username":"jane","groups":["dev"],)"
                                   R"("extra":{"k":["v"]}}}})")}
               : Script{reply(201, R"({"status":{"allowed":true,"reason":"RBAC"}})")};
  });
  AccessQuestion question;
  question.user.name = "jane";
  question.user.groups = {"dev"};
  question.verb = "create";
  question.resource = "capsules";
  question.group = "recap.dev";
  question.ns = "shop";
  const auto answer = run(io_, review_access(client(server), question));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(answer->allowed);
  EXPECT_EQ(answer->reason, "RBAC");
  EXPECT_NE(server.received()[0].body.find(R"("groups":["dev"])"), std::string::npos);
  const auto me = run(io_, who_am_i(client(server)));
  ASSERT_TRUE(me);
  EXPECT_EQ(me->name, "jane");
  EXPECT_EQ(me->extra.at("k"), std::vector<std::string>{"v"});
}

}  // namespace
}  // namespace recap::kube
