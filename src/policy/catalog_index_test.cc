// SPDX-License-Identifier: Apache-2.0
#include "policy/catalog_index.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace recap::policy {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

TEST(CatalogIndex, FindsAFunctionByItsWholeDigest) {
  const std::string index = kA + " tcpdump\n" + kB + " strace";
  EXPECT_EQ(function_in(index, kA), "tcpdump");
  EXPECT_EQ(function_in(index, kB), "strace");
}

TEST(CatalogIndex, NeverMatchesAPart) {
  const std::string index = kA + " tcpdump\n";
  EXPECT_EQ(function_in(index, kA.substr(0, 20)), "");
  EXPECT_EQ(function_in(index, kB), "");
  EXPECT_EQ(function_in(index, ""), "");
  EXPECT_EQ(function_in(index, kA + " tcpdump"), "");
  EXPECT_EQ(function_in(index, "tcpdump"), "");
  EXPECT_EQ(function_in(kA + "\n" + kA + " \n", kA), "");
}

class IndexFile : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_FAIL() << "the index must belong to root: run this test as root";
    }
    std::snprintf(path_, sizeof path_, "%s", "/tmp/recap-index-XXXXXX");
    const int fd = ::mkstemp(path_);
    ASSERT_GE(fd, 0);
    const std::string text = kA + " tcpdump\n";
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  void TearDown() override { ::unlink(path_); }
  char path_[64] = {};
};

TEST_F(IndexFile, IsRead) {
  auto function = function_of(path_, kA);
  ASSERT_TRUE(function);
  EXPECT_EQ(*function, "tcpdump");
}

TEST_F(IndexFile, ThatOthersCanWriteIsRefused) {
  ASSERT_EQ(::chmod(path_, 0620), 0);
  auto function = function_of(path_, kA);
  ASSERT_FALSE(function);
  EXPECT_EQ(function.error().kind(), base::Kind::kDenied);
}

TEST_F(IndexFile, OfAnotherUserIsRefused) {
  ASSERT_EQ(::chown(path_, 1000, 0), 0);
  EXPECT_FALSE(function_of(path_, kA));
}

TEST_F(IndexFile, ThatIsMissingHasNoFunctions) {
  auto function = function_of(std::string(path_) + ".none", kA);
  ASSERT_TRUE(function);
  EXPECT_EQ(*function, "");
}

}  // namespace
}  // namespace recap::policy
