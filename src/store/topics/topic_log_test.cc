#include "store/topics/topic_log.h"

#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/testing.h"
#include "store/store.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kDay = 24 * 3'600'000;

TopicSettings Settings(int partitions) {
  TopicSettings settings;
  settings.partitions = partitions;
  return settings;
}

Records Of(const std::vector<std::pair<std::string, std::string>>& records,
           int64_t time = 1000) {
  RecordsBuilder builder("t");
  for (const auto& [key, value] : records) {
    std::optional<std::string_view> v;
    if (value != "-") v = value;
    builder.Add(key, v, time);
  }
  return builder.Finish();
}

Chunk Rows(const SchemaRef& schema, const std::vector<int64_t>& ids, uint32_t seq = 0) {
  Chunk chunk;
  chunk.schema = schema;
  arrow::Int64Builder id;
  EXPECT_TRUE(id.AppendValues(ids).ok());
  chunk.rows = arrow::RecordBatch::Make(schema->arrow, static_cast<int64_t>(ids.size()),
                                        {id.Finish().ValueOrDie()});
  for (size_t i = 0; i < ids.size(); i++) {
    chunk.ops.push_back(Op::kInsert);
    chunk.seq.push_back(seq++);
    chunk.time.push_back(1'000'000);
  }
  return chunk;
}

class TopicLogTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    store_.reset();
    store_ = Must(Store::Open(folder_.path()));
    log_ = &store_->topics();
  }
  // The values of all records from `from` on, with their offsets.
  std::vector<std::string> ReadAll(const TopicPartition& partition, int64_t from = 0) {
    std::vector<std::string> all;
    for (;;) {
      auto fetched = Must(log_->Fetch(partition, from));
      if (!fetched) return all;
      from = fetched->end;
      const auto offsets = OffsetsOf(fetched->segment);
      if (!fetched->segment.records) continue;
      const Records& r = *fetched->segment.records;
      for (int64_t i = 0; i < r.size(); i++) {
        all.push_back(
            std::to_string(fetched->first + offsets[0][static_cast<size_t>(i)]) +
            (r.values->IsNull(i) ? "-" : r.values->GetString(i)));
      }
    }
  }
  std::vector<int64_t> Ids(const TopicPartition& partition) {
    std::vector<int64_t> ids;
    for (int64_t from = 0;;) {
      auto fetched = Must(log_->Fetch(partition, from));
      if (!fetched) return ids;
      from = fetched->end;
      for (const Chunk& chunk : fetched->segment.chunks) {
        const auto& column =
            static_cast<const arrow::Int64Array&>(*chunk.rows->column(0));
        for (int64_t i = 0; i < column.length(); i++) ids.push_back(column.Value(i));
      }
    }
  }
  Token At(uint64_t epoch, const std::string& attempt) {
    Token token;
    token.pipeline = "p";
    token.shard = "s";
    token.epoch = epoch;
    token.attempt = attempt;
    return token;
  }

  TestFolder folder_{"topics"};
  std::unique_ptr<Store> store_;
  TopicLog* log_ = nullptr;
  const PipelineWorker worker_{"p", 0};
  const SchemaRef schema_ =
      TableSchema::Make({"db", "", "t"}, {{"id", arrow::int64(), false, "bigint"}}, {0});
};

TEST_F(TopicLogTest, AppendsAndReadsFromAnyOffset) {
  Must(log_->Create("t", Settings(2)));
  EXPECT_EQ(Must(log_->Append({"t", 0}, Of({{"a", "x"}, {"b", "y"}}))), 0);
  EXPECT_EQ(Must(log_->Append({"t", 0}, Of({{"a", "z"}}))), 2);
  EXPECT_EQ(Must(log_->Append({"t", 1}, Of({{"c", "w"}}))), 0);
  for (int i = 0; i < 2; i++) {
    EXPECT_THAT(ReadAll({"t", 0}), ElementsAre("0x", "1y", "2z"));
    EXPECT_THAT(ReadAll({"t", 0}, 1), ElementsAre("1y", "2z"));
    EXPECT_THAT(ReadAll({"t", 0}, 3), ElementsAre());
    EXPECT_THAT(ReadAll({"t", 1}), ElementsAre("0w"));
    Reopen();
  }
  EXPECT_THAT(log_->Append({"t", 2}, Of({{"a", "x"}})).status().message(),
              HasSubstr("no partition 2"));
  EXPECT_THAT(log_->Append({"u", 0}, Of({{"a", "x"}})).status().message(),
              HasSubstr("there is no topic"));
}

