// SPDX-License-Identifier: Apache-2.0
// See reference.h.
#include "targets/reference.h"

#include <algorithm>
#include <array>

#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;

constexpr std::string_view kForms =
    "write a name, an id, docker://NAME, podman://NAME, containerd://NAMESPACE/ID, cri-o://ID, "
    "runc://ID, crun://ID, pod/NAMESPACE/NAME[/CONTAINER] or pid:N";

Error invalid(std::string_view text, std::string_view why) {
  return {Kind::kInvalid, "target " + shown(text) + " " + std::string(why)};
}

Result<Reference> parse_pid(std::string_view text, std::string_view digits) {
  constexpr std::uint64_t kMaxPid = 4194304;  // PID_MAX_LIMIT of the kernel
  const auto pid = parse_number(digits);
  if (!pid || *pid == 0 || *pid > kMaxPid) {
    return invalid(text, "is no process id: write pid:N with N from 2 to 4194304");
  }
  Reference out;
  out.form = Reference::Form::kPid;
  out.pid = static_cast<std::uint32_t>(*pid);
  return out;
}

Result<Reference> parse_pod(std::string_view text, std::string_view rest) {
  const auto parts = split(rest, '/');
  const auto slashes = static_cast<std::size_t>(std::ranges::count(rest, '/'));
  if (parts.size() < 2 || parts.size() > 3 || slashes + 1 != parts.size()) {
    return invalid(text, "is no pod: write pod/NAMESPACE/NAME or pod/NAMESPACE/NAME/CONTAINER");
  }
  Reference out;
  out.form = Reference::Form::kPod;
  out.ns = parts[0];
  out.name = parts[1];
  if (parts.size() == 3) {
    out.container = parts[2];
  }
  return out;
}

Result<Reference> parse_runtime(std::string_view text, std::size_t colon) {
  constexpr std::array<std::string_view, 7> kRuntimes{"docker", "podman", "containerd", "cri-o",
                                                      "runc",   "crun",   "youki"};
  Reference out;
  out.form = Reference::Form::kRuntime;
  out.runtime = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 3);
  if (std::ranges::find(kRuntimes, out.runtime) == kRuntimes.end()) {
    return invalid(text, std::string("has an unknown runtime: ").append(kForms));
  }
  if (const std::size_t slash = rest.find('/'); out.runtime == "containerd" && slash != rest.npos) {
    out.ns = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (!is_component(out.ns)) {
      return invalid(text, "has no namespace: write containerd://NAMESPACE/ID");
    }
  }
  if (!is_component(rest)) {
    return invalid(text, std::string("names no container: ").append(kForms));
  }
  out.name = rest;
  return out;
}

}  // namespace

Result<Reference> parse_reference(std::string_view text) {
  if (text.empty()) {
    return Error(Kind::kInvalid, std::string("the target is empty: ").append(kForms));
  }
  if (text.size() > kMaxReference) {
    return invalid(text, "is longer than 256 bytes, which no container's name is");
  }
  if (!is_printable(text)) {
    return invalid(text, "has characters that no container's name has");
  }
  if (text.starts_with("pid:")) {
    return parse_pid(text, text.substr(4));
  }
  if (text.starts_with("pod/")) {
    return parse_pod(text, text.substr(4));
  }
  if (const std::size_t colon = text.find("://"); colon != text.npos) {
    return parse_runtime(text, colon);
  }
  if (!is_component(text)) {
    return invalid(text, std::string("is no name: ").append(kForms));
  }
  Reference out;
  out.name = text;
  return out;
}

}  // namespace recap::targets
