// SPDX-License-Identifier: Apache-2.0
#include "capsule/target_env.h"

#include <algorithm>

#include "linux/fs.h"

namespace recap::capsule {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{128} << 10;
constexpr std::string_view kRefusedPrefixes[] = {"LD_", "GLIBC_TUNABLES", "BASH_FUNC_", "MALLOC_"};
constexpr std::string_view kRefusedNames[] = {"PATH",     "BASH_ENV",      "ENV",     "SHELLOPTS",
                                              "IFS",      "GCONV_PATH",    "LOCPATH", "PYTHONPATH",
                                              "PERL5LIB", "PYTHONSTARTUP", "TERMINFO"};

bool is_safe(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return false;
  }
  const std::string_view name = word.substr(0, equals);
  return std::ranges::none_of(kRefusedPrefixes,
                              [&](auto prefix) { return name.starts_with(prefix); }) &&
         std::ranges::find(kRefusedNames, name) == std::end(kRefusedNames);
}

}  // namespace

std::vector<std::string> safe_variables(std::string_view environ) {
  std::vector<std::string> words;
  while (!environ.empty()) {
    const std::size_t end = std::min(environ.find('\0'), environ.size());
    if (const std::string_view word = environ.substr(0, end); is_safe(word)) {
      words.emplace_back(word);
    }
    environ.remove_prefix(std::min(end + 1, environ.size()));
  }
  return words;
}

base::Result<std::vector<std::string>> target_environment(std::uint32_t pid) {
  std::string buffer(kMaxBytes, '\0');
  const auto text = RECAP_TRY(linux::read_file_at(
      linux::kCwd, base::concat<48>("/proc/", pid, "/environ").c_str(), buffer));
  if (text.size() == buffer.size()) {
    return base::Error(base::Kind::kInvalid,
                       "the target's environment exceeds 128 KiB: name variables with --env");
  }
  return safe_variables(text);
}

}  // namespace recap::capsule
