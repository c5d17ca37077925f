// SPDX-License-Identifier: Apache-2.0
// The small parsers of the command line: RUN:PATH, the catalogue, cgroup mounts.
#include <gtest/gtest.h>

#include "cli/catalog.h"
#include "cli/doctor.h"
#include "cli/run_path.h"

namespace recap::cli {
namespace {

TEST(ParseRunPath, SplitsAtTheFirstColon) {
  EXPECT_EQ(parse_run_path("3f2a:/tmp/x").run, "3f2a");
  EXPECT_EQ(parse_run_path("3f2a:/tmp/x").path, "/tmp/x");
  EXPECT_EQ(parse_run_path("3f2a:a:b").path, "a:b");
  EXPECT_EQ(parse_run_path("3f2a:").path, "/");
  for (const std::string_view local : {"x", "./a:b", "/a:b", "dir/a:b", ":x", "-"}) {
    EXPECT_EQ(parse_run_path(local).run, "") << local;
    EXPECT_EQ(parse_run_path(local).path, local);
  }
}

TEST(LastName, IsTheLastComponent) {
  EXPECT_EQ(last_name("/tmp/x"), "x");
  EXPECT_EQ(last_name("x"), "x");
  for (const std::string_view none : {"", "/", "a/", "a/.", "..", "."}) {
    EXPECT_EQ(last_name(none), "") << none;
  }
  EXPECT_EQ(parent_of("/tmp/x"), "/tmp");
  EXPECT_EQ(parent_of("/x"), "/");
  EXPECT_EQ(parent_of("x"), ".");
}

TEST(ParseCatalog, ReadsLines) {
  const auto functions = parse_catalog(
      "# a comment\n"
      "sha256:bb tcpdump Packets of the target's network\n"
      "\n"
      "sha256:aa ps\n"
      "sha256:cc\n");
  ASSERT_EQ(functions.size(), 2U);
  EXPECT_EQ(functions[0].name, "ps");
  EXPECT_EQ(functions[0].description, "");
  EXPECT_EQ(functions[1].digest, "sha256:bb");
  EXPECT_EQ(functions[1].description, "Packets of the target's network");
  EXPECT_TRUE(matches(functions[1], "NETWORK"));
  EXPECT_TRUE(matches(functions[1], ""));
  EXPECT_FALSE(matches(functions[0], "network"));
}

TEST(CgroupMounts, ReadsMountinfo) {
  const auto mounts = cgroup_mounts(
      "22 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "30 22 0:26 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
      "31 22 0:27 / /sys/fs/cgroup/unified rw - cgroup2 none rw,nsdelegate,favordynmods\n"
      "broken line\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].path, "/sys/fs/cgroup/memory");
  EXPECT_EQ(mounts[0].options, "rw,memory");
  EXPECT_FALSE(mounts[0].v2);
  EXPECT_EQ(mounts[1].path, "/sys/fs/cgroup/unified");
  EXPECT_TRUE(mounts[1].v2);
}

}  // namespace
}  // namespace recap::cli
