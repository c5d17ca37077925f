// SPDX-License-Identifier: Apache-2.0
// Ending what runs on this node, and removing RECap from it.
#pragma once

#include <string>

#include "base/result.h"
#include "caplet/options.h"

namespace recap::caplet {

// A file that is there while `caplet drain` holds; a Caplet that starts removes it.
std::string drain_mark(const capsule::Dirs& dirs);

// Ends every run of this node's Caplet and waits until each has Escaped. kTimeout when one has not.
base::Status drain(const Words& words);

// Ends every run of this node, whoever started it, then removes all that RECap keeps here: images,
// records, state, cgroups. Programs and manifests stay. Nothing is removed while a run lives.
base::Status uninstall(const Words& words);

}  // namespace recap::caplet
