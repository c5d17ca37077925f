// SPDX-License-Identifier: Apache-2.0
// One label, one field of the request.
#include "policy/image_defaults.h"

#include <utility>

#include "policy/words.h"

namespace recap::policy {
namespace {

using Labels = std::map<std::string, std::string>;

// Reads label `name` with `parse` into `field`; a missing or empty label leaves it as it is.
template <typename T, typename Parse>
base::Status read_label(const Labels& labels, const char* name, Parse parse,
                        std::optional<T>& field) {
  const auto label = labels.find(name);
  if (label == labels.end() || label->second.empty()) {
    return {};
  }
  base::Result<T> value = parse(label->second);
  if (!value) {
    return base::Error(base::Kind::kCorrupt, base::concat<500>("the image's label ", name, ": ",
                                                               value.error().message()));
  }
  field = *std::move(value);
  return {};
}

}  // namespace

base::Result<std::vector<PathGrant>> parse_paths(std::string_view text) {
  std::vector<PathGrant> paths;
  base::Status ok = each_word(text, [&](std::string_view word) -> base::Status {
    PathGrant grant;
    grant.writable = word.ends_with(":rw");
    if (grant.writable || word.ends_with(":ro")) {
      word.remove_suffix(3);
    }
    grant.path = RECAP_TRY(clean_path(word));
    paths.push_back(std::move(grant));
    return {};
  });
  if (!ok) {
    return std::move(ok).error();
  }
  return paths;
}

base::Result<Request> defaults_of(const Labels& labels) {
  Request request;
  for (base::Status read :
       {read_label(labels, "dev.recap.share", parse_share, request.share),
        read_label(labels, "dev.recap.view", parse_view, request.view),
        read_label(labels, "dev.recap.capabilities", parse_capabilities, request.capabilities),
        read_label(labels, "dev.recap.user", parse_run_as, request.run_as),
        read_label(labels, "dev.recap.profile", parse_profile, request.profile),
        read_label(labels, "dev.recap.paths", parse_paths, request.paths)}) {
    if (!read) {
      return std::move(read).error();
    }
  }
  return request;
}

std::string labels_that_ask(const Labels& labels) {
  constexpr std::size_t kMaxBytes = 400;
  std::string out;
  for (const auto& [label, value] : labels) {
    const bool is_ours =
        label.starts_with("dev.recap.") &&
        label.find_first_not_of("abcdefghijklmnopqrstuvwxyz.") == std::string::npos;
    if (is_ours && out.size() + label.size() < kMaxBytes) {
      out.append(out.empty() ? "" : ",").append(label);
    }
  }
  return out;
}

}  // namespace recap::policy
