// SPDX-License-Identifier: Apache-2.0
// The process that reads a file whose end may never come.
#pragma once

namespace recap::capsule {

// Copies the file `path` into the pipe `to`, and ends. What cannot be read is an empty file.
[[noreturn]] void copy_file_in_child(const char* path, int to);

}  // namespace recap::capsule
