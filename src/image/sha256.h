// SPDX-License-Identifier: Apache-2.0
// SHA-256 of a stream.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "image/digest.h"

struct evp_md_ctx_st;

namespace recap::image {

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> data);
  // Of everything so far; the object is used up. All zero (which no data has) when out of memory.
  Digest finish();

  static Digest of(std::span<const std::byte> data);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  bool ok_ = false;
};

}  // namespace recap::image
