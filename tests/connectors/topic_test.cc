// The suite on embedded topics: as a sink that takes a log, and as a source whose rows a
// sink in memory takes.
#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "conformance/memory_sink.h"
#include "conformance/memory_source.h"
#include "conformance/suite.h"
#include "core/config_reader.h"
#include "core/register_parts.h"
#include "store/topics/topic_log.h"

namespace leat::conformance {
namespace {

const std::map<ShardId, std::vector<MemoryTransaction>> kTopicLog = {
    {"s", {{{"a", 0}}, {{"b", 1}}, {{"a", 2}, {"b", 3}}, {}, {{"b", 4}, {"a", 5}}}}};

std::vector<int64_t> TopicIds(TopicLog& log, const std::string& topic) {
  std::vector<int64_t> ids;
  auto settings = log.Settings(topic);
  for (int32_t p = 0; settings.ok() && p < settings->partitions; p++) {
    for (int64_t at = 0;;) {
      auto fetched = Must(log.Fetch({topic, p}, at));
      if (!fetched) break;
      at = fetched->end;
      for (const Chunk& chunk : fetched->segment.chunks) {
        const auto& column =
            static_cast<const arrow::Int64Array&>(*chunk.rows->column(0));
        for (int64_t i = 0; i < column.length(); i++) ids.push_back(column.Value(i));
      }
    }
  }
  std::ranges::sort(ids);
  return ids;
}

template <typename Rows>
std::vector<std::string> Compare(const Rows& rows) {
  std::map<std::string, std::vector<int64_t>> expected;
  for (const MemoryTransaction& transaction : kTopicLog.at("s")) {
    for (const MemoryChange& change : transaction) {
      expected[change.table].push_back(change.id);
    }
  }
  std::vector<std::string> wrong;
  for (const auto& [table, ids] : expected) {
    const std::vector<int64_t> found = rows(table);
    if (found == ids) continue;
    wrong.push_back(fmt::format("{} has rows [{}], expected [{}]", table,
                                Joined(found, " "), Joined(ids, " ")));
  }
  return wrong;
}

class TopicSinkSubject final : public Subject {
 public:
  explicit TopicSinkSubject(int partitions) {
    RegisterParts(&registry_);
    const SinkType* type = registry_.FindSink("topic");
    config_ = Must(ParseConfig(
        type->spec, fmt::format("name: \"{{table}}\"\npartitions: {}\n", partitions)));
    Reset();
  }

  void Reset() override { log_ = std::make_unique<MemoryLog>(kTopicLog); }
  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context&) -> Result<std::unique_ptr<Source>> {
      // A lost store is a lost target here: the source has to have all of it still.
      MemorySourceOptions options;
      options.acks = false;
      return std::unique_ptr<Source>(new MemorySource(*log_, options));
    };
    parts.sink = [this](const Context& context) {
      return registry_.FindSink("topic")->make(config_, context);
    };
    return parts;
  }
  CommitPolicy policy() const override {
    return {std::chrono::hours(1), 2, int64_t{1} << 30};
  }
  std::vector<std::string> Judge(Store& store, bool) override {
    return Compare(
        [&](const std::string& table) { return TopicIds(store.topics(), table); });
  }
  bool IsRequest(const std::string& failpoint) const override {
    return failpoint.starts_with("topics.");
  }

 private:
  Registry registry_;
  Config config_;
  std::unique_ptr<MemoryLog> log_;
};

class TopicSink : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { suite_.CleanRun(); }
  void TearDown() override {
    EXPECT_TRUE(suite_.failures().empty()) << Joined(suite_.failures(), "\n");
  }
  TopicSinkSubject subject_{GetParam()};
  Suite suite_{subject_, {.pairs = 20}};
};

TEST_P(TopicSink, CleanRunPassesEveryDurableStep) {
  EXPECT_THAT(suite_.CleanRun(),
              ::testing::IsSupersetOf({"topics.commit.before", "topics.commit.after"}));
}
TEST_P(TopicSink, CrashAtEveryStep) { suite_.CrashEverywhere(); }
TEST_P(TopicSink, Scar_20_LostReplies) { suite_.LoseReplies(); }
TEST_P(TopicSink, Scar_23_ZombiesAndLateCommits) { suite_.WakeZombies(); }
TEST_P(TopicSink, LostStores) { suite_.LoseStores(); }
TEST_P(TopicSink, RestoredStores) { suite_.RestoreOldStores(); }

INSTANTIATE_TEST_SUITE_P(, TopicSink, ::testing::Values(1, 3));

// Ends where the topic ends.
class EndingTopic final : public Source {
 public:
  explicit EndingTopic(std::unique_ptr<Source> source) : source_(std::move(source)) {}

