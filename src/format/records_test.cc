#include "format/records.h"

#include <gtest/gtest.h>

#include "format/batch_order.h"
#include "format/codec_testing.h"
#include "format/topic_name.h"

namespace leat {
namespace {

TEST(RecordsTest, KeepsWhatWasAdded) {
  RecordsBuilder builder("t");
  builder.Add("k", "v", 1);
  builder.Add(std::nullopt, "w", 2, {{"h", "x"}, {"none", std::nullopt}});
  builder.Add("k", std::nullopt, 3);
  const Records records = builder.Finish();
  EXPECT_EQ(builder.size(), 0);
  EXPECT_EQ(Shown({records}), (std::vector<std::string>{"k=v", "-=w", "k=-"}));
  EXPECT_EQ(records.timestamps, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_TRUE(Must(HeadersOf(records, 0)).empty());
  const auto headers = Must(HeadersOf(records, 1));
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers[0].name, "h");
  EXPECT_EQ(headers[0].value, "x");
  EXPECT_EQ(headers[1].value, std::nullopt);
  EXPECT_TRUE(records.values->ValidateFull().ok());
  EXPECT_TRUE(records.headers->ValidateFull().ok());
}

TEST(RecordsTest, EmptyIsNotNull) {
  RecordsBuilder builder("t");
  builder.Add("", "", 1);
  const Records records = builder.Finish();
  EXPECT_EQ(records.keys->null_count(), 0);
  EXPECT_EQ(records.values->null_count(), 0);
  EXPECT_EQ(records.values->GetView(0), "");
}

TEST(RecordsTest, HeadersThatAreCutOffAreAnError) {
  std::string encoded;
  AppendHeaders({{"name", "value"}}, &encoded);
  for (size_t size = 1; size < encoded.size(); size++) {
    EXPECT_FALSE(ReadHeaders(std::string_view(encoded).substr(0, size)).ok()) << size;
  }
  EXPECT_TRUE(ReadHeaders(encoded).ok());
}

TEST(ByteColumnTest, GrowsAndDropsWhatWasNotEnded) {
  ByteColumn column;
  std::string all;
  for (int i = 0; i < 5000; i++) {
    column.Append("abc");
    column.Append('d');
    if (i % 3 == 0) {
      column.Drop();
      column.EndNull();
    } else {
      column.End();
    }
  }
  const auto array = column.Finish();
  ASSERT_TRUE(array->ValidateFull().ok());
  EXPECT_EQ(array->length(), 5000);
  EXPECT_EQ(array->null_count(), 1667);
  EXPECT_EQ(array->GetView(4), "abcd");
  EXPECT_TRUE(array->IsNull(3));
}

Chunk ChunkOf(std::vector<uint32_t> seq) {
  Chunk chunk;
  chunk.schema = TableSchema::Make({"", "", "t"}, {{"a", arrow::int64(), true, ""}}, {});
  arrow::Int64Builder builder;
  if (!builder.AppendEmptyValues(static_cast<int64_t>(seq.size())).ok()) std::abort();
  chunk.rows = arrow::RecordBatch::Make(
      chunk.schema->arrow, static_cast<int64_t>(seq.size()), {*builder.Finish()});
  chunk.ops.assign(seq.size(), Op::kInsert);
  chunk.seq = std::move(seq);
  return chunk;
}

TEST(BatchOrderTest, MergesChunksAndEventsIntoLongRuns) {
  const Chunk a = ChunkOf({0, 1, 5, 6, 9});
  const Chunk b = ChunkOf({2, 3, 8});
  Event event;
  event.seq = 7;
  std::string order;
  for (const OrderedRows& run : InOrder({&a, &b}, {&event})) {
    if (run.event) {
      order += "e ";
    } else {
      order += run.chunk == &a ? "a" : "b";
      order += std::to_string(run.begin) + "-" + std::to_string(run.end) + " ";
    }
  }
  EXPECT_EQ(order, "a0-2 b0-2 a2-4 e b2-3 a4-5 ");
}

TEST(TopicNameTest, FillsItsPlaces) {
  EXPECT_EQ(TopicName("shop.{database}.{table}", {"db", "", "t"}), "shop.db.t");
  EXPECT_EQ(TopicName("{schema}-{x}", {"db", "s", "t"}), "s-{x}");
}

}  // namespace
}  // namespace leat
