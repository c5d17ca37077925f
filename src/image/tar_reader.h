// SPDX-License-Identifier: Apache-2.0
// The entries of a tar stream. The one place that reads through libarchive's tar format.
//
// Names are the archive's own bytes. That needs the process to stay in the "C" locale: in any other
// the library would normalise Unicode names, and a file would get another name than its image says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "image/inflate.h"

struct archive;
struct archive_entry;

namespace recap::image {

enum class EntryType : std::uint8_t { kFile, kDirectory, kSymlink, kHardlink, kDevice, kOther };

struct TarEntry {
  EntryType type = EntryType::kOther;
  std::string path;
  std::string link;  // of a symlink or a hard link
  std::uint32_t uid = 0, gid = 0;
  unsigned mode = 0;  // permission bits, setuid, setgid and sticky
  std::uint64_t size = 0;
  timespec modified{};
  std::vector<std::pair<std::string, std::string>> xattrs;
  bool has_acl = false;
};

class TarReader {
 public:
  TarReader(Inflate& stream, const Limits& limits);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next entry; nothing at the end of the archive. kCorrupt for what is no tar.
  base::Result<std::optional<TarEntry>> next();

  // The next piece of the entry's data and where it belongs; empty at its end.
  struct Piece {
    std::span<const std::byte> bytes;
    std::int64_t offset = 0;
  };
  base::Result<Piece> next_piece();

 private:
  struct Free {
    void operator()(archive* reader) const;
  };

  base::Error library_error();
  base::Result<TarEntry> convert(archive_entry* entry) const;

  Inflate& stream_;
  Limits limits_;
  std::unique_ptr<archive, Free> reader_;
  std::optional<base::Error> error_;  // of the stream, carried past the library
  std::uint64_t entries_ = 0;
  bool open_ = false;

  friend struct TarCallbacks;
};

}  // namespace recap::image
