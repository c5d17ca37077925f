// SPDX-License-Identifier: Apache-2.0
// Any bytes as what /proc says of a process: stat, status, cgroup, mountinfo. The kernel escapes
// most of what a target can name, but comm, cgroups and mount points are a target's words.
#include <cstring>
#include <vector>

#include "check.h"
#include "engine/target_files.h"
#include "linux/proc.h"
#include "targets/cgroup.h"
#include "targets/process.h"
#include "targets/text.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

void read_mountinfo(std::string_view text) {
  std::vector<char> buffer(text.begin(), text.end());
  const engine::VolumeList volumes = engine::volumes_in(buffer);
  for (std::size_t i = 0; i < volumes.count; ++i) {
    const char* path = volumes.paths[i];
    check(path >= buffer.data() && path < buffer.data() + buffer.size());
    check(path + std::strlen(path) < buffer.data() + buffer.size());
  }
}

void read_cgroup(std::string_view text) {
  const std::string_view host = text.substr(0, text.find('\xff'));
  const std::string_view own = text.substr(std::min(host.size() + 1, text.size()));
  const auto owner = targets::container_of(own, host);
  if (owner) {
    check(targets::is_hex64(owner->id) && !owner->runtime.empty());
    check(targets::compare(own, host, owner->id, "") != targets::Naming::kNoContainer);
  }
  (void)targets::compare(own, host, "web", "/web");
}

void read_status(std::string_view text) {
  if (const auto stat = targets::parse_stat(text)) {
    check(stat->comm.size() < text.size());
  }
  (void)targets::parse_status(text);
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);
    while (!line.empty()) {
      const std::string_view word = linux::next_word(line);
      const auto number = linux::parse_number(word);
      check(!number || word.find_first_not_of("0123456789") == std::string_view::npos);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_mountinfo(text);
  read_cgroup(text);
  read_status(text);
  return 0;
}
