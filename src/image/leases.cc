// SPDX-License-Identifier: Apache-2.0
// Which images live runs use: their specs say so.
#include <fcntl.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/files.h"
#include "image/gc.h"
#include "linux/fs.h"
#include "run/spec.h"

namespace recap::image {

using base::Result;
using linux::DirFd;

namespace {

// A run that is just being made, or whose spec cannot be read, keeps no image by name.
std::optional<Digest> image_of(const DirFd& runs, const std::string& run) {
  std::vector<char> buffer(std::size_t{64} << 10);
  const auto text = linux::read_file_at(runs.get(), (run + "/spec").c_str(), buffer);
  if (!text) {
    return std::nullopt;
  }
  std::vector<std::string_view> words(2 * run::kMaxWords);
  const auto spec = run::decode(std::as_bytes(std::span(*text)), words);
  const auto image = spec ? Digest::parse(spec->image.digest) : std::nullopt;
  return image ? std::optional<Digest>(*image) : std::nullopt;
}

}  // namespace

Result<std::map<Digest, std::set<std::string>>> live_leases(const Store& store) {
  std::map<Digest, std::set<std::string>> out;
  for (const std::string& state_dir : RECAP_TRY(state_dirs(store.root()))) {
    const auto runs = linux::open_dir_at(linux::kCwd, (state_dir + "/runs").c_str());
    if (!runs) {
      if (runs.error().kind() == base::Kind::kNotFound) {
        continue;
      }
      return runs.error();
    }
    for (const std::string& run : RECAP_TRY(names_in(*runs, "."))) {
      if (const auto image = image_of(*runs, run)) {
        out[*image].insert(run);
      }
    }
  }
  return out;
}

}  // namespace recap::image
