// SPDX-License-Identifier: Apache-2.0
#include "caplet/bucket.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <map>

#include "kube/resource.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kReport = "\nrecap-upload ";  // exit code and HTTP code follow
constexpr std::size_t kMaxCredentials = 16384;

Error wrong_store(std::string_view why) {
  return {Kind::kInvalid,
          base::concat<400>(why,
                            ": write it like s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&"
                            "credentials=/etc/recap/s3")};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// What stands between `text` and the next `mark`, which is taken away with it.
std::string_view take_until(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

// The lines "name = value" of the profile [default].
std::map<std::string, std::string, std::less<>> default_profile(std::string_view text) {
  std::map<std::string, std::string, std::less<>> profile;
  bool is_default = false;
  while (!text.empty()) {
    std::string_view line = trimmed(take_until(text, '\n'));
    if (line.starts_with('[')) {
      is_default = line == "[default]";
    } else if (is_default && !line.starts_with('#') && line.find('=') != std::string_view::npos) {
      const std::string_view name = trimmed(take_until(line, '='));
      profile.emplace(name, trimmed(line));
    }
  }
  return profile;
}

// A value of curl's configuration file.
std::string quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  }
  return quoted + "\"";
}

// A key's slashes stay, everything else that is not plain is encoded, as the signature wants it.
std::string encoded_key(std::string_view key) {
  std::string encoded;
  while (!key.empty()) {
    const bool more = key.find('/') != std::string_view::npos;
    encoded += kube::percent_encode(take_until(key, '/')) + (more ? "/" : "");
  }
  return encoded;
}

Status set_parameter(Bucket& bucket, std::string_view name, std::string_view value) {
  if (name == "endpoint") {
    bucket.endpoint = value.substr(0, value.find_last_not_of('/') + 1);
  } else if (name == "credentials") {
    bucket.credentials = value;
  } else if (name == "region") {
    bucket.region = value;
  } else {
    return wrong_store(base::concat<200>("'", name.substr(0, 60),
                                         "' is none of endpoint, "
                                         "credentials, region")
                           .view());
  }
  return {};
}

}  // namespace

Result<Bucket> parse_bucket(std::string_view url) {
  if (!url.starts_with(kScheme)) {
    return wrong_store("a bucket begins with s3://");
  }
  url.remove_prefix(kScheme.size());
  Bucket bucket;
  bucket.region = "us-east-1";
  std::string_view place = take_until(url, '?');
  bucket.name = take_until(place, '/');
  bucket.prefix = place;
  if (!bucket.prefix.empty() && !bucket.prefix.ends_with('/')) {
    bucket.prefix += "/";
  }
  while (!url.empty()) {
    std::string_view value = take_until(url, '&');
    const std::string_view name = take_until(value, '=');
    RECAP_TRY(set_parameter(bucket, name, value));
  }
  const bool has_scheme =
      bucket.endpoint.starts_with("https://") || bucket.endpoint.starts_with("http://");
  if (bucket.name.empty() || !has_scheme || !bucket.credentials.starts_with('/')) {
    return wrong_store(
        "a bucket, its endpoint and an absolute path of its "
        "credentials are needed");
  }
  return bucket;
}

Result<std::string> upload_config(const Bucket& bucket, std::string_view key) {
  std::array<char, kMaxCredentials> buffer;
  const std::string_view text =
      RECAP_TRY(linux::read_file_at(linux::kCwd, bucket.credentials.c_str(), buffer)
                    .context("the credentials of a store"));
  auto profile = default_profile(text);
  const std::string& id = profile["aws_access_key_id"];
  const std::string& secret = profile["aws_secret_access_key"];
  if (id.empty() || secret.empty()) {
    return Error(Kind::kInvalid,
                 base::concat<400>(bucket.credentials,
                                   " has no aws_access_key_id and aws_secret_access_key below "
                                   "[default]"));
  }
  std::string config = "url = " + quoted(bucket.endpoint + "/" + encoded_key(bucket.name) + "/" +
                                         encoded_key(bucket.prefix + std::string(key)));
  config += "\nuser = " + quoted(id + ":" + secret);
  config += "\naws-sigv4 = " + quoted("aws:amz:" + bucket.region + ":s3");
  // Signed in its place: the hash of what is sent would cost reading it twice.
  config += "\nheader = \"x-amz-content-sha256: UNSIGNED-PAYLOAD\"";
  if (const std::string& token = profile["aws_session_token"]; !token.empty()) {
    config += "\nheader = " + quoted("x-amz-security-token: " + token);
  }
  // A regular file has a length, which the server wants to know first. No redirect is followed.
  config +=
      "\nupload-file = "
      "\"/dev/stdin\"\nsilent\nshow-error\nconnect-timeout = 10\n"
      "speed-limit = 1\nspeed-time = 60\n";
  config += "write-out = \"\\nrecap-upload %{exitcode} %{http_code}\"\n";
  return config;
}

Status uploaded(std::string_view said) {
  const std::size_t at = said.rfind(kReport);
  const std::string_view report =
      at == std::string_view::npos ? "" : trimmed(said.substr(at + kReport.size()));
  if (report.starts_with("0 2")) {
    return {};
  }
  const std::string_view words = trimmed(said.substr(0, at));
  return Error(report.starts_with("0 ") ? Kind::kDenied : Kind::kBusy,
               base::concat<480>("the store did not take it (curl and HTTP say ", report,
                                 "): ", words.substr(0, 400)));
}

}  // namespace recap::caplet
