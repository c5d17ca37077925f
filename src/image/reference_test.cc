// SPDX-License-Identifier: Apache-2.0
#include "image/reference.h"

#include <string>

#include <gtest/gtest.h>

#include "image/digest.h"

namespace recap::image {
namespace {

const std::string kHex(64, 'a');

struct Case {
  std::string text, canonical;
};

TEST(Reference, IsCompletedAsDockerDoes) {
  const Case cases[] = {
      {"busybox", "docker.io/library/busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36"},
      {"a/b", "docker.io/a/b:latest"},
      {"localhost/x", "localhost/x:latest"},
      {"localhost:5000/x", "localhost:5000/x:latest"},
      {"registry.example/a/b/c:v1", "registry.example/a/b/c:v1"},
      {"REGISTRY/x", "REGISTRY/x:latest"},
      {"[::1]:5000/x:y", "[::1]:5000/x:y"},
      {"index.docker.io/library/x", "docker.io/library/x:latest"},
      {"a__b/c-_d", ""},
      {"a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest"},
      {"x@sha256:" + kHex, "docker.io/library/x@sha256:" + kHex},
      {"x:1@sha256:" + kHex, "docker.io/library/x@sha256:" + kHex},
  };
  for (const Case& one : cases) {
    const auto parsed = parse_reference(one.text);
    EXPECT_EQ(parsed ? parsed->canonical() : "", one.canonical) << one.text;
  }
}

TEST(Reference, RefusesWhatIsNone) {
  const std::string bad[] = {"",
                             "/",
                             "/x",
                             "x/",
                             "x//y",
                             "../x",
                             "a/../b",
                             "Upper",
                             "a/Upper",
                             "x:",
                             "x:-tag",
                             "x:.tag",
                             "x:" + std::string(129, 't'),
                             "x@sha256:" + std::string(63, 'a'),
                             "x@sha256:" + std::string(64, 'A'),
                             "x@sha512:" + std::string(128, 'a'),
                             "x@sha256:../" + std::string(61, 'a'),
                             "x y",
                             "x\n",
                             std::string("x\0y", 3),
                             "\033[31mred",
                             "host:port/x",
                             "host:123456/x",
                             "-x",
                             "x-",
                             "a..b",
                             "a___b",
                             std::string(1 << 20, 'a')};
  for (const std::string& text : bad) {
    const auto parsed = parse_reference(text);
    ASSERT_FALSE(parsed) << text.substr(0, 80);
    EXPECT_EQ(parsed.error().kind(), base::Kind::kInvalid);
    EXPECT_EQ(parsed.error().message().find('\033'), std::string_view::npos);
  }
}

TEST(Reference, ShortNamesMeanFunctionsFirst) {
  const auto word = candidates("tcpdump");
  ASSERT_EQ(word.size(), 3U);
  EXPECT_EQ(word[0], "docker.io/recap/tcpdump:latest");
  EXPECT_EQ(word[1], "docker.io/library/tcpdump:latest");
  EXPECT_EQ(word[2], "localhost/tcpdump:latest");
  EXPECT_EQ(candidates("tcpdump:1").front(), "docker.io/library/tcpdump:1");
  EXPECT_EQ(candidates("registry.example/x").size(), 1U);
  EXPECT_TRUE(candidates("NO GOOD").empty());
}

TEST(Reference, FileNameAndBack) {
  const std::string canonical = "[::1]:5000/a/b_c/d@sha256:" + kHex;
  const std::string name = reference_to_file_name(canonical);
  EXPECT_EQ(name.find('/'), std::string::npos);
  EXPECT_EQ(file_name_to_reference(name), canonical);
  EXPECT_EQ(file_name_to_reference(".123.new"), std::nullopt);
}

TEST(Reference, FamiliarForm) {
  EXPECT_EQ(familiar("docker.io/library/busybox:1"), "busybox:1");
  EXPECT_EQ(familiar("docker.io/recap/ps:latest"), "recap/ps:latest");
  EXPECT_EQ(familiar("localhost/x:latest"), "localhost/x:latest");
  // What would mean another image without its registry keeps it.
  EXPECT_EQ(familiar("docker.io/library/a/b:5"), "library/a/b:5");
  EXPECT_EQ(familiar("docker.io/localhost/a:1"), "docker.io/localhost/a:1");
}

TEST(Digest, OnlySha256InLowerCase) {
  EXPECT_TRUE(Digest::parse("sha256:" + kHex));
  EXPECT_EQ(Digest::parse("sha256:" + kHex)->text(), "sha256:" + kHex);
  const std::string mixed = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  EXPECT_EQ(Digest::parse_hex(mixed)->hex(), mixed);
  const std::string bad_ones[] = {"",
                                  kHex,
                                  "sha256:" + kHex + "a",
                                  "SHA256:" + kHex,
                                  "sha512:" + kHex,
                                  "sha256:" + std::string(64, 'g'),
                                  "sha256:" + std::string(64, '/'),
                                  "sha256:../../../../etc/passwd",
                                  " sha256:" + kHex,
                                  "sha256:" + kHex + "\n"};
  for (const std::string& bad : bad_ones) {
    EXPECT_FALSE(Digest::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace recap::image
