// SPDX-License-Identifier: Apache-2.0
// The names are the kernel's, the list of grantable ones is ours (docs/threat-model.md).
#include "policy/capabilities.h"

#include <linux/capability.h>

#include <array>
#include <cstddef>

#include "policy/words.h"

namespace recap::policy {
namespace {

// Indexed by the kernel's numbers (capability.h).
constexpr std::array<std::string_view, 41> kNames = {"CHOWN",
                                                     "DAC_OVERRIDE",
                                                     "DAC_READ_SEARCH",
                                                     "FOWNER",
                                                     "FSETID",
                                                     "KILL",
                                                     "SETGID",
                                                     "SETUID",
                                                     "SETPCAP",
                                                     "LINUX_IMMUTABLE",
                                                     "NET_BIND_SERVICE",
                                                     "NET_BROADCAST",
                                                     "NET_ADMIN",
                                                     "NET_RAW",
                                                     "IPC_LOCK",
                                                     "IPC_OWNER",
                                                     "SYS_MODULE",
                                                     "SYS_RAWIO",
                                                     "SYS_CHROOT",
                                                     "SYS_PTRACE",
                                                     "SYS_PACCT",
                                                     "SYS_ADMIN",
                                                     "SYS_BOOT",
                                                     "SYS_NICE",
                                                     "SYS_RESOURCE",
                                                     "SYS_TIME",
                                                     "SYS_TTY_CONFIG",
                                                     "MKNOD",
                                                     "LEASE",
                                                     "AUDIT_WRITE",
                                                     "AUDIT_CONTROL",
                                                     "SETFCAP",
                                                     "MAC_OVERRIDE",
                                                     "MAC_ADMIN",
                                                     "SYSLOG",
                                                     "WAKE_ALARM",
                                                     "BLOCK_SUSPEND",
                                                     "AUDIT_READ",
                                                     "PERFMON",
                                                     "BPF",
                                                     "CHECKPOINT_RESTORE"};
static_assert(kNames[CAP_CHECKPOINT_RESTORE] == "CHECKPOINT_RESTORE");
static_assert(kNames[CAP_NET_RAW] == "NET_RAW" && kNames[CAP_SYS_PTRACE] == "SYS_PTRACE");

constexpr CapabilitySet kGrantable =
    capability(CAP_CHOWN) | capability(CAP_DAC_OVERRIDE) | capability(CAP_DAC_READ_SEARCH) |
    capability(CAP_FOWNER) | capability(CAP_FSETID) | capability(CAP_KILL) |
    capability(CAP_SETGID) | capability(CAP_SETUID) | capability(CAP_NET_BIND_SERVICE) |
    capability(CAP_NET_ADMIN) | capability(CAP_NET_RAW) | capability(CAP_IPC_OWNER) |
    capability(CAP_SYS_PTRACE) | capability(CAP_SYS_NICE);

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

base::Result<CapabilitySet> parse_one(std::string_view word) {
  std::string name;
  for (const char c : word.substr(0, 64)) {
    name += upper(c);
  }
  if (name.starts_with("CAP_")) {
    name.erase(0, 4);
  }
  for (std::size_t number = 0; number < kNames.size(); ++number) {
    if (kNames[number] != name) {
      continue;
    }
    const CapabilitySet bit = capability(static_cast<unsigned>(number));
    if ((bit & kGrantable) == 0) {
      return base::Error(base::Kind::kDenied,
                         base::concat<400>("capability ", name,
                                           " is never granted: it reaches beyond the target; "
                                           "grantable are ",
                                           to_text(kGrantable)));
    }
    return bit;
  }
  return base::Error(base::Kind::kInvalid,
                     base::concat<400>("there is no capability '", word.substr(0, 64),
                                       "': grantable are ", to_text(kGrantable)));
}

}  // namespace

CapabilitySet grantable_capabilities() { return kGrantable; }

base::Result<CapabilitySet> parse_capabilities(std::string_view text) {
  if (text == "none") {
    return kNoCapability;
  }
  CapabilitySet set = kNoCapability;
  base::Status ok = each_word(text, [&](std::string_view word) -> base::Status {
    set |= RECAP_TRY(parse_one(word));
    return {};
  });
  if (!ok) {
    return std::move(ok).error();
  }
  return set;
}

std::string capability_name(unsigned number) {
  return number < kNames.size() ? std::string(kNames[number])
                                : std::string(base::concat<16>("CAP_", number).view());
}

std::string to_text(CapabilitySet set) {
  std::string text;
  each_capability(set, [&](const std::string& name) {
    text += text.empty() ? "" : ",";
    text += name;
  });
  return text.empty() ? "none" : text;
}

}  // namespace recap::policy
