// SPDX-License-Identifier: Apache-2.0
#include "image/prepared.h"

#include <algorithm>
#include <optional>
#include <set>

#include "image/digest.h"
#include "image/printable.h"
#include "image/reference.h"
#include "image/store_files.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using linux::DirFd;

namespace {

constexpr std::size_t kMinDigestPrefix = 6;
constexpr std::string_view kDigestPrefix = "sha256:";

PreparedImage with_paths(StoredImage stored, std::string_view store_root, std::string reference) {
  PreparedImage out = std::move(stored.image);
  out.reference = std::move(reference);
  for (const Digest& layer : stored.layers) {
    out.layers.push_back(std::string(store_root) + "/" + path_in(kLayersDir, layer));
  }
  return out;
}

Error no_such_image(std::string_view reference) {
  const std::string name = printable(reference);
  if (reference.find_first_of("/:@") == std::string_view::npos) {
    return failure(Kind::kNotFound, "there is no function or image '", name,
                   "': `recap functions` and `recap images` list what is here; `catalog/build "
                   "--install ",
                   name, "` installs a function, `recap pull ", name, "` gets an image");
  }
  return failure(Kind::kNotFound, "there is no image or function '", name,
                 "' in the store: get it with 'recap pull ", name, "' or 'recap import FILE'");
}

// The hex digits of a whole or shortened digest; nothing when `text` cannot be one.
std::optional<std::string_view> digest_prefix(std::string_view text) {
  if (text.starts_with(kDigestPrefix)) {
    text.remove_prefix(kDigestPrefix.size());
  }
  const bool fits = text.size() >= kMinDigestPrefix && text.size() <= Digest::kHexLength;
  return fits && is_hex(text) ? std::optional(text) : std::nullopt;
}

Result<PreparedImage> find_by_prefix(const DirFd& root, std::string_view store_root,
                                     std::string_view prefix, std::string_view asked) {
  std::optional<Digest> found;
  for (const Digest& digest : RECAP_TRY(digests_in(root, kImagesDir))) {
    if (!digest.hex().starts_with(prefix)) {
      continue;
    }
    if (found) {
      return failure(Kind::kInvalid, "'", printable(asked), "' is the beginning of ", found->text(),
                     " and of ", digest.text(), ": write more of its digits");
    }
    found = digest;
  }
  if (!found) {
    return no_such_image(asked);
  }
  return with_paths(RECAP_TRY(read_stored(root, *found)), store_root, found->text());
}

std::string_view repository_of(std::string_view canonical) {
  const std::size_t slash = std::min(canonical.rfind('/'), canonical.size());
  const std::size_t end = canonical.find_first_of(":@", slash);
  return canonical.substr(0, end);
}

// NAME@DIGEST where the digest is the manifest's own, and came by that name. Another name would
// tell who asks for rights by names, or for signatures, something that nobody has seen.
Result<PreparedImage> find_pinned(const DirFd& root, std::string_view store_root,
                                  std::string_view canonical) {
  const auto digest = Digest::parse(canonical.substr(canonical.find('@') + 1));
  if (!digest) {
    return no_such_image(canonical);
  }
  for (const std::string& file : RECAP_TRY(names_in(root, kRefsDir))) {
    const auto reference = file_name_to_reference(file);
    const auto of = reference && repository_of(*reference) == repository_of(canonical)
                        ? read_ref(root, *reference)
                        : Error(Kind::kNotFound, "");
    if (of && *of == *digest) {
      return with_paths(RECAP_TRY(read_stored(root, *digest)), store_root, std::string(canonical));
    }
  }
  return no_such_image(canonical);
}

bool is_missing(const Error& error) { return error.kind() == Kind::kNotFound; }

Result<PreparedImage> find_by_name(const DirFd& root, std::string_view store_root,
                                   std::string_view asked) {
  for (const std::string& canonical : candidates(asked)) {
    const auto digest = read_ref(root, canonical);
    if (digest) {
      auto stored = read_stored(root, *digest);
      if (stored) {
        return with_paths(std::move(*stored), store_root, canonical);
      }
      if (!is_missing(stored.error())) {
        return std::move(stored).context("image " + printable(asked)).error();
      }
    } else if (!is_missing(digest.error())) {
      return digest.error();
    }
    if (canonical.find('@') != std::string::npos) {
      auto pinned = find_pinned(root, store_root, canonical);
      if (pinned || !is_missing(pinned.error())) {
        return pinned;
      }
    }
  }
  return no_such_image(asked);
}

}  // namespace

Result<PreparedImage> find(std::string_view store_root, std::string_view reference) {
  const auto prefix = digest_prefix(reference);
  if (!prefix) {
    if (const auto parsed = parse_reference(reference); !parsed) {
      return parsed.error();
    }
  }
  const auto root = open_store_root(store_root);
  if (!root) {
    return is_missing(root.error()) ? no_such_image(reference) : root.error();
  }
  if (!reference.starts_with(kDigestPrefix)) {
    auto named = find_by_name(*root, store_root, reference);
    if (named || !prefix || !is_missing(named.error())) {
      return named;
    }
  }
  return find_by_prefix(*root, store_root, *prefix, reference);
}

Result<std::vector<PreparedImage>> list(std::string_view store_root) {
  std::vector<PreparedImage> out;
  const auto root = open_store_root(store_root);
  if (!root) {
    return is_missing(root.error()) ? Result<std::vector<PreparedImage>>(out) : root.error();
  }
  std::set<Digest> named;
  for (const std::string& file : RECAP_TRY(names_in(*root, kRefsDir))) {
    const auto reference = file_name_to_reference(file);
    const auto digest = reference ? read_ref(*root, *reference) : Error(Kind::kNotFound, "");
    auto stored = digest ? read_stored(*root, *digest) : digest.error();
    if (stored) {
      named.insert(*digest);
      out.push_back(with_paths(std::move(*stored), store_root, *reference));
    } else if (!is_missing(stored.error())) {
      return std::move(stored).context(printable(file)).error();
    }
  }
  for (const Digest& digest : RECAP_TRY(digests_in(*root, kImagesDir))) {
    if (!named.contains(digest)) {
      out.push_back(with_paths(RECAP_TRY(read_stored(*root, digest)), store_root, digest.text()));
    }
  }
  std::ranges::sort(out, {}, &PreparedImage::reference);
  return out;
}

}  // namespace recap::image
