#include "connectors/topic/embedded/partitioner.h"

#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"

namespace leat::topic::embedded {
namespace {

using ::testing::ElementsAre;

// What org.apache.kafka.common.utils.UtilsTest expects of murmur2.
TEST(Partitioner, HashesAsJavaDoes) {
  EXPECT_EQ(static_cast<int32_t>(Murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(
      static_cast<int32_t>(Murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")),
      -58897971);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("abc")), 479470107);
}

std::shared_ptr<arrow::BinaryArray> Keys(const std::vector<std::string>& keys) {
  arrow::BinaryBuilder builder;
  EXPECT_TRUE(builder.AppendValues(keys).ok());
  return std::static_pointer_cast<arrow::BinaryArray>(builder.Finish().ValueOrDie());
}

std::shared_ptr<arrow::RecordBatch> Ids(const SchemaRef& schema,
                                        const std::vector<int64_t>& ids) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(ids).ok());
  return arrow::RecordBatch::Make(schema->arrow, static_cast<int64_t>(ids.size()),
                                  {builder.Finish().ValueOrDie()});
}

std::vector<int64_t> ToIds(const arrow::RecordBatch& rows) {
  const auto& column = static_cast<const arrow::Int64Array&>(*rows.column(0));
  return {column.raw_values(), column.raw_values() + column.length()};
}

// A key that lands in the partition, of two.
std::string KeyIn(int32_t partition, int number = 0) {
  for (int i = number * 1000;; i++) {
    const std::string key = std::to_string(i);
    if (static_cast<int32_t>((Murmur2(key) & 0x7fffffff) % 2) == partition) return key;
  }
}

TEST(Partitioner, AMovedKeyIsADeleteThereAndAnInsertHere) {
  Chunk chunk;
  chunk.schema =
      TableSchema::Make({"db", "", "t"}, {{"id", arrow::int64(), false, ""}}, {0});
  chunk.rows = Ids(chunk.schema, {1, 20, 3, 4});
  chunk.ops = {Op::kInsert, Op::kUpdate, Op::kUpdate, Op::kInsert};
  chunk.seq = {5, 6, 7, 8};
  chunk.time = {50, 60, 70, 80};
  chunk.before = Ids(chunk.schema, {2, 3});
  // Row 20 was 2, in the other partition; row 3 stays where it is, with the inserts.
  auto keys = Keys({KeyIn(0), KeyIn(1), KeyIn(0, 1), KeyIn(0, 2)});
  auto before = Keys({KeyIn(0, 3), KeyIn(0, 1)});
  auto parts = Must(Split(chunk, keys, before, 2));
  ASSERT_EQ(parts.size(), 2u);
  const Chunk& here = parts.at(1).chunk;
  EXPECT_THAT(ToIds(*here.rows), ElementsAre(20));
  EXPECT_THAT(here.ops, ElementsAre(Op::kInsert));
  const Chunk& there = parts.at(0).chunk;
  EXPECT_THAT(ToIds(*there.rows), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(there.ops, ElementsAre(Op::kInsert, Op::kDelete, Op::kUpdate, Op::kInsert));
  EXPECT_THAT(there.seq, ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(there.time, ElementsAre(50, 60, 70, 80));
  EXPECT_THAT(ToIds(*there.before), ElementsAre(3));
  EXPECT_EQ(parts.at(0).keys->GetString(1), KeyIn(0, 3));
}

}  // namespace
}  // namespace leat::topic::embedded
