// SPDX-License-Identifier: Apache-2.0
// Images are parsed by who has given up all that parsing does not need: should a library be made to
// do what an archive wants, it can harm the store, and nothing else.
#pragma once

#include "base/result.h"
#include "image/store.h"

namespace recap::image {

// The calling process keeps: files of the store and of `input` (a directory; negative: none), what
// is open already, and the capabilities that unpacking layers takes. It loses for good: all other
// files (Landlock, from Linux 5.19 on), the network, other processes, starting programs, mounting,
// and further privileges.
base::Status confine(const Store& store, int input);

}  // namespace recap::image
