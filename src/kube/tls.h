// SPDX-License-Identifier: Apache-2.0
// TLS for the API server: whom we trust, and the certificate by which we are known. All from
// memory; no key touches a disk.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "base/result.h"

namespace recap::kube {

struct TlsMaterial {
  std::string ca_pem;  // "": the system's CAs
  std::string cert_pem, key_pem;
  bool insecure_skip_verify = false;

  bool operator==(const TlsMaterial&) const = default;
};

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

// TLS 1.2 or newer. kInvalid says which of the PEMs is none, or that key and certificate differ.
base::Result<TlsContext> make_tls_context(const TlsMaterial& material);

}  // namespace recap::kube
