// SPDX-License-Identifier: Apache-2.0
// Bringing images into the store: from a path, or from a source that `pull` filled.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/source.h"
#include "image/store.h"

namespace recap::image {

struct Imported {
  std::string reference;  // canonical, or the digest when the image came without a name
  Digest digest;
};

using Notice = std::function<void(std::string_view)>;  // one line for the user

// Called when all input is open and before any of it is parsed; `input` is a directory that is
// still to be read from, or negative.
using Confine = std::function<base::Status(int input)>;

// Adds one image under its names: blobs, layers, prepared image, references, in this order.
base::Result<std::vector<Imported>> import_image(Store& store, ImageSource& source,
                                                 const FoundImage& image, const Limits& limits,
                                                 const Notice& notice);

// Adds every image of an OCI layout directory, an OCI archive or a docker archive ("-": standard
// input). `name`, a reference, replaces the names inside and is for sources with one image.
base::Result<std::vector<Imported>> import_path(Store& store, const std::string& path,
                                                const std::string& name, const Limits& limits,
                                                const Notice& notice, const Confine& confine = {});

}  // namespace recap::image
