// SPDX-License-Identifier: Apache-2.0
// The heap of `recap` where its libc is musl, whose own gives pages back to the kernel with nearly
// every free(): a tenth of a millisecond for a program that lives for two. This one keeps them.
//
// Powers of two, a free list each, cut from chunks; what is larger than a chunk is a mapping of its
// own. One thread. A block's size stands in the 16 bytes before it.
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace {

constexpr std::size_t kHeader = 16;
constexpr std::size_t kChunk = 256 * 1024;
constexpr std::size_t kLargest = 64 * 1024;  // of what is cut from a chunk
constexpr std::size_t kClasses = 17;         // up to 1 << 16

struct Free {
  Free* next;
};
Free* g_free[kClasses];
std::byte* g_chunk = nullptr;
std::size_t g_chunk_left = 0;

std::byte* map(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

std::size_t& size_of(void* block) {
  return *reinterpret_cast<std::size_t*>(static_cast<std::byte*>(block) - kHeader);
}

// `whole` includes the header.
std::byte* cut(std::size_t whole) {
  if (g_chunk_left < whole) {
    g_chunk = map(kChunk);  // the rest of the old one is lost: less than a block
    g_chunk_left = g_chunk == nullptr ? 0 : kChunk;
  }
  if (g_chunk == nullptr) {
    return nullptr;
  }
  std::byte* start = g_chunk;
  g_chunk += whole;
  g_chunk_left -= whole;
  return start;
}

void* give(std::byte* start, std::size_t whole) {
  if (start == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  void* block = start + kHeader;
  size_of(block) = whole;
  return block;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  if (size > SIZE_MAX / 2) {
    errno = ENOMEM;
    return nullptr;
  }
  if (size > kLargest - kHeader) {  // first, for bit_ceil has no answer for the largest sizes
    return give(map(size + kHeader), size + kHeader);
  }
  // A freed block holds the list, so the smallest has room for that.
  const std::size_t whole = std::bit_ceil(std::max(size, sizeof(Free)) + kHeader);
  Free*& list = g_free[std::countr_zero(whole)];
  if (list == nullptr) {
    return give(cut(whole), whole);
  }
  void* block = list;
  list = list->next;
  return block;
}

void free(void* block) {
  if (block == nullptr) {
    return;
  }
  const std::size_t whole = size_of(block);
  if (whole > kLargest) {
    ::munmap(static_cast<std::byte*>(block) - kHeader, whole);
    return;
  }
  Free*& list = g_free[std::countr_zero(whole)];
  auto* freed = static_cast<Free*>(block);
  freed->next = list;
  list = freed;
}

void* calloc(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  void* block = malloc(bytes);
  return block == nullptr ? nullptr : ::memset(block, 0, bytes);
}

void* realloc(void* block, std::size_t size) {
  void* larger = malloc(size);
  if (larger != nullptr && block != nullptr) {
    const std::size_t had = size_of(block) - kHeader;
    ::memcpy(larger, block, had < size ? had : size);
    free(block);
  }
  return larger;
}

}  // extern "C"
