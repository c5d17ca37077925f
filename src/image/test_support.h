// SPDX-License-Identifier: Apache-2.0
// For the tests of this layer: a temporary directory, and tar archives written byte by byte, since
// no archiver would write the hostile ones.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/digest.h"
#include "image/sha256.h"
#include "linux/unique_fd.h"

namespace recap::image::testing {

class TempDir {
 public:
  TempDir() {
    std::string name = "/tmp/recap-image-test-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  std::string path_;
};

inline void write_file(const std::string& path, std::string_view content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

inline Digest digest_of(std::string_view text) {
  return Sha256::of(std::as_bytes(std::span(text.data(), text.size())));
}

// A file that exists only as a descriptor, at its beginning.
inline linux::UniqueFd file_with(std::string_view content) {
  linux::UniqueFd fd(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    std::abort();
  }
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

struct TarItem {
  std::string path;
  char type =
      '0';  // '0' file, '1' hard link, '2' symlink, '3' '4' devices, '5' directory, '6' FIFO
  std::string content = "";
  std::string link = "";
  unsigned mode = 0644;
  unsigned uid = 0, gid = 0;
  std::int64_t mtime = 1'000'000'000;
  std::vector<std::pair<std::string, std::string>> pax = {};
};

class Tar {
 public:
  Tar& add(const TarItem& item) {
    if (!item.pax.empty()) {
      std::string records;
      for (const auto& [key, value] : item.pax) {
        records += pax_record(key, value);
      }
      append(header({.path = "pax", .type = 'x', .content = records}), records);
    }
    const bool has_data = item.type == '0' || item.type == 'x';
    append(header(item), has_data ? item.content : "");
    return *this;
  }
  Tar& file(const std::string& path, const std::string& content, unsigned mode = 0644) {
    return add({.path = path, .content = content, .mode = mode});
  }
  Tar& directory(const std::string& path, unsigned mode = 0755) {
    return add({.path = path, .type = '5', .mode = mode});
  }
  Tar& symlink(const std::string& path, const std::string& target) {
    return add({.path = path, .type = '2', .link = target, .mode = 0777});
  }
  Tar& hardlink(const std::string& path, const std::string& target) {
    return add({.path = path, .type = '1', .link = target});
  }
  [[nodiscard]] std::string bytes() const { return bytes_ + std::string(1024, '\0'); }

 private:
  static std::string pax_record(const std::string& key, const std::string& value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t size = rest + std::to_string(rest).size();
    size = rest + std::to_string(size).size();
    return std::to_string(size) + " " + key + "=" + value + "\n";
  }
  static void octal(std::string& block, std::size_t at, int digits, std::uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "%0*lo", digits, static_cast<unsigned long>(value));
    block.replace(at, static_cast<std::size_t>(digits), text);
  }
  static std::string header(const TarItem& item) {
    std::string block(512, '\0');
    block.replace(0, std::min<std::size_t>(item.path.size(), 100), item.path.substr(0, 100));
    octal(block, 100, 7, item.mode);
    octal(block, 108, 7, item.uid);
    octal(block, 116, 7, item.gid);
    const bool has_data = item.type == '0' || item.type == 'x';
    octal(block, 124, 11, has_data ? item.content.size() : 0);
    octal(block, 136, 11, static_cast<std::uint64_t>(item.mtime));
    block[156] = item.type;
    block.replace(157, std::min<std::size_t>(item.link.size(), 100), item.link.substr(0, 100));
    block.replace(257, 6, std::string("ustar\0", 6));
    block.replace(263, 2, "00");
    octal(block, 329, 7, item.type == '4' ? 8 : 1);
    octal(block, 337, 7, item.type == '4' ? 0 : 3);
    block.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : block) {
      sum += static_cast<unsigned char>(c);
    }
    octal(block, 148, 6, sum);
    block[154] = '\0';
    return block;
  }
  void append(const std::string& head, const std::string& content) {
    bytes_ += head + content;
    bytes_.append((512 - content.size() % 512) % 512, '\0');
  }

  std::string bytes_;
};

}  // namespace recap::image::testing
