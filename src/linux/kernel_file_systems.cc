// SPDX-License-Identifier: Apache-2.0
#include "linux/kernel_file_systems.h"

#include <linux/magic.h>

#include "linux/fs.h"

namespace recap::linux {

namespace {

struct Type {
  std::string_view name;
  std::int64_t magic;  // f_type of statfs(2)
};

constexpr Type kKernelTypes[] = {
    {"proc", PROC_SUPER_MAGIC},
    {"sysfs", SYSFS_MAGIC},
    {"cgroup", CGROUP_SUPER_MAGIC},
    {"cgroup2", CGROUP2_SUPER_MAGIC},
    {"devpts", DEVPTS_SUPER_MAGIC},
    {"mqueue", 0x19800202},
    {"debugfs", DEBUGFS_MAGIC},
    {"tracefs", TRACEFS_MAGIC},
    {"bpf", BPF_FS_MAGIC},
    {"binder", BINDERFS_SUPER_MAGIC},
    {"securityfs", SECURITYFS_MAGIC},
    {"selinuxfs", SELINUX_MAGIC},
    {"smackfs", SMACK_MAGIC},
    {"configfs", 0x62656570},
    {"fusectl", 0x65735543},
    {"pstore", PSTOREFS_MAGIC},
    {"efivarfs", EFIVARFS_MAGIC},
    {"resctrl", RDTGROUP_SUPER_MAGIC},
    {"hugetlbfs", HUGETLBFS_MAGIC},
    {"binfmt_misc", BINFMTFS_MAGIC},
    {"nsfs", NSFS_MAGIC},
    {"pidfs", 0x50494446},
    {"autofs", AUTOFS_SUPER_MAGIC},
    {"nfsd", 0x6e667364},
    {"rpc_pipefs", 0x67596969},
    {"functionfs", 0xa647361},
    {"gadgetfs", 0xaee71ee7},
    {"ocfs2_dlmfs", 0x76a9f425},
    {"usbfs", USBDEVICE_SUPER_MAGIC},
    {"xenfs", XENFS_SUPER_MAGIC},
    {"openpromfs", OPENPROM_SUPER_MAGIC},
    {"devtmpfs", -1},  // calls itself a tmpfs there
};

}  // namespace

bool is_of_the_kernel(std::string_view type) {
  for (const Type& known : kKernelTypes) {
    if (type == known.name) {
      return true;
    }
  }
  return false;
}

bool is_of_the_kernel(std::int64_t f_type) {
  for (const Type& known : kKernelTypes) {
    if (f_type == known.magic) {
      return true;
    }
  }
  return false;
}

Result<bool> is_on_the_kernels(int fd) { return is_of_the_kernel(RECAP_TRY(filesystem_type(fd))); }

}  // namespace recap::linux
