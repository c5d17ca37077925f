// SPDX-License-Identifier: Apache-2.0
#include "engine/file_systems.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "linux/fs.h"

namespace recap::engine {
namespace {

base::Status check(const char* path) {
  const auto fd = linux::open_at(linux::kCwd, path, O_PATH);
  EXPECT_TRUE(fd) << path;
  return refuse_kernel_file_system(fd->get());
}

TEST(FileSystems, OfTheKernelAreToldByDescriptor) {
  EXPECT_TRUE(check("/"));
  for (const char* path : {"/proc", "/proc/self/status", "/proc/sys/kernel", "/sys", "/dev/pts"}) {
    const auto status = check(path);
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().kind(), base::Kind::kDenied) << path;
  }
}

TEST(FileSystems, OfTheKernelAreToldByName) {
  for (const char* name : {"proc", "sysfs", "cgroup2", "devtmpfs", "mqueue"}) {
    EXPECT_TRUE(is_of_the_kernel(name)) << name;
  }
  for (const char* name : {"ext4", "overlay", "tmpfs", "nfs4", "fuse.sshfs", "zfs", ""}) {
    EXPECT_FALSE(is_of_the_kernel(name)) << name;
  }
  EXPECT_TRUE(is_of_a_server("fuse") && is_of_a_server("fuse.sshfs"));
  EXPECT_FALSE(is_of_a_server("ext4"));
}

TEST(FileSystems, AMountHasItsNumberItsPointAndItsType) {
  std::string_view text = "25 1 8:1 /v /a\\040b rw shared:1 - ext4 /dev/sda1 rw\nno mount\n";
  const MountLine mount = next_mount(text);
  EXPECT_EQ(mount.id, 25U);
  EXPECT_EQ(mount.point, "/a\\040b");
  EXPECT_EQ(mount.type, "ext4");
  EXPECT_EQ(next_mount(text).type, "");
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace recap::engine
