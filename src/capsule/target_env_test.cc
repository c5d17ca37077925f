// SPDX-License-Identifier: Apache-2.0
#include "capsule/target_env.h"

#include <gtest/gtest.h>

namespace recap::capsule {
namespace {

using namespace std::string_view_literals;

TEST(TargetEnv, keeps_plain_variables) {
  EXPECT_EQ(safe_variables("A=1\0B=two words\0"sv),
            (std::vector<std::string>{"A=1", "B=two words"}));
}

TEST(TargetEnv, drops_what_would_run_code_and_what_is_no_variable) {
  EXPECT_TRUE(
      safe_variables("LD_PRELOAD=/x.so\0LD_AUDIT=y\0PATH=/evil\0BASH_ENV=z\0noequals\0=x\0"sv)
          .empty());
}

}  // namespace
}  // namespace recap::capsule
