// SPDX-License-Identifier: Apache-2.0
#include "policy/grant.h"

#include <linux/capability.h>

#include <gtest/gtest.h>

namespace recap::policy {
namespace {

const TargetFacts kContainer{.name = "web", .host_shares = run::kShareUser | run::kShareCgroup};
const TargetFacts kHostNet{.name = "web", .host_shares = run::kShareNet | run::kShareUts};

base::Result<Grant> decide_plain(const Request& user, const Request& function = {},
                                 const TargetFacts& target = kContainer) {
  return decide(user, function, target, root_ceiling(false));
}

TEST(Grant, OfAnUnknownImageIsNothing) {
  auto grant = decide_plain({});
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->capabilities, kNoCapability);
  EXPECT_EQ(grant->view, run::View::kNothing);
  EXPECT_EQ(grant->run_as, run::RunAs::kReserved);
  EXPECT_EQ(grant->profile, run::Profile::kRestricted);
  EXPECT_EQ(grant->share, kDefaultShare);
  EXPECT_TRUE(grant->paths.empty());
}

TEST(Grant, TakesTheFunctionsDefaultsWhereTheUserSaysNothing) {
  const Request function{.share = run::kShareNet,
                         .capabilities = capability(CAP_NET_RAW),
                         .profile = run::Profile::kNet};
  auto grant = decide_plain({}, function);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->share, run::kShareNet);
  EXPECT_EQ(grant->capabilities, capability(CAP_NET_RAW));
  EXPECT_EQ(grant->profile, run::Profile::kNet);
}

TEST(Grant, TheUsersFlagsReplaceTheDefaults) {
  const Request function{.capabilities = capability(CAP_NET_RAW), .profile = run::Profile::kNet};
  auto less = decide_plain({.capabilities = kNoCapability}, function);
  ASSERT_TRUE(less);
  EXPECT_EQ(less->capabilities, kNoCapability);
  EXPECT_EQ(less->profile, run::Profile::kRestricted);
  auto other = decide_plain({.capabilities = capability(CAP_SYS_PTRACE)}, function);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->profile, run::Profile::kTrace);
}

TEST(Grant, AboveTheCeilingIsRefusedNotNarrowed) {
  Ceiling ceiling;
  ceiling.capabilities = capability(CAP_NET_RAW);
  ceiling.root_user = false;
  ceiling.share = run::kShareNet;
  const Request fine{.share = run::kShareNet, .capabilities = capability(CAP_NET_RAW)};
  EXPECT_TRUE(decide(fine, {}, kContainer, ceiling));
  Request above = fine;
  above.capabilities = capability(CAP_NET_RAW) | capability(CAP_KILL);
  EXPECT_FALSE(decide(above, {}, kContainer, ceiling));
  above = fine;
  above.run_as = run::RunAs::kRoot;
  EXPECT_FALSE(decide(above, {}, kContainer, ceiling));
  above = fine;
  above.share = run::kShareNet | run::kSharePid;
  EXPECT_FALSE(decide(above, {}, kContainer, ceiling));
}

TEST(Grant, TheUserOfARootTargetIsRoot) {
  Ceiling ceiling;
  ceiling.root_user = false;
  const Request as_target{.run_as = run::RunAs::kTarget};
  const TargetFacts root{.name = "web", .root = true};
  const TargetFacts app{.name = "web", .root = false};
  auto refused = decide(as_target, {}, root, ceiling);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), base::Kind::kDenied);
  EXPECT_FALSE(decide({}, as_target, root, ceiling));
  EXPECT_TRUE(decide(as_target, {}, app, ceiling));
  EXPECT_TRUE(decide(as_target, {}, root, root_ceiling(false)));
  ceiling.target_user = false;
  EXPECT_FALSE(decide(as_target, {}, app, ceiling));
}

TEST(Grant, TheCeilingBindsAFunctionsDefaultsToo) {
  Ceiling ceiling;
  ceiling.capabilities = kNoCapability;
  EXPECT_FALSE(decide({}, {.capabilities = capability(CAP_NET_RAW)}, kContainer, ceiling));
}

TEST(Grant, NoPtraceOverTheMergedView) {
  const Request both{.view = run::View::kMerged, .capabilities = capability(CAP_SYS_PTRACE)};
  auto grant = decide_plain(both);
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind(), base::Kind::kDenied);
  EXPECT_FALSE(
      decide_plain({.view = run::View::kMerged}, {.capabilities = capability(CAP_SYS_PTRACE)}));
  EXPECT_FALSE(decide_plain({.view = run::View::kMerged, .profile = run::Profile::kTrace}));
  EXPECT_TRUE(decide_plain({.view = run::View::kMerged, .profile = run::Profile::kNet}));
}

TEST(Grant, HostNamespacesNeedConsent) {
  auto grant = decide_plain({}, {}, kHostNet);
  ASSERT_FALSE(grant);
  EXPECT_NE(grant.error().message().find("--allow-host-namespaces"), std::string_view::npos);
  EXPECT_NE(grant.error().message().find("--share pid,ipc,uts"), std::string_view::npos);
  EXPECT_TRUE(decide({}, {}, kHostNet, root_ceiling(true)));
  EXPECT_TRUE(decide_plain({.share = run::kSharePid | run::kShareUts}, {}, kHostNet));
}

TEST(Grant, FilesInTheHostsMountNamespaceNeedConsentToo) {
  const TargetFacts process{.name = "pid:7", .host_mounts = true};
  EXPECT_TRUE(decide_plain({}, {}, process));
  for (const Request& user :
       {Request{.view = run::View::kTarget}, Request{.view = run::View::kMerged},
        Request{.paths = {{{"/etc", false}}}}}) {
    auto grant = decide_plain(user, {}, process);
    ASSERT_FALSE(grant);
    EXPECT_EQ(grant.error().kind(), base::Kind::kDenied);
    EXPECT_NE(grant.error().message().find("mnt namespace"), std::string_view::npos);
    EXPECT_NE(grant.error().message().find("--allow-host-namespaces"), std::string_view::npos);
    EXPECT_TRUE(decide(user, {}, process, root_ceiling(true)));
    EXPECT_TRUE(decide_plain(user));
  }
}

TEST(Grant, AWritablePathBringsTheFilesProfile) {
  Request user;
  user.paths = {{"/var/log", true}};
  EXPECT_EQ(decide_plain(user)->profile, run::Profile::kFiles);
  user.paths = {{"/var/log", false}};
  EXPECT_EQ(decide_plain(user)->profile, run::Profile::kRestricted);
  user.profile = run::Profile::kTrace;
  EXPECT_EQ(decide_plain(user)->profile, run::Profile::kTrace);
}

TEST(Grant, HasABoundOnPaths) {
  Request user;
  user.paths.emplace(run::kMaxPaths, PathGrant{"/etc", false});
  EXPECT_TRUE(decide_plain(user));
  user.paths->push_back({"/var", false});
  EXPECT_FALSE(decide_plain(user));
}

TEST(CleanPath, IsAbsoluteAndPlain) {
  EXPECT_EQ(*clean_path("/var//log/./nginx/"), "/var/log/nginx");
  EXPECT_EQ(*clean_path("/a"), "/a");
  EXPECT_EQ(*clean_path("/..a/b.."), "/..a/b..");
  for (const char* bad : {"", "var/log", "/", "//", "/.", "/var/../etc", "/..", "./x"}) {
    EXPECT_FALSE(clean_path(bad)) << bad;
  }
  EXPECT_FALSE(clean_path("/" + std::string(5000, 'x')));
}

}  // namespace
}  // namespace recap::policy
