// SPDX-License-Identifier: Apache-2.0
#include "linux/error.h"

#include <cerrno>

namespace recap::linux {

namespace {

using base::Kind;

struct Known {
  int err;
  std::string_view name;
  std::string_view text;
  Kind kind;
};

// Texts are those of strerror(3), which needs a libc.
constexpr Known kKnown[] = {
    {EPERM, "EPERM", "operation not permitted", Kind::kDenied},
    {ENOENT, "ENOENT", "no such file or directory", Kind::kNotFound},
    {ESRCH, "ESRCH", "no such process", Kind::kGone},
    {EINTR, "EINTR", "interrupted", Kind::kBusy},
    {EIO, "EIO", "input/output error", Kind::kCorrupt},
    {ENXIO, "ENXIO", "no such device or address", Kind::kNotFound},
    {E2BIG, "E2BIG", "argument list too long", Kind::kInvalid},
    {ENOEXEC, "ENOEXEC", "exec format error", Kind::kInvalid},
    {EBADF, "EBADF", "bad file descriptor", Kind::kInternal},
    {ECHILD, "ECHILD", "no child processes", Kind::kGone},
    {EAGAIN, "EAGAIN", "resource temporarily unavailable", Kind::kBusy},
    {ENOMEM, "ENOMEM", "cannot allocate memory", Kind::kExhausted},
    {EACCES, "EACCES", "permission denied", Kind::kDenied},
    {EFAULT, "EFAULT", "bad address", Kind::kInternal},
    {EBUSY, "EBUSY", "device or resource busy", Kind::kBusy},
    {EEXIST, "EEXIST", "file exists", Kind::kExists},
    {EXDEV, "EXDEV", "path leaves the directory it must stay in", Kind::kDenied},
    {ENODEV, "ENODEV", "no such device", Kind::kUnsupported},
    {ENOTDIR, "ENOTDIR", "not a directory", Kind::kInvalid},
    {EISDIR, "EISDIR", "is a directory", Kind::kInvalid},
    {EINVAL, "EINVAL", "invalid argument", Kind::kInvalid},
    {ENFILE, "ENFILE", "too many open files in system", Kind::kExhausted},
    {EMFILE, "EMFILE", "too many open files", Kind::kExhausted},
    {ETXTBSY, "ETXTBSY", "text file busy", Kind::kBusy},
    {EFBIG, "EFBIG", "file too large", Kind::kExhausted},
    {ENOSPC, "ENOSPC", "no space left on device", Kind::kExhausted},
    {EROFS, "EROFS", "read-only file system", Kind::kDenied},
    {EMLINK, "EMLINK", "too many links", Kind::kExhausted},
    {EPIPE, "EPIPE", "broken pipe", Kind::kGone},
    {ENAMETOOLONG, "ENAMETOOLONG", "file name too long", Kind::kInvalid},
    {ENOSYS, "ENOSYS", "not in this kernel", Kind::kUnsupported},
    {ENOTEMPTY, "ENOTEMPTY", "directory not empty", Kind::kBusy},
    {ELOOP, "ELOOP", "symbolic link where none is allowed", Kind::kDenied},
    {ENODATA, "ENODATA", "no data available", Kind::kNotFound},
    {EOVERFLOW, "EOVERFLOW", "value too large", Kind::kInvalid},
    {EOPNOTSUPP, "EOPNOTSUPP", "operation not supported", Kind::kUnsupported},
    {EADDRINUSE, "EADDRINUSE", "address already in use", Kind::kExists},
    {ECONNRESET, "ECONNRESET", "connection reset by peer", Kind::kGone},
    {ECONNREFUSED, "ECONNREFUSED", "connection refused", Kind::kGone},
    {ETIMEDOUT, "ETIMEDOUT", "timed out", Kind::kTimeout},
    {EDQUOT, "EDQUOT", "disk quota exceeded", Kind::kExhausted},
    {EUSERS, "EUSERS", "too many users", Kind::kExhausted},
};

const Known* known(int err) {
  for (const Known& entry : kKnown) {
    if (entry.err == err) {
      return &entry;
    }
  }
  return nullptr;
}

}  // namespace

base::Error failed(std::string_view action, std::string_view object, int err) {
  const Known* entry = known(err);
  base::FixedString<512> message("cannot ");
  message.append(action);
  if (!object.empty()) {
    message.append(" ").append(object);
  }
  message.append(": ");
  if (entry == nullptr) {
    message.append("error ").append(err);
  } else {
    message.append(entry->text).append(" (").append(entry->name).append(")");
  }
  return {entry == nullptr ? Kind::kInternal : entry->kind, message.view(), err};
}

base::Status status_of(long ret, std::string_view action, std::string_view object) {
  return ret < 0 ? base::Status(failed(action, object, static_cast<int>(-ret))) : base::Status();
}

}  // namespace recap::linux
