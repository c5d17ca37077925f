// SPDX-License-Identifier: Apache-2.0
// Any bytes as a run's spec and record, and a good spec with some bytes changed: what the keeper
// decodes lies within its input, and keeps every limit.
#include <algorithm>
#include <array>
#include <vector>

#include "check.h"
#include "run/record.h"
#include "run/spec.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;
using fuzz::is_c_string_in;

void check_spec(const run::Spec& spec, std::span<const std::byte> input) {
  check(spec.layer_count <= run::kMaxLayers && spec.path_count <= run::kMaxPaths);
  check(spec.group_count <= run::kMaxGroups && !spec.argv.empty());
  check(spec.view <= run::View::kMerged && spec.run_as <= run::RunAs::kRoot);
  check(spec.profile <= run::Profile::kFiles && spec.out <= run::OutMode::kFile);
  for (const std::string_view text :
       {spec.run_id, spec.name, spec.requester, spec.state_dir, spec.record_dir, spec.cgroup_parent,
        spec.target.runtime, spec.target.container_id, spec.target.name, spec.image.reference,
        spec.image.digest, spec.workdir}) {
    check(is_c_string_in(text, input));
  }
  for (const auto& words : {spec.argv, spec.envp}) {
    check(std::ranges::all_of(words, [&](auto word) { return is_c_string_in(word, input); }));
  }
  for (std::size_t i = 0; i < spec.path_count; ++i) {
    check(is_c_string_in(spec.paths[i].path, input));
  }
  for (std::size_t i = 0; i < spec.layer_count; ++i) {
    check(is_c_string_in(spec.layers[i], input));
  }
}

bool decodes(std::span<const std::byte> input) {
  static std::array<std::string_view, run::kMaxWords * 2> words;
  const auto spec = run::decode(input, words);
  if (spec) {
    check_spec(*spec, input);
  }
  return spec.has_value();
}

// Cuts `data` into the strings of a spec.
class Words {
 public:
  explicit Words(std::string_view data) : data_(data) {}
  std::string_view next() {
    const std::string_view word = data_.substr(0, data_.find('\0'));
    data_.remove_prefix(std::min(word.size() + 1, data_.size()));
    return word;
  }

 private:
  std::string_view data_;
};

std::vector<std::byte> encoded(std::string_view data) {
  Words words(data);
  std::array argv{words.next(), words.next()};
  std::array envp{words.next()};
  run::Spec spec;
  spec.run_id = words.next();
  spec.target.name = words.next();
  spec.workdir = words.next();
  spec.argv = argv;
  spec.envp = envp;
  spec.layers[spec.layer_count++] = words.next();
  spec.paths[spec.path_count++] = {.path = words.next(), .writable = true};
  spec.groups[spec.group_count++] = 7;
  std::vector<std::byte> buffer(data.size() + 1024);
  const auto size = run::encode(spec, buffer);
  check(size.has_value());
  buffer.resize(*size);
  return buffer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  decodes(input);
  if (const auto record = run::decode_record(input)) {
    check(is_c_string_in(record->message, input) && is_c_string_in(record->command, input));
    check(record->residue_count <= run::kMaxResidue && record->path_count <= run::kMaxPaths);
  }
  std::vector<std::byte> good = encoded(fuzz::text_of(data, size));
  check(decodes(good));
  check(!decodes(std::span(good).first(good.size() - 1)));
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    good[(data[i] * 256U + data[i + 1]) % good.size()] = std::byte{data[i + 2]};
  }
  decodes(good);
  return 0;
}
