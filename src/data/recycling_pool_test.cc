#include "data/recycling_pool.h"

#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include <cstring>

namespace leat {
namespace {

constexpr int64_t kMost = 1 << 20;

TEST(RecyclingPool, GivesAFreedBlockAgain) {
  RecyclingPool pool(arrow::default_memory_pool(), kMost);
  const int64_t before = pool.bytes_allocated();
  uint8_t* first;
  ASSERT_TRUE(pool.Allocate(100'000, &first).ok());
  pool.Free(first, 100'000);
  EXPECT_GE(pool.kept(), 100'000);
  EXPECT_EQ(pool.bytes_allocated(), before);
  uint8_t* second;
  ASSERT_TRUE(pool.Allocate(99'900, &second).ok());
  EXPECT_EQ(first, second);
  EXPECT_EQ(pool.kept(), 0);
  pool.Free(second, 99'900);
  pool.ReleaseUnused();
  EXPECT_EQ(pool.kept(), 0);
  EXPECT_EQ(pool.bytes_allocated(), before);
}

TEST(RecyclingPool, KeepsNoMoreThanItMay) {
  RecyclingPool pool(arrow::default_memory_pool(), kMost);
  const int64_t before = pool.bytes_allocated();
  std::vector<uint8_t*> blocks(8);
  for (uint8_t*& block : blocks) ASSERT_TRUE(pool.Allocate(kMost / 4, &block).ok());
  for (uint8_t* block : blocks) {
    pool.Free(block, kMost / 4);
    EXPECT_LE(pool.kept(), kMost);
  }
  EXPECT_GE(pool.kept(), kMost / 2);
  EXPECT_EQ(pool.bytes_allocated(), before);
}

TEST(RecyclingPool, ABlockThatGrowsKeepsItsBytes) {
  RecyclingPool pool(arrow::default_memory_pool(), kMost);
  const int64_t before = pool.bytes_allocated();
  uint8_t* block;
  int64_t size = 64;
  ASSERT_TRUE(pool.Allocate(size, &block).ok());
  for (int64_t i = 0; i < size; i++) block[i] = static_cast<uint8_t>(i);
  for (const int64_t next : {1'000, 16'384, 16'400, 20'000, 300'000, 20'000, 64}) {
    ASSERT_TRUE(pool.Reallocate(size, next, &block).ok());
    size = next;
    for (int64_t i = 0; i < 64; i++) ASSERT_EQ(block[i], static_cast<uint8_t>(i)) << next;
    std::memset(block + 64, 0xff, static_cast<size_t>(size - 64));  // all of it is ours
  }
  pool.Free(block, size);
  pool.ReleaseUnused();
  EXPECT_EQ(pool.bytes_allocated(), before);
}

}  // namespace
}  // namespace leat
