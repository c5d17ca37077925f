// SPDX-License-Identifier: Apache-2.0
// OCI (and Docker v2s2) indexes and manifests: from untrusted bytes to checked values.
//
// Content type, `mediaType` and shape must agree: an object with both `layers` and `manifests` is
// refused, so is one that says to be something else than what pointed to it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/digest.h"

namespace recap::image {

inline constexpr std::string_view kOciIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayerType = "application/vnd.oci.image.layer.v1.tar";

struct Platform {
  std::string os, architecture, variant;  // empty when not said
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  Platform platform;
  std::map<std::string, std::string> annotations;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
};

bool is_index_type(std::string_view media_type);
bool is_manifest_type(std::string_view media_type);

base::Result<std::vector<Descriptor>> parse_index(std::string_view text,
                                                  std::string_view media_type);
base::Result<Manifest> parse_manifest(std::string_view text, std::string_view media_type);
// A manifest of which nothing but its digest is known, which was checked: its own word counts.
base::Result<Manifest> parse_known_manifest(std::string_view text);

// This machine, in OCI's words: linux, and amd64 or arm64.
std::string_view host_architecture();

// The one of `entries` that runs on this machine; kUnsupported, listing what there is, else.
base::Result<Descriptor> choose_platform(const std::vector<Descriptor>& entries);

// False for what is marked for another machine, or for none (attestations).
bool may_run_here(const Descriptor& entry);

}  // namespace recap::image
