// SPDX-License-Identifier: Apache-2.0
// heap.cc under other names: this program's own heap is its libc's.
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#define malloc heap_malloc
#define free heap_free
#define calloc heap_calloc
#define realloc heap_realloc
#include "main/heap.cc"  // NOLINT(bugprone-suspicious-include)
#undef malloc
#undef free
#undef calloc
#undef realloc

namespace {

TEST(Heap, BlocksAreAlignedAndDoNotOverlap) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (std::size_t size = 0; size < 300'000; size = size * 2 + 3) {
    auto* block = static_cast<unsigned char*>(heap_malloc(size));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0U) << size;
    std::memset(block, static_cast<int>(blocks.size()), size);
    blocks.emplace_back(block, size);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (std::size_t at = 0; at < blocks[i].second; ++at) {
      ASSERT_EQ(blocks[i].first[at], i) << "byte " << at;
    }
    heap_free(blocks[i].first);
  }
}

TEST(Heap, AnEmptyBlockHasNeighbours) {
  void* empty = heap_malloc(0);
  auto* next = static_cast<char*>(heap_malloc(0));
  auto* third = static_cast<char*>(heap_malloc(10));
  std::memcpy(third, "123456789", 10);
  heap_free(empty);
  heap_free(next);
  third = static_cast<char*>(heap_realloc(third, 1000));
  EXPECT_STREQ(third, "123456789");
  heap_free(third);
}

TEST(Heap, AFreedBlockIsUsedAgain) {
  void* first = heap_malloc(100);
  heap_free(first);
  EXPECT_EQ(heap_malloc(90), first);
}

TEST(Heap, ReallocKeepsTheContent) {
  auto* block = static_cast<char*>(heap_malloc(10));
  std::memcpy(block, "123456789", 10);
  for (std::size_t size : {20, 100'000, 300'000, 10}) {
    block = static_cast<char*>(heap_realloc(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_STREQ(block, "123456789") << size;
  }
  heap_free(block);
  EXPECT_NE(block = static_cast<char*>(heap_realloc(nullptr, 5)), nullptr);
  heap_free(block);
}

TEST(Heap, CallocZeroesAUsedBlock) {
  void* used = heap_malloc(64);
  std::memset(used, 0xff, 64);
  heap_free(used);
  auto* block = static_cast<unsigned char*>(heap_calloc(8, 8));
  ASSERT_EQ(block, used);
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(block[i], 0);
  }
}

TEST(Heap, WhatCannotBeIsENOMEM) {
  // A power of two that is as large as these does not exist.
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX / 2 - 100}) {
    errno = 0;
    EXPECT_EQ(heap_malloc(size), nullptr) << size;
    EXPECT_EQ(errno, ENOMEM) << size;
  }
  errno = 0;
  EXPECT_EQ(heap_calloc(SIZE_MAX / 2, 3), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

}  // namespace
