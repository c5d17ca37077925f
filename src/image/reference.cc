// SPDX-License-Identifier: Apache-2.0
#include "image/reference.h"

#include <algorithm>

#include "image/digest.h"
#include "image/printable.h"

namespace recap::image {

namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kDefaultNamespace = "library/";
constexpr std::string_view kDefaultTag = "latest";
constexpr std::size_t kMaxTagBytes = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }

// [a-z0-9]+ joined by one '.', one or two '_', or any number of '-'.
bool is_path_component(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t word = at;
    while (at < text.size() && (is_lower(text[at]) || is_digit(text[at]))) {
      ++at;
    }
    if (at == word) {
      return false;
    }
    if (at == text.size()) {
      return true;
    }
    const char joint = text[at];
    const std::size_t start = at;
    while (at < text.size() && text[at] == joint) {
      ++at;
    }
    const std::size_t most = joint == '.' ? 1 : joint == '_' ? 2 : joint == '-' ? text.size() : 0;
    if (at - start > most || at == text.size()) {
      return false;
    }
  }
  return false;
}

bool is_path(std::string_view text) {
  while (true) {
    const std::size_t slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(slash + 1);
  }
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, is_digit);
}

// HOST[:PORT], where HOST is a name or an address in square brackets.
bool is_domain(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 2) {
      return false;
    }
    const std::string_view address = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    return address.find_first_not_of("0123456789abcdefABCDEF:") == std::string_view::npos &&
           (rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1))));
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) {
    return false;
  }
  const std::string_view host = text.substr(0, colon);
  const auto allowed = [](char c) { return is_alnum(c) || c == '-' || c == '.'; };
  return !host.empty() && is_alnum(host.front()) && is_alnum(host.back()) &&
         host.find("..") == std::string_view::npos && std::ranges::all_of(host, allowed);
}

bool is_tag(std::string_view text) {
  const auto allowed = [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= kMaxTagBytes && text[0] != '.' && text[0] != '-' &&
         std::ranges::all_of(text, allowed);
}

// The first component is a registry when it could not be part of a path on Docker Hub.
bool names_domain(std::string_view component) {
  return component == "localhost" || component.find_first_of(".:[") != std::string_view::npos ||
         std::ranges::any_of(component, is_upper);
}

base::Error bad(std::string_view text, std::string_view why) {
  return failure(base::Kind::kInvalid, "'", printable(text), "' is no image reference: ", why,
                 "; write NAME, NAME:TAG or NAME@sha256:HEX");
}

// Takes the tag off `rest`; a ':' before the last '/' belongs to a port.
std::string take_tag(std::string_view& rest) {
  const std::size_t colon = rest.rfind(':');
  const std::size_t slash = rest.rfind('/');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash)) {
    return std::string(kDefaultTag);
  }
  std::string tag(rest.substr(colon + 1));
  rest = rest.substr(0, colon);
  return tag;
}

}  // namespace

std::string Reference::canonical() const {
  return domain + "/" + path + (digest.empty() ? ":" + tag : "@" + digest);
}

base::Result<Reference> parse_reference(std::string_view text) {
  Reference out;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    if (!Digest::parse(out.digest)) {
      return bad(text, "its digest is not sha256: and 64 lower-case hex digits");
    }
    rest = rest.substr(0, at);
  }
  out.tag = take_tag(rest);
  if (!is_tag(out.tag)) {
    return bad(text, "its tag has characters a tag cannot have");
  }
  if (!out.digest.empty()) {
    out.tag.clear();
  }
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos && names_domain(rest.substr(0, slash))) {
    out.domain = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
  } else {
    out.domain = kDefaultDomain;
  }
  if (out.domain == "index.docker.io") {
    out.domain = kDefaultDomain;
  }
  if (!is_domain(out.domain)) {
    return bad(text, "its registry is no host name");
  }
  if (!is_path(rest)) {
    return bad(text, "its name has characters a name cannot have (names are lower-case)");
  }
  const bool short_name = out.domain == kDefaultDomain && rest.find('/') == std::string_view::npos;
  out.path = (short_name ? std::string(kDefaultNamespace) : std::string()) + std::string(rest);
  if (out.canonical().size() > kMaxReferenceBytes) {
    return bad(text, "it is longer than 250 characters");
  }
  return out;
}

std::string familiar(std::string_view canonical) {
  const std::string hub = std::string(kDefaultDomain) + "/";
  for (const std::string& left_out : {hub + std::string(kDefaultNamespace), hub}) {
    if (canonical.starts_with(left_out)) {
      // docker.io/library/a/b and docker.io/localhost/a would become other images.
      const auto meant = parse_reference(canonical.substr(left_out.size()));
      if (meant && meant->canonical() == canonical) {
        return std::string(canonical.substr(left_out.size()));
      }
    }
  }
  return std::string(canonical);
}

std::vector<std::string> candidates(std::string_view text) {
  std::vector<std::string> out;
  const auto add = [&out](const std::string& form) {
    if (const auto parsed = parse_reference(form)) {
      out.push_back(parsed->canonical());
    }
  };
  const std::string whole(text);
  if (text.find_first_of("/:@") == std::string_view::npos) {
    add("recap/" + whole);
  }
  add(whole);
  if (const std::size_t slash = text.find('/');
      slash == std::string_view::npos || !names_domain(text.substr(0, slash))) {
    add("localhost/" + whole);
  }
  return out;
}

std::string reference_to_file_name(std::string_view canonical) {
  std::string out(canonical);
  std::ranges::replace(out, '/', '+');
  std::ranges::replace(out, ':', '=');
  return out;
}

std::optional<std::string> file_name_to_reference(std::string_view file_name) {
  if (file_name.starts_with('.')) {
    return std::nullopt;  // a file that is being written
  }
  std::string out(file_name);
  std::ranges::replace(out, '+', '/');
  std::ranges::replace(out, '=', ':');
  return out;
}

}  // namespace recap::image
