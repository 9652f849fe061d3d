#include "connectors/stdout/sink.h"

#include <arrow/builder.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <sstream>

namespace leat::standard_output {
namespace {

class StdoutSinkTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "leat-stdout-" + std::to_string(getpid());
    fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ASSERT_GE(fd_, 0);
  }
  void TearDown() override {
    close(fd_);
    unlink(path_.c_str());
  }
  std::string Written() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  // An insert, an update that changes the key, a delete; a truncation between the last
  // two.
  Batch MakeBatch() const {
    Batch batch;
    Chunk chunk;
    chunk.schema = TableSchema::Make(
        {"db", "", "t"},
        {{"id", arrow::int64(), false, ""}, {"v", arrow::utf8(), true, ""}}, {0});
    chunk.rows = Rows(chunk.schema, {1, 2, 2}, {"a\"\n\x01", "b", ""});
    chunk.before = Rows(chunk.schema, {1}, {""});
    chunk.ops = {Op::kInsert, Op::kUpdate, Op::kDelete};
    chunk.seq = {0, 1, 3};
    chunk.time = {10, 20, 30};
    Event truncate;
    truncate.kind = Event::Kind::kTruncate;
    truncate.seq = 2;
    truncate.table = chunk.schema->id;
    truncate.statement = "TRUNCATE t";
    batch.events.push_back(std::move(truncate));
    batch.chunks.push_back(std::move(chunk));
    return batch;
  }
  static std::shared_ptr<arrow::RecordBatch> Rows(const SchemaRef& schema,
                                                  const std::vector<int64_t>& ids,
                                                  const std::vector<std::string>& texts) {
    arrow::Int64Builder id;
    arrow::StringBuilder text;
    EXPECT_TRUE(id.AppendValues(ids).ok());
    for (const std::string& t : texts) {
      EXPECT_TRUE((t.empty() ? text.AppendNull() : text.Append(t)).ok());
    }
    return arrow::RecordBatch::Make(
        schema->arrow, static_cast<int64_t>(ids.size()),
        {id.Finish().ValueOrDie(), text.Finish().ValueOrDie()});
  }

  std::string path_;
  int fd_ = -1;
};

TEST_F(StdoutSinkTest, WritesRowsAndEventsInTheSourcesOrder) {
  StdoutSink sink(fd_, /*events=*/true);
  std::vector<DeadLetter> rejects;
  ASSERT_TRUE(sink.Write(MakeBatch(), &rejects).ok());
  EXPECT_GT(sink.staged_bytes(), 0);
  ASSERT_TRUE(sink.Prepare().ok());
  EXPECT_EQ(
      Written(),
      "{\"table\":\"db.t\",\"op\":\"c\",\"ts\":10,\"row\":{\"id\":1,"
      "\"v\":\"a\\\"\\n\\u0001\"}}\n"
      "{\"table\":\"db.t\",\"op\":\"u\",\"ts\":20,\"row\":{\"id\":2,\"v\":\"b\"},"
      "\"before\":{\"id\":1}}\n"
      "{\"table\":\"db.t\",\"event\":\"truncate\",\"statement\":\"TRUNCATE t\"}\n"
      "{\"table\":\"db.t\",\"op\":\"d\",\"ts\":30,\"row\":{\"id\":2,\"v\":null}}\n");
}

TEST_F(StdoutSinkTest, LeavesOutEventsAndDropsWhatIsAborted) {
  StdoutSink sink(fd_, /*events=*/false);
  std::vector<DeadLetter> rejects;
  ASSERT_TRUE(sink.Write(MakeBatch(), &rejects).ok());
  ASSERT_TRUE(sink.Abort().ok());
  ASSERT_TRUE(sink.Prepare().ok());
  EXPECT_EQ(Written(), "");
  ASSERT_TRUE(sink.Write(MakeBatch(), &rejects).ok());
  ASSERT_TRUE(sink.Prepare().ok());
  EXPECT_EQ(Written().find("truncate"), std::string::npos);
}

TEST_F(StdoutSinkTest, SaysThatItHoldsNoTokens) {
  StdoutSink sink(fd_, true);
  EXPECT_FALSE(sink.holds_tokens());
  const auto tokens = sink.GetTokens(std::vector<ShardId>{"s"},
                                     std::vector<SinkTable>{"db.t"}, Claim{"a", ""});
  ASSERT_TRUE(tokens.ok());
  EXPECT_TRUE(tokens->empty());
}

TEST_F(StdoutSinkTest, AClosedOutputStopsThePipelineWithTheReason) {
  const int closed = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  StdoutSink sink(closed, true);
  std::vector<DeadLetter> rejects;
  ASSERT_TRUE(sink.Write(MakeBatch(), &rejects).ok());
  const auto prepared = sink.Prepare();
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.status().kind(), ErrorKind::kConfig);
  EXPECT_NE(prepared.status().message().find("standard output"), std::string::npos);
  close(closed);
}

}  // namespace
}  // namespace leat::standard_output
