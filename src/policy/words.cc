// SPDX-License-Identifier: Apache-2.0
// One table per kind of word; each is read in both directions.
#include "policy/words.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace recap::policy {
namespace {

template <typename T>
struct Word {
  std::string_view name;
  T value;
};

constexpr Word<run::View> kViews[] = {{"nothing", run::View::kNothing},
                                      {"target", run::View::kTarget},
                                      {"merged", run::View::kMerged}};
constexpr Word<run::RunAs> kRunAs[] = {{"reserved", run::RunAs::kReserved},
                                       {"target", run::RunAs::kTarget},
                                       {"root", run::RunAs::kRoot}};
constexpr Word<run::Profile> kProfiles[] = {{"restricted", run::Profile::kRestricted},
                                            {"net", run::Profile::kNet},
                                            {"trace", run::Profile::kTrace},
                                            {"files", run::Profile::kFiles}};

template <typename T>
base::Result<T> value_of(std::span<const Word<T>> words, std::string_view text) {
  base::FixedString<128> choices;
  for (const Word<T>& word : words) {
    if (word.name == text) {
      return word.value;
    }
    choices.append(choices.empty() ? "" : ", ").append(word.name);
  }
  return base::Error(base::Kind::kInvalid,
                     base::concat<300>("'", text.substr(0, 64), "' is none of ", choices.view()));
}

template <typename T>
std::string_view name_in(std::span<const Word<T>> words, T value) {
  const auto at = std::ranges::find(words, value, &Word<T>::value);
  return at == words.end() ? "unknown" : at->name;
}

}  // namespace

base::Result<std::uint8_t> parse_share(std::string_view text) {
  if (text == "none") {
    return std::uint8_t{0};
  }
  if (text == "all") {
    return static_cast<std::uint8_t>(run::kShareNet | run::kSharePid | run::kShareIpc |
                                     run::kShareUts | run::kShareCgroup);
  }
  std::uint8_t bits = 0;
  base::Status ok = each_word(text, [&](std::string_view word) -> base::Status {
    const auto* at = std::ranges::find(kShareNames, word, &ShareName::name);
    if (at == std::end(kShareNames)) {
      return base::Error(base::Kind::kInvalid,
                         base::concat<300>("'", word.substr(0, 64),
                                           "' is none of net, pid, ipc, uts, cgroup, user; or "
                                           "say none or all"));
    }
    bits = static_cast<std::uint8_t>(bits | at->bit);
    return {};
  });
  if (!ok) {
    return std::move(ok).error();
  }
  return bits;
}

base::Result<run::View> parse_view(std::string_view text) {
  return value_of<run::View>(kViews, text);
}
base::Result<run::RunAs> parse_run_as(std::string_view text) {
  return value_of<run::RunAs>(kRunAs, text);
}
base::Result<run::Profile> parse_profile(std::string_view text) {
  return value_of<run::Profile>(kProfiles, text);
}

std::string_view name_of(run::View view) { return name_in<run::View>(kViews, view); }
std::string_view name_of(run::RunAs run_as) { return name_in<run::RunAs>(kRunAs, run_as); }
std::string_view name_of(run::Profile profile) { return name_in<run::Profile>(kProfiles, profile); }

std::string share_text(std::uint8_t bits) {
  std::string text;
  each_share(bits, [&](std::string_view name) {
    text += text.empty() ? "" : ",";
    text += name;
  });
  return text.empty() ? "none" : text;
}

}  // namespace recap::policy
