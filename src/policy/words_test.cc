// SPDX-License-Identifier: Apache-2.0
#include "policy/words.h"

#include <gtest/gtest.h>

namespace recap::policy {
namespace {

TEST(Share, IsReadAndWritten) {
  EXPECT_EQ(*parse_share("net,pid"), run::kShareNet | run::kSharePid);
  EXPECT_EQ(*parse_share("none"), 0);
  EXPECT_EQ(share_text(*parse_share("pid,net")), "net,pid");
  EXPECT_EQ(share_text(0), "none");
}

TEST(Share, AllLeavesTheUserNamespaceOut) {
  EXPECT_EQ(*parse_share("all") & run::kShareUser, 0);
  EXPECT_EQ(share_text(*parse_share("all")), "net,pid,ipc,uts,cgroup");
}

TEST(Share, RefusesOtherWords) {
  for (const char* text : {"", "mnt", "net,", ",net", "net,none", "NET", "net pid"}) {
    EXPECT_FALSE(parse_share(text)) << text;
  }
}

TEST(Words, AreReadInBothDirections) {
  for (const auto view : {run::View::kNothing, run::View::kTarget, run::View::kMerged}) {
    EXPECT_EQ(*parse_view(name_of(view)), view);
  }
  for (const auto who : {run::RunAs::kReserved, run::RunAs::kTarget, run::RunAs::kRoot}) {
    EXPECT_EQ(*parse_run_as(name_of(who)), who);
  }
  for (const auto profile : {run::Profile::kRestricted, run::Profile::kNet, run::Profile::kTrace,
                             run::Profile::kFiles}) {
    EXPECT_EQ(*parse_profile(name_of(profile)), profile);
  }
}

TEST(Words, SayWhatTheChoicesAre) {
  auto view = parse_view("host");
  ASSERT_FALSE(view);
  EXPECT_NE(view.error().message().find("nothing, target, merged"), std::string_view::npos);
}

}  // namespace
}  // namespace recap::policy
