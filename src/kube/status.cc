// SPDX-License-Identifier: Apache-2.0
#include "kube/status.h"

#include <array>
#include <string>
#include <utility>

#include "kube/json.h"

namespace recap::kube {

namespace json = boost::json;
using base::Error;
using base::Kind;

namespace {

struct Word {
  std::string_view word;
  Reason reason;
};
constexpr std::array<Word, 15> kReasons{{
    {"Unauthorized", Reason::kUnauthorized},
    {"Forbidden", Reason::kForbidden},
    {"NotFound", Reason::kNotFound},
    {"AlreadyExists", Reason::kAlreadyExists},
    {"Conflict", Reason::kConflict},
    {"Gone", Reason::kGone},
    {"Expired", Reason::kExpired},
    {"Invalid", Reason::kInvalid},
    {"BadRequest", Reason::kBadRequest},
    {"ServerTimeout", Reason::kServerTimeout},
    {"Timeout", Reason::kTimeout},
    {"TooManyRequests", Reason::kTooManyRequests},
    {"InternalError", Reason::kInternalError},
    {"ServiceUnavailable", Reason::kServiceUnavailable},
    {"ResourceVersionTooLarge", Reason::kResourceVersionTooLarge},
}};

Reason reason_of(std::string_view word) {
  for (const Word& known : kReasons) {
    if (known.word == word) {
      return known.reason;
    }
  }
  return Reason::kUnknown;
}

bool has_cause(const json::object& status, std::string_view cause) {
  const json::array* causes = array_at(status, {"details", "causes"});
  if (causes == nullptr) {
    return false;
  }
  for (const json::value& each : *causes) {
    if (each.is_object() && text_at(each.get_object(), {"reason"}) == cause) {
      return true;
    }
  }
  return false;
}

Kind kind_of(int code, Reason reason) {
  switch (code) {
    case 401:
    case 403:
      return Kind::kDenied;
    case 404:
      return Kind::kNotFound;
    case 409:
      return reason == Reason::kAlreadyExists ? Kind::kExists : Kind::kBusy;
    case 410:
      return Kind::kGone;
    case 413:
      return Kind::kExhausted;
    case 408:
    case 504:
      return Kind::kTimeout;
    default:
      return code == 429 || code >= 500 ? Kind::kBusy : Kind::kInvalid;
  }
}

// Bodies that are no Status (a proxy's page) appear in messages in one line and shortened.
std::string one_line(std::string_view text) {
  std::string out(text.substr(0, 160));
  for (char& c : out) {
    c = c < ' ' || c > '~' ? ' ' : c;
  }
  return out;
}

}  // namespace

int api_code(const Error& error) {
  return error.errno_value() < 0 ? -error.errno_value() / 100 : 0;
}

Reason api_reason(const Error& error) {
  return error.errno_value() < 0 ? static_cast<Reason>(-error.errno_value() % 100)
                                 : Reason::kUnknown;
}

Error api_error(Kind kind, int code, Reason reason, std::string_view message) {
  return {kind, message, -(code * 100 + static_cast<int>(reason))};
}

Error error_of_status(const json::object& status, std::string_view what) {
  const int code = static_cast<int>(number_at(status, {"code"}).value_or(500) % 1000);
  Reason reason = reason_of(text_at(status, {"reason"}));
  if (has_cause(status, "ResourceVersionTooLarge")) {
    reason = Reason::kResourceVersionTooLarge;
  }
  std::string_view said = text_at(status, {"message"});
  const auto message = base::concat<480>("cannot ", what, ": the API server says \"",
                                         said.empty() ? "nothing more" : said, "\" (", code, " ",
                                         text_at(status, {"reason"}), ")");
  return api_error(kind_of(code, reason), code, reason, message.view());
}

Error error_of_answer(int code, std::string_view body, std::string_view what) {
  if (const auto parsed = parse_object(body, what);
      parsed && text_at(*parsed, {"kind"}) == "Status") {
    json::object status = *parsed;
    status["code"] = code;  // the one that counts for us is HTTP's
    return error_of_status(status, what);
  }
  const auto message = base::concat<480>("cannot ", what, ": the API server answers ", code, " \"",
                                         one_line(body), "\"");
  return api_error(kind_of(code, Reason::kUnknown), code, Reason::kUnknown, message.view());
}

}  // namespace recap::kube
