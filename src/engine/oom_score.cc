// SPDX-License-Identifier: Apache-2.0
#include "engine/oom_score.h"

#include <array>
#include <string_view>

#include "base/fixed_string.h"
#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::engine {

Status take_oom_score_in_child(int proc, std::uint32_t target) {
  const auto path = base::concat<64>(target, "/oom_score_adj");
  std::array<char, 16> buffer;
  const auto text = linux::read_file_at(proc, path.c_str(), buffer);
  std::string_view rest = text ? *text : std::string_view();  // a target that is gone ends the run
  // A negative number, which protects, is no number here.
  const std::uint64_t score = linux::parse_number(linux::next_word(rest)).value_or(0);
  const Status written =
      linux::write_file_at(proc, "self/oom_score_adj", base::concat<16>(score).view());
  // To go below what one was started with needs CAP_SYS_RESOURCE: without it one goes first.
  return written || written.error().kind() == base::Kind::kDenied ? Status() : written;
}

}  // namespace recap::engine
