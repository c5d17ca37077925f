// SPDX-License-Identifier: Apache-2.0
#include "policy/host_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <span>

#include "linux/fs.h"
#include "run/fields.h"

namespace recap::policy {

using base::Error;
using base::Kind;
using base::Result;
using run::Reader;
using run::Writer;

namespace {

constexpr std::uint32_t kMagic = 0x59434552;  // "RECY"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
constexpr std::uint32_t kMaxEntries = 20'000;  // of a list

void put(Writer& io, const std::string& text) { io.text(text); }
void put(Reader& io, std::string& text) { text = io.text(); }
using run::put;

template <typename E>
  requires std::is_enum_v<E>
void put(Writer& io, E value) {
  run::put_enum(io, value, E{});
}
constexpr run::View last_of(run::View) { return run::View::kMerged; }
constexpr run::RunAs last_of(run::RunAs) { return run::RunAs::kRoot; }
constexpr LabelRequirement::Operator last_of(LabelRequirement::Operator) {
  return LabelRequirement::Operator::kDoesNotExist;
}
template <typename E>
  requires std::is_enum_v<E>
void put(Reader& io, E& value) {
  run::put_enum(io, value, last_of(E{}));
}

template <typename T>
void put(Writer& io, const std::optional<T>& value) {
  put(io, value.has_value());
  put(io, value.value_or(T{}));
}
template <typename T>
void put(Reader& io, std::optional<T>& value) {
  const bool has = io.number<std::uint8_t>() != 0;
  T read{};
  put(io, read);
  value = has ? std::optional(read) : std::nullopt;
}

template <typename T>
void put(Writer& io, const std::vector<T>& list);
template <typename T>
void put(Reader& io, std::vector<T>& list);

void put_fields(auto& io, auto& requirement)
  requires requires { requirement.op; }
{
  put(io, requirement.key);
  put(io, requirement.op);
  put(io, requirement.values);
}

void put_fields(auto& io, auto& policy)
  requires requires { policy.allow; }
{
  put(io, policy.name);
  put(io, policy.targets.requirements);
  put(io, policy.users);
  put(io, policy.functions);
  put(io, policy.images);
  auto& allow = policy.allow;
  put(io, allow.share);
  put(io, allow.views);
  put(io, allow.read_paths);
  put(io, allow.write_paths);
  put(io, allow.capabilities);
  put(io, allow.run_as);
  put(io, allow.host_namespaces);
  put(io, allow.privileged_targets);
  auto& max = policy.max;
  put(io, max.cpu_millis);
  put(io, max.memory_bytes);
  put(io, max.pids);
  put(io, max.scratch_bytes);
  put(io, max.artifact_bytes);
  put(io, max.deadline_s);
}

template <typename T>
concept Struct = std::is_same_v<T, LabelRequirement> || std::is_same_v<T, HostPolicy>;

void put(Writer& io, const Struct auto& value) { put_fields(io, value); }
template <Struct T>
void put(Reader& io, T& value) {
  put_fields(io, value);
}

template <typename T>
void put(Writer& io, const std::vector<T>& list) {
  io.number(static_cast<std::uint32_t>(list.size()));
  for (const T& each : list) {
    put(io, each);
  }
}

// A damaged count must not reserve memory, so the list grows as it is read.
template <typename T>
void put(Reader& io, std::vector<T>& list) {
  const auto count = io.number<std::uint32_t>();
  if (count > kMaxEntries) {
    return io.reject();
  }
  list.clear();
  for (std::uint32_t i = 0; io.ok() && i < count; ++i) {
    T each{};
    put(io, each);
    list.push_back(std::move(each));
  }
}

void put_state(auto& io, auto& state) {
  put(io, state.device);
  put(io, state.inode);
  put(io, state.size);
  put(io, state.changed_s);
  put(io, state.changed_ns);
}

// Whether `text` is of `source`, and what it says.
bool decode(std::span<const std::byte> text, const FileState& source,
            std::vector<HostPolicy>& policies) {
  Reader in(text);
  if (in.number<std::uint32_t>() != kMagic || in.number<std::uint32_t>() != kVersion) {
    return false;
  }
  FileState of;
  put_state(in, of);
  put(in, policies);
  return in.at_end() && of == source;
}

}  // namespace

Result<FileState> state_of_policy(int fd, std::string_view path) {
  struct stat info{};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != 0 ||
      (info.st_mode & 022) != 0) {
    return Error(Kind::kDenied,
                 base::concat<400>("the policy ", path,
                                   " must be a file of root that nobody else may write: chown "
                                   "root ",
                                   path, " && chmod 644 ", path));
  }
  return FileState{.device = info.st_dev,
                   .inode = info.st_ino,
                   .size = static_cast<std::uint64_t>(info.st_size),
                   .changed_s = info.st_ctim.tv_sec,
                   .changed_ns = info.st_ctim.tv_nsec};
}

Result<std::vector<std::byte>> encode(const FileState& source,
                                      const std::vector<HostPolicy>& policies) {
  std::vector<std::byte> buffer(kMaxBytes);
  Writer out(buffer);
  out.number(kMagic);
  out.number(kVersion);
  put_state(out, source);
  put(out, policies);
  if (!out.ok()) {
    return Error(Kind::kInvalid, "the policy is too large: split or shorten it");
  }
  buffer.resize(out.written().size());
  return buffer;
}

Result<HostPolicies> read_host_policies(const std::string& source, const std::string& compiled) {
  HostPolicies out;
  const auto file = linux::open_at(linux::kCwd, source.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) {
    if (file.error().errno_value() == ENOENT) {
      return out;
    }
    return file.error();
  }
  out.exist = true;
  const FileState state = RECAP_TRY(state_of_policy(file->get(), source));
  const auto made = linux::open_at(linux::kCwd, compiled.c_str(), O_RDONLY | O_NOFOLLOW);
  if (!made) {
    return out;  // stale: whoever asked has it made anew
  }
  struct stat info{};
  if (fstat(made->get(), &info) != 0 || info.st_size > static_cast<off_t>(kMaxBytes)) {
    return out;
  }
  std::vector<std::byte> text(static_cast<std::size_t>(info.st_size));
  text.resize(RECAP_TRY(linux::read_all(made->get(), text)));
  out.current = decode(text, state, out.policies);
  return out;
}

}  // namespace recap::policy
