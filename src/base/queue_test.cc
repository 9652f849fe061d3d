#include "base/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace leat {
namespace {

SteadyTime Now() { return std::chrono::steady_clock::now(); }
SteadyTime Late() { return Now() + std::chrono::seconds(60); }

TEST(ByteQueue, KeepsTheOrder) {
  ByteQueue<int> queue(100);
  for (int i = 0; i < 5; i++) EXPECT_TRUE(queue.Push(i, 10));
  EXPECT_EQ(queue.bytes(), 50);
  for (int i = 0; i < 5; i++) EXPECT_EQ(queue.Pop(Late()), i);
  EXPECT_EQ(queue.bytes(), 0);
}

TEST(ByteQueue, ProducerWaitsForRoom) {
  ByteQueue<int> queue(10);
  ASSERT_TRUE(queue.Push(1, 8));
  std::atomic<bool> pushed{false};
  std::thread producer([&] { pushed = queue.Push(2, 8); });
  EXPECT_EQ(queue.Pop(Late()), 1);
  EXPECT_EQ(queue.Pop(Late()), 2);
  producer.join();
  EXPECT_TRUE(pushed);
}

TEST(ByteQueue, OneItemMayBeLargerThanTheBound) {
  ByteQueue<int> queue(10);
  EXPECT_TRUE(queue.Push(1, 1000));
  EXPECT_EQ(queue.Pop(Late()), 1);
}

TEST(ByteQueue, NothingAtTheDeadline) {
  ByteQueue<int> queue(10);
  EXPECT_EQ(queue.Pop(Now()), std::nullopt);
  EXPECT_FALSE(queue.closed());
}

TEST(ByteQueue, CloseWakesAProducerAndKeepsWhatStands) {
  ByteQueue<int> queue(10);
  ASSERT_TRUE(queue.Push(1, 10));
  std::atomic<bool> pushed{true};
  std::thread producer([&] { pushed = queue.Push(2, 10); });
  queue.Close();
  producer.join();
  EXPECT_FALSE(pushed);
  EXPECT_EQ(queue.Pop(Late()), 1);
  EXPECT_EQ(queue.Pop(Late()), std::nullopt);
  EXPECT_TRUE(queue.closed());
}

TEST(ByteQueue, CloseWakesAConsumer) {
  ByteQueue<int> queue(10);
  std::optional<int> got = 7;
  std::thread consumer([&] { got = queue.Pop(Late()); });
  queue.Close();
  consumer.join();
  EXPECT_EQ(got, std::nullopt);
}

}  // namespace
}  // namespace leat
