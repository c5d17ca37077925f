// SPDX-License-Identifier: Apache-2.0
#include "targets/http.h"

#include <gtest/gtest.h>

#include "targets/fake_engine.h"
#include "targets/fake_host.h"
#include "targets/json.h"

namespace recap::targets {
namespace {

using base::Kind;

TEST(Http, AnswersAreTakenApart) {
  const auto plain = parse_answer("HTTP/1.0 200 OK\r\nA: b\r\n\r\n{}");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->status, 200);
  EXPECT_EQ(plain->body, "{}");
  EXPECT_EQ(parse_answer("HTTP/1.1 404 Not Found\r\ncontent-LENGTH: 2\r\n\r\nabcd")->body, "ab");
  EXPECT_EQ(parse_answer("HTTP/1.0 200 OK\r\n\r\n")->body, "");
}

TEST(Http, DamagedAnswersAreRefused) {
  for (const std::string bad :
       {"", "HTTP/1.0 200 OK", "HTTP/1.0 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.0\r\n\r\n",
        "HTTP/1.0 abc X\r\n\r\n", "HTTP/1.0 99999999999999999999 X\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\nffffffffffffffff\r\n{}\r\n0\r\n\r\n"}) {
    const auto answer = parse_answer(bad);
    ASSERT_FALSE(answer) << bad;
    EXPECT_EQ(answer.error().kind(), Kind::kCorrupt);
  }
  EXPECT_FALSE(parse_answer("HTTP/1.0 200 OK\r\n" + std::string(1 << 20, 'a') + "\r\n\r\n"));
}

TEST(Http, ChunksArePutTogether) {
  const std::string header = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(parse_answer(header + "2\r\n{}\r\n0\r\n\r\n")->body, "{}");
  EXPECT_EQ(parse_answer(header + "A;x=y\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n")->body,
            "0123456789\n");
  EXPECT_EQ(parse_answer(header + "0\r\n\r\n")->body, "");
}

TEST(Http, ASlowAnswerIsTheSameHoweverItIsCut) {
  const FakeHost host;
  const std::string answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    const FakeEngine engine(host.dir() + "/e.sock", {{"/", answer}}, cut);
    const auto got = http_get(host.dir() + "/e.sock", "/");
    ASSERT_TRUE(got) << cut << got.error().message();
    EXPECT_EQ(got->body, "abcde") << cut;
  }
}

TEST(Http, NobodyListensIsNotFound) {
  const FakeHost host;
  EXPECT_EQ(http_get(host.dir() + "/absent.sock", "/").error().kind(), Kind::kNotFound);
  host.write("file.sock", "");
  EXPECT_EQ(http_get(host.dir() + "/file.sock", "/").error().kind(), Kind::kNotFound);
  EXPECT_EQ(http_get(std::string(200, 'a'), "/").error().kind(), Kind::kInvalid);
}

TEST(Http, LargeAnswersArriveWholeAndHugeOnesAreRefused) {
  const FakeHost host;
  const std::string body(300'000, 'x');
  const FakeEngine engine(host.dir() + "/e.sock",
                          {{"/large", FakeEngine::ok(body)},
                           {"/huge", FakeEngine::ok(std::string(kMaxJsonBytes + 100'000, 'x'))},
                           {"/empty", ""}});
  EXPECT_EQ(http_get(host.dir() + "/e.sock", "/large")->body, body);
  EXPECT_EQ(http_get(host.dir() + "/e.sock", "/huge").error().kind(), Kind::kCorrupt);
  EXPECT_EQ(http_get(host.dir() + "/e.sock", "/empty").error().kind(), Kind::kCorrupt);
}

}  // namespace
}  // namespace recap::targets
