// SPDX-License-Identifier: Apache-2.0
// Who has to have signed an image: containers-policy.json(5), as operators have set it up for
// Podman, CRI-O and skopeo. skopeo decides by it; what is here finds the file, so that skopeo and
// the record speak of the same bytes, and which of its requirements an image had to meet.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::image {

struct SignaturePolicy {
  std::string path;  // where it was read; for people
  std::string text;
};

// `chosen`, else $RECAP_SIGNATURE_POLICY, else the places where skopeo would look. kNotFound when
// there is none: without one nothing can be pulled.
base::Result<SignaturePolicy> read_signature_policy(const std::string& chosen);

// What an image had to meet that was allowed to be pulled from `location` (docker://…): for the
// record, one line. "sigstoreSigned by /etc/keys/ops.pub (sha256:…), docker registry.example/ops,
// /etc/containers/policy.json (sha256:…)". kCorrupt when the policy cannot be read.
base::Result<std::string> requirements_on(const SignaturePolicy& policy, std::string_view location);

}  // namespace recap::image
