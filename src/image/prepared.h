// SPDX-License-Identifier: Apache-2.0
// A prepared image: what a Run needs to know of an image in the store, in one small file that the
// run path reads without JSON, tar or compression. The second program (`recap-image`) writes it
// when an image comes in, after its layers are unpacked, verified and durable.
//
// Store (root 0700, root-owned, refused otherwise):
//   blobs/sha256/HEX, index.json, oci-layout   one OCI image layout with every image
//   layers/HEX/                                unpacked layer, HEX = diffID; never changed again
//   images/HEX                                 the PreparedImage of manifest sha256:HEX (wire.h)
//   refs/ENCODED                               reference → digest, a small file per reference
//   leases/NAME                                a link to each state directory with runs of this
//   store tmp/, locks/, lock                         unfinished work (swept when its owner is
//   gone), locks
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::image {

struct PreparedImage {
  std::string reference;            // canonical form of what was asked for
  std::string digest;               // sha256:… of the manifest
  std::vector<std::string> layers;  // host paths of unpacked layers, top first
  std::vector<std::string> entrypoint, command, env;
  std::string workdir;             // "/" when the image says nothing
  std::string user;                // as the image says it, for people
  std::uint32_t uid = 0, gid = 0;  // resolved in the image's own passwd and group
  std::vector<std::uint32_t> groups;
  std::map<std::string, std::string> labels;  // requests, never grants
  std::uint64_t size_bytes = 0;               // unpacked
  std::int64_t created_s = 0;
  // What was asked of whoever made it, when it was pulled (signature_policy.h); "": it was
  // imported.
  std::string trust;
};

// The image that `reference` names in the store: NAME[:TAG], NAME@DIGEST, sha256:HEX, a digest
// prefix of at least 6 hex digits, or a catalogue function's name. kNotFound says how to get it.
base::Result<PreparedImage> find(std::string_view store_root, std::string_view reference);

// Every image in the store, sorted by reference.
base::Result<std::vector<PreparedImage>> list(std::string_view store_root);

// Keeps `digest` from garbage collection until the descriptor is closed; from the keeper's first
// word on the run's own directory below `state_dir` does. kNotFound when the image is gone.
base::Result<linux::UniqueFd> hold(std::string_view store_root, std::string_view digest,
                                   std::string_view state_dir);

}  // namespace recap::image
