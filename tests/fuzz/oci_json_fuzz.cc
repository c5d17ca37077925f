// SPDX-License-Identifier: Apache-2.0
// Any bytes as index, manifest, config, passwd, reference and stored image: none may crash, and
// what is accepted keeps what its type promises.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "image/config.h"
#include "image/image_user.h"
#include "image/layer_path.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/skopeo.h"
#include "image/store_files.h"
#include "run/spec.h"

namespace {

using namespace recap;  // NOLINT: a test

void check(bool good) {
  if (!good) {
    std::abort();
  }
}

void parse_documents(std::string_view text) {
  (void)image::parse_index(text, image::kOciIndexType);
  if (const auto manifest = image::parse_manifest(text, image::kOciManifestType)) {
    check(!manifest->layers.empty() && manifest->layers.size() <= run::kMaxLayers);
  }
  if (const auto config = image::parse_config(text)) {
    check(config->workdir.starts_with('/'));
    check((config->workdir + "/").find("/../") == std::string::npos);
    for (const std::string& variable : config->env) {
      check(variable.find('=') != std::string::npos && variable.find('\0') == std::string::npos);
    }
  }
}

void parse_names(std::string_view text) {
  if (const auto reference = image::parse_reference(text)) {
    const std::string canonical = reference->canonical();
    const std::string name = image::reference_to_file_name(canonical);
    check(name.find('/') == std::string::npos && name.size() <= 255 && !name.starts_with('.'));
    check(image::file_name_to_reference(name) == canonical);
    const auto again = image::parse_reference(canonical);
    check(again && again->canonical() == canonical);
  }
  if (const auto path = image::parse_layer_path(text, image::Limits{})) {
    check(("/" + path->whole() + "/").find("/../") == std::string::npos);
    check(path->name.find('/') == std::string::npos);
    (void)image::parse_mark(*path);
  }
  (void)image::last_message(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_documents(text);
  parse_names(text);
  const std::size_t cut = text.find('\xff');
  const std::string_view user = text.substr(0, std::min<std::size_t>(cut, 64));
  const std::string_view files = cut == std::string_view::npos ? "" : text.substr(cut + 1);
  (void)image::resolve_user(user, files, files);
  (void)image::decode_stored(std::as_bytes(std::span(data, size)));
  return 0;
}
