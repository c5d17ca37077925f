// SPDX-License-Identifier: Apache-2.0
// What the user wrote to name a target, taken apart and checked; nothing is looked up here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::targets {

struct Reference {
  enum class Form : std::uint8_t {
    kAny,      // NAME or ID: `name`
    kRuntime,  // RUNTIME://[NS/]NAME: `runtime`, `ns`, `name`
    kPod,      // pod/NS/NAME[/CONTAINER]: `ns`, `name`, `container`
    kPid,      // pid:N
  };
  Form form = Form::kAny;
  std::string runtime, ns, name, container;
  std::uint32_t pid = 0;
};

// kInvalid, with the reference escaped and cut in the message.
base::Result<Reference> parse_reference(std::string_view text);

}  // namespace recap::targets
