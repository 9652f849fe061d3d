// The suite on Kafka, on a real broker whose url is in LEAT_TEST_KAFKA_URL: the sink with
// rows from memory, the source with a sink in memory, and the two together, where the
// source's offsets are in the sink's transactions.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "base/text.h"
#include "conformance/memory_sink.h"
#include "conformance/memory_source.h"
#include "conformance/suite.h"
#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/client.h"
#include "core/config_reader.h"
#include "core/register_parts.h"

namespace leat::conformance {
namespace {

namespace kafka = topic::kafka;

constexpr const char* kKafkaUrl = "LEAT_TEST_KAFKA_URL";
constexpr auto kTimeout = Millis(30'000);
constexpr int kPartitions = 2;
const std::vector<MemoryTransaction> kKafkaLog = {
    {{"a", 0}}, {{"a", 1}, {"b", 2}}, {}, {{"b", 3}}};
constexpr int64_t kRecords = 6;

Broker BrokerOf(const std::string& options) {
  return Must(Broker::Parse(std::getenv(kKafkaUrl) + options));
}

// A cluster as its other users see it.
class Cluster {
 public:
  Cluster() {
    const Broker broker = BrokerOf("");
    consumer_ = Must(kafka::Client::Make(broker, kafka::Role::kConsumer,
                                         {{"group.id", "judge"},
                                          {"enable.partition.eof", "true"},
                                          {"fetch.wait.max.ms", "10"},
                                          {"isolation.level", "read_committed"}},
                                         log_));
    producer_ = Must(kafka::Client::Make(broker, kafka::Role::kProducer, {}, log_));
    asker_ = Must(kafka::Client::Make(
        broker, kafka::Role::kConsumer,
        {{"group.id", "judge"}, {"isolation.level", "read_uncommitted"}}, log_));
  }

  void Create(const std::string& topic) {
    Must(kafka::Admin(*producer_, kTimeout).Create(topic, kPartitions, 1, {}));
  }

  void Write(const std::string& topic, int32_t partition, const std::string& value) {
    std::string copy = value;
    ASSERT_EQ(
        rd_kafka_producev(producer_->handle(), RD_KAFKA_V_TOPIC(topic.c_str()),
                          RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(copy.data(), copy.size()), RD_KAFKA_V_END),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(producer_->handle(), 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  int64_t End(const std::string& topic) {
    auto topics = Must(consumer_->Topics(kTimeout));
    return topics.contains(topic) ? Must(consumer_->GetBounds({topic, 0}, kTimeout)).end
                                  : 0;
  }

  // What a machine left open that never comes back, the broker ends.
  bool AwaitTransactions(const std::string& topic) {
    const auto deadline = std::chrono::steady_clock::now() + 2 * kTimeout;
    while (Must(asker_->GetBounds({topic, 0}, kTimeout)).end != End(topic)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(Millis(50));
    }
    return true;
  }

  // The numbers in the committed records of partition 0, from that offset on.
  std::vector<int64_t> Read(const std::string& topic, int64_t from) {
    std::vector<int64_t> ids;
    if (!AwaitTransactions(topic)) return {-2};
    kafka::PartitionList list = kafka::NewList(1);
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = from;
    EXPECT_EQ(rd_kafka_assign(consumer_->handle(), list.get()), 0);
    for (bool ended = false; !ended;) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_->handle(), 30'000);
      if (!message) return {-1};
      ended = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
      if (!ended)
        ids.push_back(Number({static_cast<char*>(message->payload), message->len}));
      rd_kafka_message_destroy(message);
    }
    EXPECT_EQ(rd_kafka_assign(consumer_->handle(), nullptr), 0);
    return ids;
  }

 private:
  static int64_t Number(const std::string& text) {
    return std::stoll(text.substr(text.find_first_of("0123456789")));
  }
  Logger log_{STDERR_FILENO, LogLevel::kError};
  std::unique_ptr<kafka::Client> consumer_;
  std::unique_ptr<kafka::Client> producer_;
  std::unique_ptr<kafka::Client> asker_;  // sees what is not committed as well
};

// Ends where its shards end.
class EndingKafka final : public Source {
 public:
  explicit EndingKafka(std::unique_ptr<Source> source) : source_(std::move(source)) {}

  Status Open(const Needs& needs) override { return source_->Open(needs); }
  Result<std::vector<SchemaRef>> Tables() override { return source_->Tables(); }
  Result<Position> Start(const ShardId& shard, const Resume& resume) override {
    ASSIGN_OR_RETURN(Position at, source_->Start(shard, resume));
    ASSIGN_OR_RETURN(ends_[shard], source_->End(shard));
    Note(shard, at);
    return at;
  }
  Result<ReadResult> Read(SteadyTime deadline) override {
    ASSIGN_OR_RETURN(ReadResult read, source_->Read(deadline));
    if (read.kind == ReadResult::Kind::kBatch) Note(read.batch.shard, read.batch.end);
    if (read.kind == ReadResult::Kind::kIdle && ends_.size() == kPartitions &&
        left_.empty()) {
      read.kind = ReadResult::Kind::kEnd;
    }
    return read;
  }
  Result<Position> End(const ShardId& shard) override { return source_->End(shard); }
  bool Reached(const Position& at, const Position& target) const override {
    return source_->Reached(at, target);
  }
  Lag GetLag() const override { return source_->GetLag(); }
  std::string Lease() const override { return source_->Lease(); }
  void Ack(const ShardId& shard, const Position& committed) override {
    source_->Ack(shard, committed);
  }

 private:
  void Note(const ShardId& shard, const Position& at) {
    left_.erase(shard);
    if (!source_->Reached(at, ends_[shard])) left_.insert(shard);
  }
  const std::unique_ptr<Source> source_;
  std::map<ShardId, Position> ends_;
  std::set<ShardId> left_;
};

enum class From : uint8_t { kMemory, kStatic, kGroup };

struct KafkaSetting {
  std::string name;
  From from;
  bool to_kafka = true;
};
void PrintTo(const KafkaSetting& setting, std::ostream* out) { *out << setting.name; }

// How many there were: what one has written is there still when the next comes.
int subjects = 0;

class KafkaSubject final : public Subject {
 public:
  explicit KafkaSubject(KafkaSetting setting)
      : setting_(std::move(setting)),
        prefix_(fmt::format("trial-{}-{}-{}", getpid(), ++subjects, setting_.name)) {
    // Long enough for an epoch; what dies with its machine is not waited for longer.
    project_.broker = BrokerOf("?fetch.wait.max.ms=10&transaction.timeout.ms=5000");
    RegisterParts(&registry_);
    sink_ = Parse(registry_.FindSink("topic")->spec,
                  fmt::format("name: \"{}-{{table}}\"\nformat: json\n", prefix_));
    if (setting_.from != From::kMemory) {
      cluster_.Create(prefix_ + "-in");
      for (int64_t id = 0; id < kRecords; id++) {
        cluster_.Write(prefix_ + "-in", static_cast<int32_t>(id % kPartitions),
                       fmt::format("{{\"id\": {}}}", id));
      }
    }
    Reset();
  }

  // The broker stays as it is: what a run is about has names of its own, and what its
  // topics have is counted from here.
  void Reset() override {
    run_++;
    log_ = std::make_unique<MemoryLog>(std::map<ShardId, std::vector<MemoryTransaction>>{
        {fmt::format("{}-{}", prefix_, run_), kKafkaLog}});
    target_ = std::make_unique<MemoryTarget>();
    if (setting_.from != From::kMemory) {
      source_ = Parse(registry_.FindSource("topic")->spec,
                      fmt::format("name: {0}-in\ngroup: {0}-{1}\nformat: json\n"
                                  "assignment: {2}\n",
                                  prefix_, run_,
                                  setting_.from == From::kStatic ? "static" : "group"));
    }
    begins_.clear();
    for (const auto& [table, ids] : Expected())
      begins_[table] = cluster_.End(Topic(table));
  }

  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context& context) -> Result<std::unique_ptr<Source>> {
      if (setting_.from == From::kMemory) {
        return std::unique_ptr<Source>(new MemorySource(*log_, {}));
      }
      ASSIGN_OR_RETURN(auto source,
                       registry_.FindSource("topic")->make(*source_, On(context)));
      return std::unique_ptr<Source>(new EndingKafka(std::move(source)));
    };
    parts.sink = [this](const Context& context) -> Result<std::unique_ptr<Sink>> {
      if (setting_.to_kafka)
        return registry_.FindSink("topic")->make(*sink_, On(context));
      return std::unique_ptr<Sink>(new MemoryStagedSink(*target_, {}));
    };
    return parts;
  }

  CommitPolicy policy() const override {
    return {std::chrono::hours(1), 2, int64_t{1} << 30};
  }

  std::vector<std::string> Judge(Store&, bool) override {
    std::vector<std::string> wrong = target_->errors();
    for (const auto& [table, ids] : Expected()) {
      std::vector<int64_t> found = setting_.to_kafka
                                       ? cluster_.Read(Topic(table), begins_[table])
                                       : target_->tables()[table].rows;
      std::ranges::sort(found);
      if (found == ids) continue;
      wrong.push_back(fmt::format("{} has rows [{}], expected [{}]", table,
                                  Joined(found, " "), Joined(ids, " ")));
    }
    return wrong;
  }

  bool IsRequest(const std::string& failpoint) const override {
    return failpoint.starts_with("kafka.commit") ||
           failpoint.starts_with("kafka.tokens") ||
           failpoint.starts_with("memory.commit");
  }

 private:
  static std::unique_ptr<Config> Parse(const Spec& spec, const std::string& yaml) {
    return std::make_unique<Config>(Must(ParseConfig(spec, yaml)));
  }
  Context On(const Context& c) const {
    return {c.pipeline, c.data, c.clock, c.log, c.cancel, project_, c.store};
  }
  std::string Topic(const std::string& table) const { return prefix_ + "-" + table; }
  std::map<std::string, std::vector<int64_t>> Expected() const {
    std::map<std::string, std::vector<int64_t>> expected;
    if (setting_.from != From::kMemory) {
      for (int64_t id = 0; id < kRecords; id++) expected[prefix_ + "-in"].push_back(id);
      return expected;
    }
    for (const MemoryTransaction& transaction : kKafkaLog) {
      for (const MemoryChange& change : transaction) {
        expected[change.table].push_back(change.id);
      }
    }
    return expected;
  }

  const KafkaSetting setting_;
  const std::string prefix_;
  Cluster cluster_;
  ProjectSettings project_;
  Registry registry_;
  std::unique_ptr<Config> source_;
  std::unique_ptr<Config> sink_;
  std::unique_ptr<MemoryLog> log_;
  std::unique_ptr<MemoryTarget> target_;
  std::map<std::string, int64_t> begins_;
  int run_ = 0;
};

class KafkaConformance : public ::testing::TestWithParam<KafkaSetting> {
 protected:
  void SetUp() override {
    if (!std::getenv(kKafkaUrl)) GTEST_SKIP() << kKafkaUrl << " names no broker";
    subject_ = std::make_unique<KafkaSubject>(GetParam());
    suite_ = std::make_unique<Suite>(*subject_, Limits{.pairs = 5, .every = 7});
    trace_ = suite_->CleanRun();
  }
  void TearDown() override {
    if (!suite_) return;
    EXPECT_TRUE(suite_->failures().empty()) << Joined(suite_->failures(), "\n");
  }
  std::unique_ptr<KafkaSubject> subject_;
  std::unique_ptr<Suite> suite_;
  std::vector<std::string> trace_;
};

TEST_P(KafkaConformance, CrashAtEveryStep) {
  if (GetParam().to_kafka) {
    for (const char* step :
         {"kafka.claim.before", "kafka.claim.after", "kafka.prepare.before",
          "kafka.tokens.before", "kafka.commit.before", "kafka.commit.after"}) {
      EXPECT_THAT(trace_, ::testing::Contains(step));
    }
  }
  suite_->CrashEverywhere();
}
TEST_P(KafkaConformance, Scar_20_LostReplies) { suite_->LoseReplies(); }
TEST_P(KafkaConformance, Scar_23_ZombiesAndLateCommits) {
  if (GetParam().from == From::kGroup) {
    GTEST_SKIP()
        << "a member that hangs holds its partitions until the group gives it up";
  }
  suite_->WakeZombies();
}
TEST_P(KafkaConformance, LostStores) { suite_->LoseStores(); }
TEST_P(KafkaConformance, RestoredStores) { suite_->RestoreOldStores(); }

INSTANTIATE_TEST_SUITE_P(, KafkaConformance,
                         ::testing::Values(KafkaSetting{"sink", From::kMemory},
                                           KafkaSetting{"source", From::kStatic, false},
                                           KafkaSetting{"copy", From::kGroup}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace leat::conformance
