// SPDX-License-Identifier: Apache-2.0
// What the API server says when it refuses, as a base::Error.
//
// An Error has a kind and a sentence; code and reason of the server travel in errno_value(), as a
// negative number, which no errno is. So they survive context() and every Result on the way up:
//
//   if (!made && api_reason(made.error()) == Reason::kAlreadyExists) { … }
//
// Kinds: 400, 405, 415, 422 kInvalid; 401, 403 kDenied; 404 kNotFound; 409 kExists (AlreadyExists)
// or kBusy (Conflict); 410 kGone; 413 kExhausted; 429, 5xx kBusy; 408, 504 kTimeout. Failures of
// the network, before any answer, have code 0 and kind kBusy (connection refused, reset, closed),
// kTimeout, kNotFound (no such host), kDenied (the server's certificate) or kCorrupt (no HTTP, no
// JSON).
#pragma once

#include <cstdint>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/result.h"

namespace recap::kube {

// metav1.StatusReason, where somebody acts on it.
enum class Reason : std::uint8_t {
  kUnknown,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kAlreadyExists,
  kConflict,
  kGone,
  kExpired,
  kInvalid,
  kBadRequest,
  kServerTimeout,
  kTimeout,
  kTooManyRequests,
  kInternalError,
  kServiceUnavailable,
  kResourceVersionTooLarge,  // a cause of Timeout: the server's cache is older than what we know
};

int api_code(const base::Error& error);  // HTTP's; 0: no answer of an API server
Reason api_reason(const base::Error& error);

// From an answer's code and body, which should be a Status object and often is not (a proxy's
// page). `what` is the request: "get pods in shop".
base::Error error_of_answer(int code, std::string_view body, std::string_view what);

// From a Status object, also one inside a watch's ERROR.
base::Error error_of_status(const boost::json::object& status, std::string_view what);

// `error` with another code or reason, for tests and for adapters.
base::Error api_error(base::Kind kind, int code, Reason reason, std::string_view message);

}  // namespace recap::kube
