// SPDX-License-Identifier: Apache-2.0
#include "policy/image_defaults.h"

#include <linux/capability.h>

#include <gtest/gtest.h>

namespace recap::policy {
namespace {

TEST(ImageDefaults, AreReadFromLabels) {
  auto request = defaults_of({{"dev.recap.share", "net"},
                              {"dev.recap.view", "target"},
                              {"dev.recap.capabilities", "NET_RAW"},
                              {"dev.recap.user", "target"},
                              {"dev.recap.profile", "net"},
                              {"dev.recap.paths", "/var/log:rw,/etc/nginx"},
                              {"org.opencontainers.image.title", "tcpdump"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->share, run::kShareNet);
  EXPECT_EQ(request->view, run::View::kTarget);
  EXPECT_EQ(request->capabilities, capability(CAP_NET_RAW));
  EXPECT_EQ(request->run_as, run::RunAs::kTarget);
  EXPECT_EQ(request->profile, run::Profile::kNet);
  ASSERT_EQ(request->paths->size(), 2U);
  EXPECT_TRUE((*request->paths)[0].writable);
  EXPECT_EQ((*request->paths)[0].path, "/var/log");
  EXPECT_FALSE((*request->paths)[1].writable);
}

TEST(ImageDefaults, AreEmptyWithoutLabels) {
  auto request = defaults_of({{"dev.recap.view", ""}});
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->share || request->view || request->paths || request->capabilities ||
               request->run_as || request->profile);
}

TEST(ImageDefaults, ThatCannotBeReadAreAnErrorThatNamesTheLabel) {
  auto request = defaults_of({{"dev.recap.capabilities", "SYS_ADMIN"}});
  ASSERT_FALSE(request);
  EXPECT_NE(request.error().message().find("dev.recap.capabilities"), std::string_view::npos);
  EXPECT_FALSE(defaults_of({{"dev.recap.paths", "var/log"}}));
  EXPECT_FALSE(defaults_of({{"dev.recap.share", "everything"}}));
}

}  // namespace
}  // namespace recap::policy
