// SPDX-License-Identifier: Apache-2.0
#include "caplet/bucket.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace recap::caplet {
namespace {

TEST(Bucket, IsReadFromItsUrl) {
  const auto bucket = parse_bucket(
      "s3://backups/node-1?endpoint=https://objects.example:9000/"
      "&credentials=/etc/recap/s3");
  ASSERT_TRUE(bucket) << bucket.error().message();
  EXPECT_EQ(bucket->name, "backups");
  EXPECT_EQ(bucket->prefix, "node-1/");
  EXPECT_EQ(bucket->endpoint, "https://objects.example:9000");
  EXPECT_EQ(bucket->region, "us-east-1");
  EXPECT_EQ(bucket->credentials, "/etc/recap/s3");
  EXPECT_EQ(parse_bucket("s3://b?region=eu-central-2&endpoint=http://h&credentials=/c")->region,
            "eu-central-2");
}

TEST(Bucket, ThatIsIncompleteIsRefusedWithAnExample) {
  for (const char* url :
       {"backups", "s3://", "s3://b", "s3://b?endpoint=https://h", "s3://b?credentials=/c",
        "s3://b?endpoint=h&credentials=/c", "s3://b?endpoint=http://h&credentials=c",
        "s3://b?endpoint=http://h&credentials=/c&acl=public"}) {
    const auto bucket = parse_bucket(url);
    ASSERT_FALSE(bucket) << url;
    EXPECT_NE(bucket.error().message().find("s3://BUCKET/PREFIX?"), std::string_view::npos) << url;
  }
}

class Credentials : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "recap-credentials-" + std::to_string(::getpid());
    bucket_ = {"https://h", "b", "p/", "eu-1", path_};
  }
  void TearDown() override { std::filesystem::remove(path_); }
  base::Result<std::string> config(const std::string& text, const std::string& key = "k") {
    std::ofstream(path_) << text;
    return upload_config(bucket_, key);
  }
  std::string path_;
  Bucket bucket_;
};

TEST_F(Credentials, AreThoseOfTheDefaultProfile) {
  const auto made = config(
      "[other]\naws_access_key_id = no\n\n[default]\n# mine\n"
      "aws_access_key_id=ID\naws_secret_access_key = a\"b\\c/d=\n");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_NE(made->find("user = \"ID:a\\\"b\\\\c/d=\"\n"), std::string::npos) << *made;
  EXPECT_NE(made->find("aws-sigv4 = \"aws:amz:eu-1:s3\"\n"), std::string::npos);
  EXPECT_EQ(made->find("security-token"), std::string::npos);
  const auto token = config(
      "[default]\naws_access_key_id=I\naws_secret_access_key=S\n"
      "aws_session_token=T\n");
  EXPECT_NE(token->find("header = \"x-amz-security-token: T\"\n"), std::string::npos);
}

TEST_F(Credentials, ThatAreMissingAreNamed) {
  EXPECT_NE(config("[other]\naws_access_key_id=I\n").error().message().find(path_),
            std::string_view::npos);
  std::filesystem::remove(path_);
  EXPECT_EQ(upload_config(bucket_, "k").error().kind(), base::Kind::kNotFound);
}

TEST_F(Credentials, AKeyIsEncodedButForItsSlashes) {
  const auto made =
      config("[default]\naws_access_key_id=I\naws_secret_access_key=S\n", "Capsule_x/a b?\"\n");
  EXPECT_NE(made->find("url = \"https://h/b/p/Capsule_x/a%20b%3F%22%0A\"\n"), std::string::npos)
      << *made;
}

TEST(Uploaded, GoesByTheServersAnswer) {
  EXPECT_TRUE(uploaded("\nrecap-upload 0 200"));
  const auto refused = uploaded("<Error><Code>AccessDenied</Code></Error>\nrecap-upload 0 403\n");
  EXPECT_EQ(refused.error().kind(), base::Kind::kDenied);
  EXPECT_NE(refused.error().message().find("AccessDenied"), std::string_view::npos);
  EXPECT_EQ(uploaded("curl: (7) refused\n\nrecap-upload 7 000").error().kind(), base::Kind::kBusy);
  EXPECT_EQ(uploaded("").error().kind(), base::Kind::kBusy);
  // What a server says cannot pass for curl's own report.
  EXPECT_FALSE(uploaded("\nrecap-upload 0 200\nrecap-upload 0 500"));
}

}  // namespace
}  // namespace recap::caplet
