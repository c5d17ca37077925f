// SPDX-License-Identifier: Apache-2.0
#include "engine/target_files.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace recap::engine {
namespace {

std::vector<std::string> volumes(std::string mountinfo) {
  std::vector<char> exact(mountinfo.begin(), mountinfo.end());  // a sanitizer sees its end
  const VolumeList list = volumes_in(exact);
  return {list.paths.begin(), list.paths.begin() + static_cast<std::ptrdiff_t>(list.count)};
}

TEST(VolumesIn, AreStoredFilesOnly) {
  EXPECT_EQ(volumes("1 0 0:20 / / rw - overlay overlay rw\n"
                    "2 1 8:1 /v /data rw,noatime shared:1 master:2 - ext4 /dev/sda1 rw\n"
                    "3 1 0:5 / /dev rw - tmpfs tmpfs rw\n"
                    "4 1 0:6 / /proc rw - proc proc rw\n"
                    "5 1 0:7 / /remote rw - fuse.sshfs host: rw\n"),
            std::vector<std::string>{"/data"});
}

TEST(VolumesIn, UndoesTheKernelsEscapes) {
  EXPECT_EQ(volumes("2 1 8:1 / /a\\040b\\134c rw - ext4 /dev/sda1 rw"),
            std::vector<std::string>{"/a b\\c"});
}

TEST(VolumesIn, StaysWithinADamagedText) {
  EXPECT_TRUE(volumes("1 - 2 3 /point").empty());
  EXPECT_TRUE(volumes("1 2 3 4 /point rw").empty());
  EXPECT_TRUE(volumes(" - ext4").empty());
}

}  // namespace
}  // namespace recap::engine
