// SPDX-License-Identifier: Apache-2.0
#include "kube/kinds_quantity.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>

namespace recap::kube {
namespace {

constexpr std::uint64_t kMost = std::uint64_t{1} << 53;

struct Suffix {
  std::string_view text;
  long double factor;  // in thousandths
};
constexpr Suffix kSuffixes[] = {{"", 1e3L},
                                {"m", 1},
                                {"k", 1e6L},
                                {"M", 1e9L},
                                {"G", 1e12L},
                                {"T", 1e15L},
                                {"Ki", 1024e3L},
                                {"Mi", 1048576e3L},
                                {"Gi", 1073741824e3L},
                                {"Ti", 1099511627776e3L}};

// "e3" or "E3", both Kubernetes' decimal exponents.
std::optional<long double> exponent_factor(std::string_view suffix) {
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) {
    return std::nullopt;
  }
  int exponent = 0;
  const char* const end = suffix.data() + suffix.size();
  const auto [at, error] = std::from_chars(suffix.data() + 1, end, exponent);
  if (error != std::errc{} || at != end || exponent < -3 || exponent > 15) {
    return std::nullopt;
  }
  return 1e3L * std::pow(10.0L, exponent);
}

std::optional<long double> factor_of(std::string_view suffix) {
  for (const Suffix& known : kSuffixes) {
    if (known.text == suffix) {
      return known.factor;
    }
  }
  return exponent_factor(suffix);
}

base::Result<long double> in_thousandths(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  const std::string_view digits = text.substr(0, end);
  const auto factor = factor_of(end == std::string_view::npos ? "" : text.substr(end));
  long double value = 0;
  const char* const last = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), last, value, std::chars_format::fixed);
  if (digits.empty() || error != std::errc{} || at != last || !factor) {
    return base::Error(base::Kind::kInvalid,
                       base::concat<200>("'", text.substr(0, 40),
                                         "' is no amount: write it like 200m, 0.5, 128Mi or 1G"));
  }
  return value * *factor;
}

base::Result<std::uint64_t> rounded_up(long double value) {
  const long double whole = std::ceil(value - 1e-6L);
  if (whole > static_cast<long double>(kMost)) {
    return base::Error(base::Kind::kInvalid, "the amount is too large");
  }
  return static_cast<std::uint64_t>(whole);
}

}  // namespace

base::Result<std::uint64_t> parse_quantity_milli(std::string_view text) {
  return rounded_up(RECAP_TRY(in_thousandths(text)));
}

base::Result<std::uint64_t> parse_quantity(std::string_view text) {
  return rounded_up(RECAP_TRY(in_thousandths(text)) / 1000);
}

}  // namespace recap::kube
