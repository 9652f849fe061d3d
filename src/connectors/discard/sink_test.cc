#include "connectors/discard/sink.h"

#include <arrow/builder.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace leat::discard {
namespace {

TEST(DiscardSink, CountsCommittedRowsAlone) {
  const std::string path =
      testing::TempDir() + "leat-discard-" + std::to_string(getpid());
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  {
    Logger log(fd, LogLevel::kInfo, Logger::Format::kJson);
    const CancelToken cancel;
    const ProjectSettings project;
    DiscardSink sink({"p", "", Clock::System(), log, cancel, project, nullptr});
    EXPECT_FALSE(sink.holds_tokens());
    Batch batch;
    batch.bytes = 100;
    Chunk chunk;
    chunk.schema =
        TableSchema::Make({"db", "", "t"}, {{"id", arrow::int64(), false, ""}}, {0});
    arrow::Int64Builder id;
    ASSERT_TRUE(id.AppendValues({1, 2, 3}).ok());
    chunk.rows =
        arrow::RecordBatch::Make(chunk.schema->arrow, 3, {id.Finish().ValueOrDie()});
    batch.chunks.push_back(std::move(chunk));
    std::vector<DeadLetter> rejects;
    ASSERT_TRUE(sink.Write(batch, &rejects).ok());
    ASSERT_TRUE(sink.Abort().ok());
    EXPECT_EQ(sink.staged_bytes(), 0);
    ASSERT_TRUE(sink.Write(batch, &rejects).ok());
    EXPECT_EQ(sink.staged_bytes(), 100);
    ASSERT_TRUE(sink.Prepare().ok());
    ASSERT_TRUE(sink.Commit({}).ok());
  }
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_NE(text.str().find("\"rows\":3"), std::string::npos) << text.str();
  close(fd);
  unlink(path.c_str());
}

}  // namespace
}  // namespace leat::discard
