// SPDX-License-Identifier: Apache-2.0
// See sandbox.h.
#include "targets/sandbox.h"

#include <string>

#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Status;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string_view sandbox_of(std::string_view oci_runtime) {
  if (contains(oci_runtime, "runsc") || contains(oci_runtime, "gvisor")) {
    return "gVisor";
  }
  return contains(oci_runtime, "kata") ? "Kata" : "";
}

Status refusal(std::string_view name, std::string_view sandbox) {
  return Error(Kind::kUnsupported,
               "target " + shown(name) + " runs in " + std::string(sandbox) +
                   ", whose processes this kernel does not have: RECap attaches to containers of "
                   "runc, crun and youki only");
}

}  // namespace

Status refuse_sandbox_runtime(const Target& target) {
  const std::string_view sandbox = sandbox_of(target.oci_runtime);
  return sandbox.empty() ? Status() : refusal(target.name, sandbox);
}

Status refuse_sandbox_process(std::string_view executable, std::string_view comm,
                              std::string_view cgroups) {
  if (executable.starts_with("runsc") || comm == "runsc-sandbox" || comm == "runsc-gofer") {
    return refusal(executable.empty() ? comm : executable, "gVisor");
  }
  const bool in_kata = contains(cgroups, "/kata_") || contains(cgroups, "/kata-");
  const bool is_vmm = executable.starts_with("qemu-system") ||
                      executable.starts_with("cloud-hypervisor") ||
                      executable.starts_with("firecracker");
  if (executable.starts_with("containerd-shim-kata") || (in_kata && is_vmm)) {
    return refusal(executable, "Kata");
  }
  return {};
}

}  // namespace recap::targets