TEST_F(TopicLogTest, ManyAppendersShareTheFsync) {
  Must(log_->Create("t", {}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; i++) {
    threads.emplace_back([this] {
      for (int j = 0; j < 50; j++) Must(log_->Append({"t", 0}, Of({{"k", "v"}})));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Must(log_->Range({"t", 0})).end, 400);
  EXPECT_EQ(ReadAll({"t", 0}).size(), 400u);
}

TEST_F(TopicLogTest, StagedRowsAreReadFromTheCommitOn) {
  Must(log_->Create("t", {}));
  Segment segment;
  segment.format = "json";
  segment.chunks.push_back(Rows(schema_, {1, 2, 3}));
  const StagedSegment staged = Must(log_->Stage(worker_, {"t", 0}, segment));
  EXPECT_THAT(Ids({"t", 0}), ElementsAre());
  Reopen();
  EXPECT_THAT(Must(log_->Staged(worker_)), ElementsAre(staged.id));
  Must(log_->Commit(worker_, {staged.id}, {{std::nullopt, At(1, "a")}}));
  EXPECT_THAT(Ids({"t", 0}), ElementsAre(1, 2, 3));
  EXPECT_THAT(Must(log_->Staged(worker_)), ElementsAre());
  // Again, as after a lost reply.
  Must(log_->Commit(worker_, {staged.id}, {{std::nullopt, At(1, "a")}}));
  EXPECT_THAT(Ids({"t", 0}), ElementsAre(1, 2, 3));
  auto fetched = Must(log_->Fetch({"t", 0}, 1));
  ASSERT_TRUE(fetched);
  const Chunk& chunk = fetched->segment.chunks[0];
  EXPECT_TRUE(chunk.schema->SameShape(*schema_));
  EXPECT_EQ(chunk.schema->id, schema_->id);
  EXPECT_EQ(chunk.schema->columns[0].source_type, "bigint");
  EXPECT_THAT(chunk.seq, ElementsAre(1, 2));
  EXPECT_THAT(chunk.time, ElementsAre(1'000'000, 1'000'000));
  Reopen();
  EXPECT_EQ(Must(log_->GetToken("p", "s"))->epoch, 1u);
}

TEST_F(TopicLogTest, Scar_23_AnOlderWriterIsFenced) {
  Must(log_->Create("t", {}));
  Segment segment;
  segment.chunks.push_back(Rows(schema_, {1}));
  const uint64_t mine = Must(log_->Stage(worker_, {"t", 0}, segment)).id;
  const uint64_t other = Must(log_->Stage(worker_, {"t", 0}, segment)).id;
  Must(log_->Commit(worker_, {other}, {{std::nullopt, At(1, "b")}}));
  EXPECT_EQ(log_->Commit(worker_, {mine}, {{std::nullopt, At(1, "a")}}).kind(),
            ErrorKind::kFenced);
  Must(log_->Unstage(worker_, {mine}));
  EXPECT_EQ(log_->Commit(worker_, {mine}, {{At(1, "b"), At(2, "b")}}).kind(),
            ErrorKind::kFenced);
  EXPECT_THAT(Ids({"t", 0}), ElementsAre(1));
}

TEST_F(TopicLogTest, OffsetsFollowTheOrderAcrossTables) {
  Must(log_->Create("t", {}));
  const SchemaRef other =
      TableSchema::Make({"db", "", "u"}, {{"id", arrow::int64(), false, "bigint"}}, {0});
  Segment segment;
  segment.chunks = {Rows(schema_, {1, 2}), Rows(other, {3, 4})};
  segment.chunks[0].seq = {0, 3};
  segment.chunks[1].seq = {2, 5};
  Event event;
  event.seq = 1;
  event.table = other->id;
  event.schema = other;
  segment.events.push_back(event);
  EXPECT_THAT(OffsetsOf(segment), ElementsAre(ElementsAre(0, 2), ElementsAre(1, 3)));
  const uint64_t id = Must(log_->Stage(worker_, {"t", 0}, segment)).id;
  Must(log_->Commit(worker_, {id}, {}));
  auto fetched = Must(log_->Fetch({"t", 0}, 2));
  ASSERT_EQ(fetched->segment.chunks.size(), 2u);
  EXPECT_THAT(fetched->segment.chunks[0].seq, ElementsAre(3));
  EXPECT_THAT(fetched->segment.chunks[1].seq, ElementsAre(5));
  EXPECT_TRUE(fetched->segment.events.empty());
}

TEST_F(TopicLogTest, ATopicMadeAgainGoesOnWithItsOffsets) {
  Must(log_->Create("t", {}));
  Must(log_->Append({"t", 0}, Of({{"a", "x"}, {"b", "y"}})));
  Must(log_->Delete("t"));
  EXPECT_TRUE(log_->Names().empty());
  Must(log_->Create("t", {}));
  EXPECT_EQ(Must(log_->Append({"t", 0}, Of({{"a", "z"}}))), 2);
  EXPECT_THAT(ReadAll({"t", 0}), ElementsAre("2z"));
}

TEST_F(TopicLogTest, RetentionByTimeAndSizeNeverPassesAGroup) {
  TopicSettings hour;
  hour.retention = std::chrono::hours(1);
  Must(log_->Create("t", hour));
  for (int i = 0; i < 4; i++) Must(log_->Append({"t", 0}, Of({{"a", "x"}})));
  const int64_t now = Clock::System().WallMicros() / 1000;
  Must(log_->Retain(now));
  EXPECT_EQ(Must(log_->Range({"t", 0})).start, 0);
  Must(log_->groups().Commit("g", {"t", 0}, 1, 0));
  Must(log_->Retain(now + kDay));
  EXPECT_EQ(Must(log_->Range({"t", 0})).start, 1);
  Must(log_->groups().Commit("g", {"t", 0}, 3, 0));
  Must(log_->Retain(now + kDay));
  EXPECT_THAT(ReadAll({"t", 0}), ElementsAre("3x"));
  EXPECT_TRUE(Must(log_->groups().Delete("g")));
  Must(log_->Retain(now + kDay));
  EXPECT_THAT(ReadAll({"t", 0}), ElementsAre());
  EXPECT_EQ(Must(log_->Append({"t", 0}, Of({{"a", "x"}}))), 4);

  TopicSettings sized;
  sized.retention_bytes = 1;
  Must(log_->Create("sized", sized));
  for (int i = 0; i < 3; i++) Must(log_->Append({"sized", 0}, Of({{"a", "x"}})));
  Must(log_->Retain(now));
  EXPECT_EQ(Must(log_->Range({"sized", 0})).start, 3);
}

TEST_F(TopicLogTest, CompactionKeepsTheNewestOfEachKey) {
  TopicSettings compact;
  compact.compact = true;
  Must(log_->Create("t", compact));
  Must(log_->Append({"t", 0}, Of({{"a", "1"}, {"b", "1"}, {"c", "1"}})));
  Must(log_->Append({"t", 0}, Of({{"a", "2"}, {"c", "-"}})));
  Must(log_->Append({"t", 0}, Of({{"a", "3"}})));
  const int64_t now = Clock::System().WallMicros() / 1000;
  Must(log_->Compact(now, /*all=*/true));
  for (int i = 0; i < 2; i++) {
    EXPECT_THAT(ReadAll({"t", 0}), ElementsAre("1"
                                               "1",
                                               "4-",
                                               "5"
                                               "3"));
    EXPECT_THAT(ReadAll({"t", 0}, 2), ElementsAre("4-",
                                                  "5"
                                                  "3"));
    Reopen();
  }
  // The tombstone goes once readers had time to see it.
  Must(log_->Append({"t", 0}, Of({{"b", "2"}})));
  Must(log_->Compact(now + 2 * kDay, /*all=*/true));
  EXPECT_THAT(ReadAll({"t", 0}), ElementsAre("5"
                                             "3",
                                             "6"
                                             "2"));
}

TEST_F(TopicLogTest, DeletesRecordsInTheMiddleOfASegment) {
  Must(log_->Create("t", {}));
  Must(log_->Append({"t", 0}, Of({{"a", "x"}, {"b", "y"}, {"c", "z"}})));
  Must(log_->DeleteRecords({"t", 0}, 2));
  EXPECT_THAT(ReadAll({"t", 0}), ElementsAre("2z"));
  EXPECT_EQ(Must(log_->Range({"t", 0})).start, 2);
}

TEST_F(TopicLogTest, FindsOffsetsByTime) {
  Must(log_->Create("t", {}));
  Must(log_->Append({"t", 0}, Of({{"a", "x"}}, 1000)));
  Must(log_->Append({"t", 0}, Of({{"a", "y"}}, 3000)));
  EXPECT_EQ(Must(log_->OffsetAt({"t", 0}, 0)), 0);
  EXPECT_EQ(Must(log_->OffsetAt({"t", 0}, 1001)), 1);
  EXPECT_EQ(Must(log_->OffsetAt({"t", 0}, 3001)), 2);
}

TEST_F(TopicLogTest, AResetByHandIsNotOverwritten) {
  ConsumerGroups& groups = log_->groups();
  Must(groups.Commit("g", {"t", 0}, 7, 0));
  Must(groups.Reset("g", {"t", 0}, 2));
  Must(groups.Commit("g", {"t", 0}, 9, 0));  // a reader that has not heard of it
  EXPECT_EQ(Must(groups.Get("g", {"t", 0}))->offset, 2);
  EXPECT_EQ(Must(groups.Get("g", {"t", 0}))->resets, 1);
  Must(groups.Commit("g", {"t", 0}, 3, 1));
  EXPECT_EQ(Must(groups.Get("g", {"t", 0}))->offset, 3);
}

}  // namespace
}  // namespace leat
