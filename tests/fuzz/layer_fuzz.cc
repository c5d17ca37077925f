// SPDX-License-Identifier: Apache-2.0
// Any bytes as a layer: whatever they say, nothing outside the layer's directory changes, and
// nothing in it is a device, has a set-id bit or an attribute that an overlay obeys.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "image/files.h"
#include "image/layer.h"
#include "linux/fs.h"

namespace {

namespace fs = std::filesystem;
using namespace recap;  // NOLINT: a test

const std::string& work_dir() {
  static const std::string path = [] {
    std::string name = "/dev/shm/recap-layer-fuzz-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      std::abort();
    }
    return name;
  }();
  return path;
}

void check(bool good) {
  if (!good) {
    std::abort();
  }
}

void check_entry(const fs::path& path) {
  struct stat st{};
  check(lstat(path.c_str(), &st) == 0);
  check(!S_ISBLK(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode));
  check(!S_ISCHR(st.st_mode) || image::is_whiteout(st));
  check(!S_ISREG(st.st_mode) || (st.st_mode & (S_ISUID | S_ISGID)) == 0);
  char names[4096];
  const ssize_t size = llistxattr(path.c_str(), names, sizeof names);
  for (ssize_t at = 0; at < size;
       at += static_cast<ssize_t>(std::string_view(names + at).size()) + 1) {
    const std::string_view name(names + at);
    check(name.starts_with("user.") || name == "trusted.overlay.opaque");
    check(!name.starts_with("user.overlay."));
  }
}

void check_tree(const std::string& layer) {
  check_entry(layer);
  for (const auto& entry : fs::recursive_directory_iterator(layer)) {
    check_entry(entry.path());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const linux::UniqueFd blob(memfd_create("layer", MFD_CLOEXEC));
  check(write(blob.get(), data, size) == static_cast<ssize_t>(size));
  lseek(blob.get(), 0, SEEK_SET);
  image::Limits limits;
  limits.max_bytes = 1 << 20;
  limits.max_entries = 200;
  limits.ratio_floor = 64 << 10;
  const std::string layer = work_dir() + "/layer";
  check(mkdir(layer.c_str(), 0755) == 0);
  {
    auto root = linux::open_dir_at(linux::kCwd, layer.c_str());
    check(static_cast<bool>(root));
    image::LayerTree tree(std::move(*root));
    image::Inflate stream(blob.get(), limits);
    (void)image::unpack_layer(stream, tree, limits);
  }
  check_tree(layer);
  check(std::distance(fs::directory_iterator(work_dir()), fs::directory_iterator()) == 1);
  check(static_cast<bool>(image::remove_tree(linux::kCwd, layer.c_str())));
  return 0;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)work_dir();
  std::atexit([] { fs::remove_all(work_dir()); });
  return 0;
}