  Status Open(const Needs& needs) override { return source_->Open(needs); }
  Result<std::vector<SchemaRef>> Tables() override { return source_->Tables(); }
  Result<Position> Start(const ShardId& shard, const Resume& resume) override {
    return source_->Start(shard, resume);
  }
  Result<ReadResult> Read(SteadyTime) override {
    auto read = source_->Read(std::chrono::steady_clock::now());
    if (read.ok() && read->kind == ReadResult::Kind::kIdle) {
      read->kind = ReadResult::Kind::kEnd;
    }
    return read;
  }
  Result<Position> End(const ShardId& shard) override { return source_->End(shard); }
  bool Reached(const Position& at, const Position& target) const override {
    return source_->Reached(at, target);
  }
  Lag GetLag() const override { return source_->GetLag(); }
  void Ack(const ShardId& shard, const Position& committed) override {
    source_->Ack(shard, committed);
  }

 private:
  const std::unique_ptr<Source> source_;
};

class TopicSourceSubject final : public Subject {
 public:
  TopicSourceSubject() {
    RegisterParts(&registry_);
    config_ =
        Must(ParseConfig(registry_.FindSource("topic")->spec, "name: t\ngroup: g\n"));
    Reset();
  }

  void Reset() override {
    target_ = std::make_unique<MemoryTarget>();
    topics_.reset();
    std::filesystem::remove_all(base_ / "topics");
    topics_ = Must(Store::Open(base_ / "topics"));
    TopicLog& log = topics_->topics();
    Must(log.Create("t", TopicSettings()));
    MemoryLog schemas(kTopicLog);
    for (const MemoryTransaction& transaction : kTopicLog.at("s")) {
      for (const MemoryChange& change : transaction) Write(&log, schemas, change);
    }
  }
  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context& context) -> Result<std::unique_ptr<Source>> {
      Context with_topics = context;
      with_topics.store = topics_.get();
      ASSIGN_OR_RETURN(auto source,
                       registry_.FindSource("topic")->make(config_, with_topics));
      return std::unique_ptr<Source>(new EndingTopic(std::move(source)));
    };
    parts.sink = [this](const Context&) -> Result<std::unique_ptr<Sink>> {
      return std::unique_ptr<Sink>(new MemoryStagedSink(*target_, {}));
    };
    return parts;
  }
  CommitPolicy policy() const override {
    return {std::chrono::hours(1), 1, int64_t{1} << 30};
  }
  std::vector<std::string> Judge(Store&, bool) override {
    std::vector<std::string> wrong = target_->errors();
    for (std::string& one : Compare([&](const std::string& table) {
           auto rows = target_->tables()[table].rows;
           std::ranges::sort(rows);
           return rows;
         })) {
      wrong.push_back(std::move(one));
    }
    return wrong;
  }
  bool IsRequest(const std::string& failpoint) const override {
    return failpoint.starts_with("memory.");
  }

 private:
  static void Write(TopicLog* log, const MemoryLog& schemas, const MemoryChange& change) {
    Segment segment;
    segment.format = "json";
    Chunk& chunk = segment.chunks.emplace_back();
    chunk.schema = schemas.Schema(change.table);
    arrow::Int64Builder id;
    EXPECT_TRUE(id.Append(change.id).ok());
    chunk.rows =
        arrow::RecordBatch::Make(chunk.schema->arrow, 1, {id.Finish().ValueOrDie()});
    chunk.ops = {Op::kInsert};
    chunk.seq = {0};
    const PipelineWorker writer{"writer", 0};
    const uint64_t staged = Must(log->Stage(writer, {"t", 0}, segment)).id;
    Must(log->Commit(writer, {staged}, {}));
  }

  Registry registry_;
  Config config_;
  TestFolder base_{"topics"};
  std::unique_ptr<Store> topics_;
  std::unique_ptr<MemoryTarget> target_;
};

class TopicSource : public ::testing::Test {
 protected:
  void SetUp() override { suite_.CleanRun(); }
  void TearDown() override {
    EXPECT_TRUE(suite_.failures().empty()) << Joined(suite_.failures(), "\n");
  }
  TopicSourceSubject subject_;
  Suite suite_{subject_, {.pairs = 20}};
};

TEST_F(TopicSource, CrashAtEveryStep) { suite_.CrashEverywhere(); }
TEST_F(TopicSource, Scar_20_LostReplies) { suite_.LoseReplies(); }
TEST_F(TopicSource, LostStores) { suite_.LoseStores(); }
TEST_F(TopicSource, RestoredStores) { suite_.RestoreOldStores(); }

}  // namespace
}  // namespace leat::conformance
