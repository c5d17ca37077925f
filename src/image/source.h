// SPDX-License-Identifier: Apache-2.0
// Where an image comes from: an OCI layout directory, or the files of an archive. Whatever is read
// here is untrusted until its digest was checked.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/manifest.h"
#include "image/store.h"
#include "linux/unique_fd.h"

namespace recap::image {

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // A file of the layout or archive, by its name there; kNotFound when there is none.
  virtual base::Result<linux::UniqueFd> open(const std::string& name) = 0;
  virtual base::Result<linux::UniqueFd> open_blob(const Digest& digest);
  // Moves a blob whose digest was verified into the store; false when it has to be copied.
  virtual base::Result<bool> move_blob(Store& store, const Digest& digest);
};

// One image of a source.
struct FoundImage {
  Descriptor manifest;
  std::string manifest_text;       // of a docker archive, which has none: made for it
  std::vector<std::string> names;  // canonical references; empty when the source does not say
  std::string trust = {};          // PreparedImage::trust
};

// oci_layout.cc
base::Result<std::unique_ptr<ImageSource>> open_layout_directory(const std::string& path);
// Every image that can run on this machine. `base_name` (of the path) goes with a bare tag.
base::Result<std::vector<FoundImage>> images_of_layout(ImageSource& source,
                                                       std::string_view base_name);
// A manifest or config: bounded, read whole, its digest checked.
base::Result<std::string> read_small_blob(ImageSource& source, const Descriptor& blob);

// archive_source.cc: every file of a tar (or tar.gz, …) as a file of the store's workspace.
class ArchiveSource : public ImageSource {
 public:
  static base::Result<std::unique_ptr<ArchiveSource>> extract(const Store& store, int fd,
                                                              const Limits& limits);

  base::Result<linux::UniqueFd> open(const std::string& name) override;
  base::Result<linux::UniqueFd> open_blob(const Digest& digest) override;
  base::Result<bool> move_blob(Store& store, const Digest& digest) override;

  struct File {
    std::string workspace_name;
    Digest digest;
    std::uint64_t size = 0;
  };
  // Links inside the archive are followed, by name.
  [[nodiscard]] const File* find(const std::string& name) const;

 private:
  explicit ArchiveSource(const Store& store) : store_(store) {}
  base::Status add(class TarReader& tar, const struct TarEntry& entry, const Limits& limits);
  base::Result<File> write_file(class TarReader& tar, const struct TarEntry& entry);

  const Store& store_;
  std::map<std::string, File> files_;
  std::map<std::string, std::string> links_;
  std::map<Digest, std::string> by_digest_;  // the workspace's name
};

// docker_archive.cc: what `docker save` wrote before it wrote OCI layouts, and what Podman and
// skopeo write as docker-archive.
base::Result<std::vector<FoundImage>> images_of_docker_archive(ArchiveSource& source);

}  // namespace recap::image
