// SPDX-License-Identifier: Apache-2.0
#include "kube/tls.h"

#include <exception>

#include <boost/asio/buffer.hpp>
#include <openssl/ssl.h>

namespace recap::kube {

namespace ssl = boost::asio::ssl;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

Status failed(std::string_view what, const boost::system::error_code& error) {
  if (!error) {
    return {};
  }
  return Error(Kind::kInvalid, base::concat<256>(what, ": ", error.message()).view());
}

Status add_trust(ssl::context& context, const TlsMaterial& material) {
  boost::system::error_code error;
  if (material.insecure_skip_verify) {
    context.set_verify_mode(ssl::verify_none, error);
    return failed("cannot switch the check of the server's certificate off", error);
  }
  context.set_verify_mode(ssl::verify_peer, error);
  if (material.ca_pem.empty()) {
    context.set_default_verify_paths(error);
    return failed("cannot read the system's CA certificates", error);
  }
  context.add_certificate_authority(boost::asio::buffer(material.ca_pem), error);
  return failed("the cluster's CA is no PEM certificate", error);
}

Status add_identity(ssl::context& context, const TlsMaterial& material) {
  if (material.cert_pem.empty()) {
    return {};
  }
  boost::system::error_code error;
  context.use_certificate_chain(boost::asio::buffer(material.cert_pem), error);
  RECAP_TRY(failed("the client certificate is no PEM certificate", error));
  context.use_private_key(boost::asio::buffer(material.key_pem), ssl::context::pem, error);
  return failed("the client key is no PEM key, or not the certificate's", error);
}

}  // namespace

Result<TlsContext> make_tls_context(const TlsMaterial& material) {
  TlsContext context;
  try {
    context = std::make_shared<ssl::context>(ssl::context::tls_client);
  } catch (const std::exception& error) {
    return Error(Kind::kExhausted, base::concat<256>("cannot set up TLS: ", error.what()).view());
  }
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // an idle watch keeps no 34 KiB of them
  RECAP_TRY(add_trust(*context, material));
  RECAP_TRY(add_identity(*context, material));
  return context;
}

}  // namespace recap::kube
