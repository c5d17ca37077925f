// SPDX-License-Identifier: Apache-2.0
#include "kube/framing.h"

#include <vector>

#include <gtest/gtest.h>

namespace recap::kube {
namespace {

using base::Error;
using base::Kind;
using base::Status;

// Feeds `text` cut into two pieces at `cut`, then in pieces of `step` bytes.
template <typename Reader>
Status feed(Reader& reader, std::string_view text, std::size_t cut, std::size_t step) {
  if (auto fed = reader.feed(text.substr(0, cut)); !fed) {
    return fed;
  }
  for (std::size_t at = cut; at < text.size(); at += step) {
    if (auto fed = reader.feed(text.substr(at, step)); !fed) {
      return fed;
    }
  }
  return {};
}

struct Collected {
  std::vector<std::string> documents;
  DocumentSink sink() {
    return [this](std::string_view text) -> Status {
      documents.emplace_back(text);
      return {};
    };
  }
};

TEST(LineReader, GivesTheSameLinesHoweverTheStreamIsCut) {
  const std::string text = "{\"a\":1}\n\n{\"b\":\"x\\n\"}\r\n  \n{}\n";
  const std::vector<std::string> expected{"{\"a\":1}", "{\"b\":\"x\\n\"}\r", "{}"};
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    for (const std::size_t step : {1, 3, 1000}) {
      Collected lines;
      LineReader reader(20, lines.sink());
      ASSERT_TRUE(feed(reader, text, cut, step));
      EXPECT_TRUE(reader.finish());
      EXPECT_EQ(lines.documents, expected) << "cut at " << cut;
    }
  }
}

TEST(LineReader, NoticesAnEndInsideALine) {
  Collected lines;
  LineReader reader(20, lines.sink());
  ASSERT_TRUE(reader.feed("{}\n{\"a\""));
  EXPECT_TRUE(reader.inside_line());
  EXPECT_EQ(reader.finish().error().kind(), Kind::kBusy);
}

TEST(LineReader, BoundsALine) {
  for (const std::size_t step : {1, 7, 1000}) {
    for (const std::string end : {"", "\n"}) {
      Collected lines;
      LineReader reader(10, lines.sink());
      const Status fed = feed(reader, "0123456789\n0123456789a" + end, 0, step);
      ASSERT_FALSE(fed) << "in steps of " << step;
      EXPECT_EQ(fed.error().kind(), Kind::kExhausted);
      EXPECT_EQ(lines.documents.size(), 1U);
    }
  }
}

TEST(LineReader, HandsOnWhatItsReaderSays) {
  int calls = 0;
  LineReader reader(20, [&calls](std::string_view) -> Status {
    ++calls;
    return Error(Kind::kGone, "enough");
  });
  EXPECT_EQ(reader.feed("a\nb\n").error().kind(), Kind::kGone);
  EXPECT_EQ(calls, 1);
}

constexpr std::string_view kList =
    R"({"kind":"PodList","x":["items",{"items":[{"no":1}]}],"metadata":{"resourceVersion":"7"},)"
    R"("items": [ {"n":1,"s":"]}\"{[" , "deep":{"items":[{"a":[]}]}},{"n":2}, {} ],"z":"items"})";

TEST(ItemSplitter, GivesTheSameItemsHoweverTheStreamIsCut) {
  for (std::size_t cut = 0; cut <= kList.size(); ++cut) {
    for (const std::size_t step : {1, 5, 1000}) {
      Collected items;
      ItemSplitter splitter(100, items.sink());
      ASSERT_TRUE(feed(splitter, kList, cut, step));
      ASSERT_EQ(items.documents.size(), 3U) << "cut at " << cut;
      EXPECT_EQ(items.documents[0], R"({"n":1,"s":"]}\"{[" , "deep":{"items":[{"a":[]}]}})");
      EXPECT_EQ(items.documents[1], R"({"n":2})");
      EXPECT_EQ(items.documents[2], "{}");
      const auto envelope = splitter.envelope();
      ASSERT_TRUE(envelope);
      EXPECT_EQ(*envelope, R"({"kind":"PodList","x":["items",{"items":[{"no":1}]}],)"
                           R"("metadata":{"resourceVersion":"7"},"items": [],"z":"items"})");
    }
  }
}

TEST(ItemSplitter, AValueNamedItemsIsNoList) {
  Collected items;
  ItemSplitter splitter(100, items.sink());
  ASSERT_TRUE(splitter.feed(R"({"a":"items","b":[{"c":1}],"items":null})"));
  EXPECT_TRUE(items.documents.empty());
  EXPECT_TRUE(splitter.envelope());
}

TEST(ItemSplitter, RefusesWhatIsNoList) {
  for (const std::string_view text :
       {R"({"items":[1]})", R"({"items":["{}"]})", R"({"items":[]}x)", "x", "]", R"({}{})"}) {
    Collected items;
    ItemSplitter splitter(100, items.sink());
    const Status fed = splitter.feed(text);
    ASSERT_FALSE(fed) << text;
    EXPECT_EQ(fed.error().kind(), Kind::kCorrupt);
  }
}

TEST(ItemSplitter, NoticesAnEarlyEnd) {
  for (std::size_t end = 0; end < kList.size(); ++end) {
    Collected items;
    ItemSplitter splitter(100, items.sink());
    ASSERT_TRUE(splitter.feed(kList.substr(0, end)));
    EXPECT_FALSE(splitter.envelope()) << "ended after " << end;
  }
}

TEST(ItemSplitter, BoundsItemsAndEnvelope) {
  Collected items;
  ItemSplitter splitter(20, items.sink());
  EXPECT_EQ(splitter.feed(R"({"items":[{"aaaaaaaaaaaaaaaaaaaaaaa":1}]})").error().kind(),
            Kind::kExhausted);
  ItemSplitter endless(20, items.sink());
  ASSERT_TRUE(endless.feed("{\""));
  const std::string piece(std::size_t{64} << 10, 'a');
  Status fed;
  for (int i = 0; i < 17 && fed; ++i) {
    fed = endless.feed(piece);
  }
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind(), Kind::kExhausted);
}

}  // namespace
}  // namespace recap::kube
