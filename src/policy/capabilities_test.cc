// SPDX-License-Identifier: Apache-2.0
#include "policy/capabilities.h"

#include <linux/capability.h>

#include <gtest/gtest.h>

namespace recap::policy {
namespace {

TEST(Capabilities, AreReadInEverySpelling) {
  for (const char* text : {"NET_RAW", "CAP_NET_RAW", "net_raw", "Cap_Net_Raw"}) {
    auto set = parse_capabilities(text);
    ASSERT_TRUE(set) << text;
    EXPECT_EQ(*set, capability(CAP_NET_RAW)) << text;
  }
  EXPECT_EQ(*parse_capabilities("NET_RAW,SYS_PTRACE"),
            capability(CAP_NET_RAW) | capability(CAP_SYS_PTRACE));
  EXPECT_EQ(*parse_capabilities("none"), kNoCapability);
}

TEST(Capabilities, BeyondTheTargetAreDenied) {
  for (const char* text : {"SYS_ADMIN", "SYS_MODULE", "MKNOD", "SETFCAP", "SYS_TIME", "BPF",
                           "SYS_RAWIO", "MAC_ADMIN", "WAKE_ALARM", "NET_RAW,SYS_ADMIN"}) {
    auto set = parse_capabilities(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().kind(), base::Kind::kDenied) << text;
  }
}

TEST(Capabilities, UnknownOnesAreInvalid) {
  for (const char* text : {"", ",", "NET_RAW,", "NET RAW", "ALL", "41", "CAP_", "CAP_CAP_KILL"}) {
    auto set = parse_capabilities(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().kind(), base::Kind::kInvalid) << text;
  }
}

TEST(Capabilities, EveryGrantableOneIsReadBackFromItsName) {
  each_capability(grantable_capabilities(), [](const std::string& name) {
    auto set = parse_capabilities(name);
    ASSERT_TRUE(set) << name;
    EXPECT_EQ(to_text(*set), name);
  });
  EXPECT_EQ(to_text(kNoCapability), "none");
  EXPECT_EQ(capability_name(63), "CAP_63");
}

}  // namespace
}  // namespace recap::policy
