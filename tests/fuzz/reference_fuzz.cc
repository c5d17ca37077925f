// SPDX-License-Identifier: Apache-2.0
// Any words as the names that people type: of an image, of a target. What is accepted has one
// canonical form, and can be neither a path nor an escape sequence.
#include "check.h"
#include "image/reference.h"
#include "targets/reference.h"
#include "targets/text.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

void name_image(std::string_view text) {
  for (const std::string& candidate : image::candidates(text)) {
    const auto reference = image::parse_reference(candidate);
    check(reference && reference->canonical() == candidate);
    check(targets::is_printable(candidate) && candidate.find("/.") == std::string::npos);
    check(!image::familiar(candidate).empty());
  }
  const auto reference = image::parse_reference(text);
  if (!reference) {
    check(targets::is_printable(reference.error().message()));
    return;
  }
  const std::string canonical = reference->canonical();
  const std::string name = image::reference_to_file_name(canonical);
  check(name.find('/') == std::string::npos && name.size() <= 255 && !name.starts_with('.'));
  check(image::file_name_to_reference(name) == canonical);
  const auto again = image::parse_reference(image::familiar(canonical));
  check(again && again->canonical() == canonical);
}

void name_target(std::string_view text) {
  const auto reference = targets::parse_reference(text);
  if (!reference) {
    check(targets::is_printable(reference.error().message()));
    return;
  }
  using Form = targets::Reference::Form;
  check(reference->form != Form::kPid || (reference->pid > 0 && reference->pid <= 4194304));
  check(reference->form == Form::kPid || !reference->name.empty());
  check((reference->form != Form::kAny && reference->form != Form::kRuntime) ||
        targets::is_component(reference->name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  name_image(text);
  name_target(text);
  return 0;
}
