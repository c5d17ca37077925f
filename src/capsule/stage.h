// SPDX-License-Identifier: Apache-2.0
// Staging: what has to lie ready before a keeper starts. The image in the store (fetched when it is
// missing and its name says from where), and the Spec in a sealed memfd.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "capsule/admit.h"
#include "capsule/dirs.h"
#include "image/prepared.h"
#include "linux/unique_fd.h"

namespace recap::capsule {

// Below each cgroup hierarchy's root: where keepers and runs live.
inline constexpr const char* kCgroupParent = "recap";

// The image from the store; `recap-image` pulls it first where `pull` says so and `reference` can
// only be an image's. `quiet`: the progress of a pull is not shown.
base::Result<image::PreparedImage> stage_image(const Dirs& dirs, const std::string& reference,
                                               Pull pull, bool quiet);

// "debian:12", "a/b", "registry.example/tools@sha256:…": more than a bare word, which is a
// function's name first of all, and more than a digest, which says nothing about where it is.
bool can_be_pulled(std::string_view reference);

// Everything about `run`, as a keeper reads it.
base::Result<linux::UniqueFd> stage_spec(const Admitted& run, const Dirs& dirs);

// A program of ours by its path: beside this one, else where packages install it.
std::string program_path(std::string_view name);

}  // namespace recap::capsule
