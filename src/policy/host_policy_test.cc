// SPDX-License-Identifier: Apache-2.0
#include "policy/host_policy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <span>

#include <gtest/gtest.h>

#include "linux/fs.h"

namespace recap::policy {
namespace {

HostPolicy example() {
  HostPolicy policy;
  policy.name = "ops";
  policy.targets.requirements = {{"app", LabelRequirement::Operator::kNotIn, {"db", "vault"}}};
  policy.users = {"alice"};
  policy.functions = {"*"};
  policy.images = {"registry/x/*"};
  policy.allow.capabilities = 6;
  policy.allow.views = {run::View::kNothing, run::View::kMerged};
  policy.allow.host_namespaces = true;
  policy.max.memory_bytes = 1 << 20;
  policy.max.deadline_s = 60;
  return policy;
}

class HostPolicyFile : public ::testing::Test {
 protected:
  HostPolicyFile() {
    std::string folder = ::testing::TempDir() + "policyXXXXXX";
    source_ = std::string(mkdtemp(folder.data())) + "/policy.yaml";
    compiled_ = source_ + ".compiled";
    write(source_, "text");
  }

  static void write(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  void compile(const std::vector<HostPolicy>& policies) {
    const auto file = linux::open_at(linux::kCwd, source_.c_str(), O_RDONLY);
    const auto state = state_of_policy(file->get(), source_);
    ASSERT_TRUE(state) << state.error().message();
    const auto bytes = encode(*state, policies);
    write(compiled_, {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  }
  [[nodiscard]] HostPolicies read() const {
    auto out = read_host_policies(source_, compiled_);
    EXPECT_TRUE(out) << out.error().message();
    return out ? *std::move(out) : HostPolicies();
  }

  std::string source_, compiled_;
};

TEST_F(HostPolicyFile, SaysWhatWasCompiled) {
  compile({example(), example()});
  const HostPolicies read_back = read();
  EXPECT_TRUE(read_back.exist);
  ASSERT_TRUE(read_back.current);
  ASSERT_EQ(read_back.policies.size(), 2U);
  const HostPolicy& policy = read_back.policies[1];
  EXPECT_EQ(policy.name, "ops");
  ASSERT_EQ(policy.targets.requirements.size(), 1U);
  EXPECT_EQ(policy.targets.requirements[0].values, (std::vector<std::string>{"db", "vault"}));
  EXPECT_TRUE(policy.targets.matches({{"app", "web"}}));
  EXPECT_FALSE(policy.targets.matches({{"app", "db"}}));
  EXPECT_EQ(policy.users, std::vector<std::string>{"alice"});
  EXPECT_EQ(policy.images, std::vector<std::string>{"registry/x/*"});
  EXPECT_EQ(policy.allow.capabilities, 6U);
  EXPECT_EQ(policy.allow.views, (std::vector{run::View::kNothing, run::View::kMerged}));
  EXPECT_EQ(policy.allow.read_paths, std::vector<std::string>{"/"});
  EXPECT_TRUE(policy.allow.host_namespaces);
  EXPECT_FALSE(policy.allow.privileged_targets);
  EXPECT_EQ(policy.max.memory_bytes, 1U << 20);
  EXPECT_EQ(policy.max.pids, std::nullopt);
  EXPECT_EQ(policy.max.deadline_s, 60);
}

TEST_F(HostPolicyFile, NoFileIsNoPolicy) {
  compile({example()});
  ASSERT_EQ(unlink(source_.c_str()), 0);
  EXPECT_FALSE(read().exist);
}

TEST_F(HostPolicyFile, AChangedSourceIsStale) {
  compile({example()});
  EXPECT_TRUE(read().current);
  usleep(20'000);  // more than a tick, in which two changes could have one time
  write(source_, "else");
  EXPECT_TRUE(read().exist);
  EXPECT_FALSE(read().current);
}

TEST_F(HostPolicyFile, WhatOthersMayWriteIsRefused) {
  compile({example()});
  ASSERT_EQ(chmod(source_.c_str(), 0666), 0);
  EXPECT_FALSE(read_host_policies(source_, compiled_));
  ASSERT_EQ(chmod(source_.c_str(), 0644), 0);
  ASSERT_EQ(chown(source_.c_str(), 1000, 0), 0);
  EXPECT_FALSE(read_host_policies(source_, compiled_));
}

TEST_F(HostPolicyFile, ADamagedOneIsStale) {
  compile({example()});
  std::ifstream file(compiled_, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (std::size_t length = 0; length < text.size(); ++length) {
    write(compiled_, std::string_view(text).substr(0, length));
    EXPECT_FALSE(read().current) << length;
  }
  for (std::size_t at = 0; at < text.size(); ++at) {  // read without harm, whatever it says then
    std::string other = text;
    other[at] = static_cast<char>(other[at] ^ 0xff);
    write(compiled_, other);
    (void)read();
  }
  write(compiled_, text + "x");
  EXPECT_FALSE(read().current);
}

}  // namespace
}  // namespace recap::policy
