// SPDX-License-Identifier: Apache-2.0
#include "kube/http.h"

#include <gtest/gtest.h>

namespace recap::kube {
namespace {

using base::Error;
using base::Kind;
using base::Status;

Status feed_in(ResponseReader& reader, std::string_view text, std::size_t step) {
  for (std::size_t at = 0; at < text.size(); at += step) {
    if (auto fed = reader.feed(text.substr(at, step)); !fed) {
      return fed;
    }
  }
  return {};
}

TEST(Request, HasLengthAndType) {
  const auto text = write_request({"PATCH", "/a?b=c", "{}", "application/merge-patch+json"}, "h:1",
                                  {{"Authorization", "Bearer t"}});
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "PATCH /a?b=c HTTP/1.1\r\nHost: h:1\r\nAccept: application/json\r\n"
            "Authorization: Bearer t\r\nContent-Type: application/merge-patch+json\r\n"
            "Content-Length: 2\r\n\r\n{}");
}

TEST(Request, NoValueMakesAnotherHeader) {
  HttpRequest get;
  get.target = "/";
  EXPECT_FALSE(write_request(get, "h", {{"Authorization", "Bearer a\r\nImpersonate-User: root"}}));
  EXPECT_FALSE(write_request(get, "h", {{"A", std::string("a\0b", 3)}}));
  get.target = "/ HTTP/1.1\r\nX: y";
  EXPECT_FALSE(write_request(get, "h", {}));
}

TEST(Response, IsTheSameHoweverItIsCut) {
  const std::vector<std::string> answers{
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"};
  for (const std::string& answer : answers) {
    for (std::size_t step = 1; step <= answer.size(); ++step) {
      std::string streamed;
      ResponseReader sunk(0, [&streamed](std::string_view piece) -> Status {
        streamed += piece;
        return {};
      });
      ResponseReader kept(5, {});
      ASSERT_TRUE(feed_in(sunk, answer, step));
      ASSERT_TRUE(feed_in(kept, answer, step));
      EXPECT_TRUE(sunk.done() && kept.done() && kept.keep_alive());
      EXPECT_EQ(streamed, "hello");
      EXPECT_EQ(kept.body(), "hello");
    }
  }
}

TEST(Response, EndsWithTheConnectionOnlyWhereItMay) {
  const std::string no_length = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";
  ResponseReader whole(100, {});
  ASSERT_TRUE(feed_in(whole, no_length, 7));
  EXPECT_FALSE(whole.done());
  EXPECT_TRUE(whole.end_of_stream());
  EXPECT_EQ(whole.body(), "hello");
  EXPECT_FALSE(whole.keep_alive());

  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t end = 0; end < chunked.size(); ++end) {
    ResponseReader cut(100, {});
    ASSERT_TRUE(cut.feed(std::string_view(chunked).substr(0, end)));
    const Status ended = cut.end_of_stream();
    ASSERT_FALSE(ended) << "after " << end;
    EXPECT_EQ(ended.error().kind(), Kind::kBusy);
  }
}

TEST(Response, AnErrorsBodyIsKeptAndNotStreamed) {
  bool streamed = false;
  ResponseReader reader(0, [&streamed](std::string_view) -> Status {
    streamed = true;
    return {};
  });
  ASSERT_TRUE(
      reader.feed("HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"));
  EXPECT_EQ(reader.status(), 429);
  EXPECT_EQ(reader.retry_after(), std::chrono::seconds(7));
  EXPECT_EQ(reader.body(), "busy");
  EXPECT_FALSE(streamed);
}

TEST(Response, IsBounded) {
  ResponseReader body(4, {});
  EXPECT_EQ(body.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").error().kind(),
            Kind::kExhausted);
  ResponseReader header(100, {});
  Status fed = header.feed("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 100 && fed; ++i) {
    fed = header.feed("X: " + std::string(1000, 'a') + "\r\n");
  }
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind(), Kind::kExhausted);
  ResponseReader chunk(100, {});
  fed = chunk.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 100 && fed; ++i) {
    fed = chunk.feed("1;" + std::string(1000, 'a'));
  }
  EXPECT_FALSE(fed);
}

TEST(Response, WhatIsNoHttpIsRefused) {
  for (const std::string_view text :
       {"hello\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    ResponseReader reader(100, {});
    const Status fed = reader.feed(text);
    ASSERT_FALSE(fed) << text;
    EXPECT_EQ(fed.error().kind(), Kind::kCorrupt);
  }
}

TEST(Response, TheSinkEndsIt) {
  ResponseReader reader(100, [](std::string_view) -> Status { return Error(Kind::kGone, "410"); });
  EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").error().kind(),
            Kind::kGone);
}

}  // namespace
}  // namespace recap::kube
