// SPDX-License-Identifier: Apache-2.0
// The words of shares, views, users and profiles, as people write and read them: in flags, in
// labels of images, in reports.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "run/spec.h"

namespace recap::policy {

// "net,pid", "none", "all" (everything but user, which is only ever shared by name).
base::Result<std::uint8_t> parse_share(std::string_view text);
base::Result<run::View> parse_view(std::string_view text);        // nothing, target, merged
base::Result<run::RunAs> parse_run_as(std::string_view text);     // reserved, target, root
base::Result<run::Profile> parse_profile(std::string_view text);  // restricted, net, trace, files

std::string_view name_of(run::View view);
std::string_view name_of(run::RunAs run_as);
std::string_view name_of(run::Profile profile);

// Calls `visit(name)` for each share in `bits`: "net", "pid", …
template <typename F>
void each_share(std::uint8_t bits, F&& visit);
std::string share_text(std::uint8_t bits);  // "net,pid"; "none"

// Calls `visit(word)` for each of the words between commas; kInvalid when one is empty.
template <typename F>
base::Status each_word(std::string_view text, F&& visit) {
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    if (word.empty()) {
      return base::Error(base::Kind::kInvalid, "a word is missing: separate words with one comma");
    }
    if (base::Status ok = visit(word); !ok) {
      return ok;
    }
    if (comma == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(comma + 1);
  }
}

struct ShareName {
  std::string_view name;
  std::uint8_t bit;
};
inline constexpr ShareName kShareNames[] = {
    {"net", run::kShareNet}, {"pid", run::kSharePid},       {"ipc", run::kShareIpc},
    {"uts", run::kShareUts}, {"cgroup", run::kShareCgroup}, {"user", run::kShareUser}};

template <typename F>
void each_share(std::uint8_t bits, F&& visit) {
  for (const ShareName& share : kShareNames) {
    if ((bits & share.bit) != 0) {
      visit(share.name);
    }
  }
}

}  // namespace recap::policy
