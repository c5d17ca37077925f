// SPDX-License-Identifier: Apache-2.0
// A store of artifacts that is a bucket of an S3-compatible object store: how it is named, with
// which credentials, and how `curl` is told to put a file there (it signs the request: AWS
// Signature Version 4).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::caplet {

struct Bucket {
  std::string endpoint;  // "https://objects.example:9000"
  std::string name;
  std::string prefix;  // of keys: "" or "backups/"
  std::string region;
  std::string credentials;  // the path of a file as AWS's tools read it, with a
                            // profile [default]
};

// "s3://BUCKET[/PREFIX]?endpoint=URL&credentials=FILE[&region=REGION]"; the region is us-east-1,
// which is what servers other than AWS's expect, unless given. kInvalid says what is wrong.
base::Result<Bucket> parse_bucket(std::string_view url);

// The configuration file (curl -K) that makes curl send its standard input, a regular file, as the
// object PREFIX + `key`, and report how it went in its last line. kNotFound, kInvalid: of the
// credentials.
base::Result<std::string> upload_config(const Bucket& bucket, std::string_view key);

// From what curl said, the end of it. kBusy when the server could not be reached, kDenied when it
// refused this object; the message has its own words.
base::Status uploaded(std::string_view said);

}  // namespace recap::caplet
