// SPDX-License-Identifier: Apache-2.0
// Any bytes as a host's policy file and as containers' policy.json: what is read of the first
// allows nothing but what can be granted, and can be compiled; what is said of the second is one
// line.
#include <string>

#include "check.h"
#include "image/signature_policy.h"
#include "kube/policy_file.h"
#include "policy/capabilities.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

void read_host_policy(std::string_view text) {
  const auto policies = kube::parse_policy_file(text);
  if (!policies) {
    check(policies.error().message().find('\n') == std::string_view::npos);
    return;
  }
  for (const policy::HostPolicy& policy : *policies) {
    check(!policy.name.empty());
    check((policy.allow.capabilities & ~policy::grantable_capabilities()) == 0);
  }
  check(policy::encode({}, *policies).has_value());
}

void read_signature_policy(std::string_view text) {
  const auto line = image::requirements_on({"/p", std::string(text)}, "docker://h.example:1/a/b:1");
  check(!line || (line->find('\n') == std::string::npos && line->size() < 500));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_host_policy(text);
  read_signature_policy(text);
  return 0;
}
