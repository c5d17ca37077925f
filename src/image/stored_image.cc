// SPDX-License-Identifier: Apache-2.0
// images/HEX and refs/ENCODED: how they are written down and read back.
#include <fcntl.h>

#include <array>
#include <span>

#include "image/reference.h"
#include "image/store_files.h"
#include "linux/fs.h"
#include "run/spec.h"
#include "run/wire.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using linux::DirFd;
using linux::UniqueFd;
using run::Reader;
using run::Writer;

namespace {

constexpr std::uint32_t kPreparedVersion = 2;
constexpr std::size_t kMaxLabels = 4096;

void write_words(Writer& out, const std::vector<std::string>& words) {
  out.number(static_cast<std::uint32_t>(words.size()));
  for (const std::string& word : words) {
    out.text(word);
  }
}

// A damaged count must not reserve memory, so the list grows as it is read.
std::vector<std::string> read_words(Reader& in, std::size_t most, bool& fits) {
  const auto count = in.number<std::uint32_t>();
  std::vector<std::string> out;
  fits = fits && count <= most;
  for (std::uint32_t i = 0; fits && in.ok() && i < count; ++i) {
    out.emplace_back(in.text());
  }
  return out;
}

bool read_layers(Reader& in, std::vector<Digest>& layers) {
  bool fits = true;
  for (const std::string& hex : read_words(in, run::kMaxLayers, fits)) {
    const auto digest = Digest::parse_hex(hex);
    if (!digest) {
      return false;
    }
    layers.push_back(*digest);
  }
  return fits;
}

bool read_groups(Reader& in, std::vector<std::uint32_t>& groups) {
  const auto count = in.number<std::uint32_t>();
  if (count > run::kMaxGroups) {
    return false;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    groups.push_back(in.number<std::uint32_t>());
  }
  return true;
}

bool read_labels(Reader& in, std::map<std::string, std::string>& labels) {
  const auto count = in.number<std::uint32_t>();
  for (std::uint32_t i = 0; count <= kMaxLabels && in.ok() && i < count; ++i) {
    std::string key(in.text());
    labels[std::move(key)] = in.text();
  }
  return count <= kMaxLabels;
}

void write_all(Writer& out, const StoredImage& stored) {
  const PreparedImage& image = stored.image;
  out.number(kPreparedVersion);
  out.text(image.digest);
  std::vector<std::string> layers;
  for (const Digest& layer : stored.layers) {
    layers.push_back(layer.hex());
  }
  write_words(out, layers);
  write_words(out, image.entrypoint);
  write_words(out, image.command);
  write_words(out, image.env);
  out.text(image.workdir);
  out.text(image.user);
  out.number(image.uid);
  out.number(image.gid);
  out.number(static_cast<std::uint32_t>(image.groups.size()));
  for (const std::uint32_t group : image.groups) {
    out.number(group);
  }
  out.number(static_cast<std::uint32_t>(image.labels.size()));
  for (const auto& [key, value] : image.labels) {
    out.text(key);
    out.text(value);
  }
  out.number(image.size_bytes);
  out.number(image.created_s);
  out.text(image.trust);
}

Error damaged() {
  return {Kind::kCorrupt, "the store's file of this image is damaged: pull or import it again"};
}

}  // namespace

Result<std::vector<std::byte>> encode_stored(const StoredImage& stored) {
  std::vector<std::byte> buffer(kMaxPreparedBytes);
  Writer out(buffer);
  write_all(out, stored);
  const PreparedImage& image = stored.image;
  if (!out.ok() || stored.layers.size() > run::kMaxLayers || image.labels.size() > kMaxLabels ||
      image.groups.size() > run::kMaxGroups || image.env.size() > run::kMaxWords ||
      image.entrypoint.size() > run::kMaxWords || image.command.size() > run::kMaxWords) {
    return Error(Kind::kInvalid, "the image's configuration is too large to be kept");
  }
  buffer.resize(out.written().size());
  return buffer;
}

Result<StoredImage> decode_stored(std::span<const std::byte> input) {
  Reader in(input);
  if (const auto version = in.number<std::uint32_t>(); in.ok() && version != kPreparedVersion) {
    return Error(Kind::kUnsupported,
                 "another version of RECap wrote this image: pull or import it again");
  }
  StoredImage out;
  PreparedImage& image = out.image;
  bool good = true;
  image.digest = in.text();
  good = read_layers(in, out.layers);
  image.entrypoint = read_words(in, run::kMaxWords, good);
  image.command = read_words(in, run::kMaxWords, good);
  image.env = read_words(in, run::kMaxWords, good);
  image.workdir = in.text();
  image.user = in.text();
  image.uid = in.number<std::uint32_t>();
  image.gid = in.number<std::uint32_t>();
  good = good && read_groups(in, image.groups) && read_labels(in, image.labels);
  image.size_bytes = in.number<std::uint64_t>();
  image.created_s = in.number<std::int64_t>();
  image.trust = in.text();
  if (!good || !in.at_end() || !Digest::parse(image.digest)) {
    return damaged();
  }
  return out;
}

Result<StoredImage> read_stored(const DirFd& root, const Digest& digest) {
  const UniqueFd fd = RECAP_TRY(open_in(root, kImagesDir, digest));
  const struct statx st = RECAP_TRY(linux::stat_at(fd.get(), "", AT_EMPTY_PATH));
  if (st.stx_size > kMaxPreparedBytes) {
    return damaged();
  }
  std::vector<std::byte> buffer(st.stx_size);
  buffer.resize(RECAP_TRY(linux::read_all(fd.get(), buffer)));
  StoredImage stored = RECAP_TRY(decode_stored(buffer));
  if (stored.image.digest != digest.text()) {
    return damaged();
  }
  return stored;
}

Result<Digest> read_ref(const DirFd& root, std::string_view canonical) {
  const std::string path = std::string(kRefsDir) + "/" + reference_to_file_name(canonical);
  std::array<char, Digest::kHexLength + 32> buffer{};
  std::string_view text = RECAP_TRY(linux::read_file_at(root.get(), path.c_str(), buffer));
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  const auto digest = Digest::parse(text);
  if (!digest) {
    return Error(Kind::kCorrupt, "the store's entry of this reference is damaged: import it again");
  }
  return *digest;
}

}  // namespace recap::image
