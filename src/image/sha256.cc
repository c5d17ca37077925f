// SPDX-License-Identifier: Apache-2.0
#include "image/sha256.h"

#include <openssl/evp.h>

namespace recap::image {

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  ok_ = context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
}

void Sha256::update(std::span<const std::byte> data) {
  ok_ = ok_ && EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1;
}

Digest Sha256::finish() {
  std::array<unsigned char, Digest::kBytes> bytes{};
  ok_ = ok_ && EVP_DigestFinal_ex(context_.get(), bytes.data(), nullptr) == 1;
  return ok_ ? Digest(bytes) : Digest();
}

Digest Sha256::of(std::span<const std::byte> data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

}  // namespace recap::image
