// SPDX-License-Identifier: Apache-2.0
#include "image/confine.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include <gtest/gtest.h>

#include "image/test_support.h"
#include "linux/credentials.h"
#include "linux/fs.h"

namespace recap::image {
namespace {

using testing::TempDir;

// What went wrong first in a process that is confined; 0: nothing.
int trouble_of_confined(const Store& store, const std::string& input, const std::string& outside) {
  const auto dir = linux::open_dir_at(linux::kCwd, input.c_str());
  if (!dir || !confine(store, dir->get())) {
    return 1;
  }
  const int root = store.root().get();
  const int file = openat(root, "file", O_CREAT | O_RDWR, 0600);
  if (file < 0 || fchown(file, 12345, 12345) != 0 || fchmod(file, 0640) != 0 ||
      fsetxattr(file, "trusted.recap.test", "1", 1, 0) != 0) {
    return 2;
  }
  if (mkdirat(root, "dir", 0700) != 0 || renameat(root, "file", root, "dir/file") != 0) {
    return 3;
  }
  if (open((input + "/blob").c_str(), O_RDONLY) < 0) {
    return 4;
  }
  const bool is_kept =
      linux::landlock_abi() < 2 || (open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES &&
                                    open(outside.c_str(), O_WRONLY) < 0 && errno == EACCES);
  if (!is_kept) {
    return 5;
  }
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM) {
    return 6;
  }
  char* const none[] = {nullptr};
  return execve("/bin/true", none, none) == -1 && errno == EPERM && setuid(12345) != 0 ? 0 : 7;
}

TEST(Confine, KeepsWhatUnpackingTakesAndNothingElse) {
  const TempDir dir;
  testing::write_file(dir / "input/blob", "x");
  testing::write_file(dir / "outside", "x");
  auto store = Store::open(dir / "store", Lock::kShared);
  ASSERT_TRUE(store) << store.error().message();
  const pid_t child = fork();
  if (child == 0) {
    _exit(trouble_of_confined(*store, dir / "input", dir / "outside"));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace recap::image
