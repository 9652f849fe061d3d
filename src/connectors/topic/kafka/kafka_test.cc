// What needs no broker: options, names, positions, floors. tests/e2e/test_kafka*.py has
// the rest, on real ones.
#include <gtest/gtest.h>

#include "base/testing.h"
#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/commit_log.h"
#include "connectors/topic/kafka/instance.h"
#include "connectors/topic/kafka/oauth.h"
#include "connectors/topic/kafka/partition_reader.h"
#include "connectors/topic/kafka/settings.h"
#include "connectors/topic/kafka/shard.h"

namespace leat::topic::kafka {
namespace {

Broker Parse(const std::string& options) {
  return Must(Broker::Parse("kafka://127.0.0.1:1" + options));
}

TEST(KafkaOptions, TakesWhatIsOnTheList) {
  EXPECT_TRUE(CheckOptions(Parse("")).ok());
  EXPECT_TRUE(CheckOptions(Parse("?security.protocol=SASL_SSL&sasl.mechanism=PLAIN"
                                 "&sasl.username=u&sasl.password=p&linger.ms=5"))
                  .ok());
  for (Role role : {Role::kConsumer, Role::kProducer}) {
    EXPECT_TRUE(
        MakeConf(Parse("?linger.ms=5&fetch.min.bytes=7"), role, {{"client.id", "x"}})
            .ok());
  }
}

TEST(KafkaOptions, RefusesWhatLoadsCodeOrIsOurs) {
  for (const char* name :
       {"plugin.library.paths", "ssl.engine.location", "ssl.providers",
        "sasl.kerberos.kinit.cmd", "interceptor.classes", "sasl.jaas.config", "group.id",
        "transactional.id", "isolation.level", "auto.offset.reset", "enable.idempotence",
        "bootstrap.servers", "debug", "opaque"}) {
    Status status = CheckOptions(Parse(std::string("?") + name + "=x"));
    EXPECT_EQ(status.kind(), ErrorKind::kConfig) << name;
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
  }
}

TEST(KafkaOptions, Scar_30_NeverQuotesAValue) {
  Status bad = CheckOptions(Parse("?security.protocol=hunter22"));
  EXPECT_EQ(bad.kind(), ErrorKind::kConfig);
  EXPECT_EQ(bad.message().find("hunter22"), std::string::npos) << bad.message();
  Status typing = CheckOptions(Parse("?sasl.pasword=hunter22"));
  EXPECT_NE(typing.message().find("did you mean \"sasl.password\""), std::string::npos);
  EXPECT_EQ(typing.message().find("hunter22"), std::string::npos);
}

TEST(KafkaTopicConfig, IsReadBackAsItWasDeclared) {
  TopicSettings declared;
  EXPECT_EQ(ConfigOf(declared)["retention.ms"], "-1");
  for (const int64_t days : {0, 7}) {
    declared.retention = std::chrono::hours(24 * days);
    declared.retention_bytes = days << 20;
    auto config = ConfigOf(declared);
    config.emplace("cleanup.policy", "delete");  // the brokers' default
    config.emplace("retention.bytes", "-1");
    EXPECT_EQ(SettingsOf(config), declared) << days;
  }
}

TEST(KafkaTopicConfig, CompactedRecordsAreKeptWhateverTheRetentionSays) {
  TopicSettings settings =
      SettingsOf({{"cleanup.policy", "compact"}, {"retention.ms", "604800000"}});
  EXPECT_TRUE(settings.compact);
  EXPECT_EQ(settings.retention.count(), 0);
  settings = SettingsOf({{"cleanup.policy", "compact,delete"}, {"retention.ms", "1000"}});
  EXPECT_TRUE(settings.compact);
  EXPECT_EQ(settings.retention, Micros(1'000'000));
}

TEST(KafkaShard, IsReadBackWhateverTheGroupIsCalled) {
  for (const char* group : {"g", "a/b/c", "", "ü"}) {
    Shard shard{group, {"topic.x", 12}};
    auto back = Shard::Parse(shard.Id());
    if (std::string(group).empty()) continue;
    ASSERT_TRUE(back) << shard.Id();
    EXPECT_EQ(back->group, group);
    EXPECT_EQ(back->partition, shard.partition);
  }
  EXPECT_FALSE(Shard::Parse("binlog"));
  EXPECT_FALSE(Shard::Parse("a/b"));
  EXPECT_FALSE(Shard::Parse("a/b/c"));
}

TEST(KafkaPlace, KeepsWhatTheFormatLearnt) {
  EXPECT_EQ((Place{5, ""}.ToPosition().text), "5");
  auto back = Place::Parse(Place{7, "{\"a b\": 1}"}.ToPosition());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->offset, 7);
  EXPECT_EQ(back->learnt, "{\"a b\": 1}");
  EXPECT_FALSE(Place::Parse({""}));
  EXPECT_FALSE(Place::Parse({"-1"}));
  EXPECT_FALSE(Place::Parse({"x"}));
}

TEST(KafkaLease, SurvivesAnyBytes) {
  Lease lease{"group", std::string("a\0b\xff", 4)};
  auto back = Lease::Decode(lease.Encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->group, "group");
  EXPECT_EQ(back->metadata, lease.metadata);
  EXPECT_FALSE(Lease::Decode(""));
}

TEST(KafkaOAuth, FindsTheSubjectOfAToken) {
  // {"sub":"leat"}
  EXPECT_EQ(SubjectOf("e30.eyJzdWIiOiJsZWF0In0.sig"), "leat");
  EXPECT_EQ(SubjectOf("e30.e30."), "");
  EXPECT_EQ(SubjectOf("opaque"), "");
  EXPECT_EQ(SubjectOf("a.!!.c"), "");
}

TEST(KafkaInstance, IsDrawnOnceAndKept) {
  TestFolder folder("kafka-instance");
  const std::string id = Must(InstanceId(folder / "p"));
  EXPECT_EQ(id.size(), 16U);
  EXPECT_EQ(Must(InstanceId(folder / "p")), id);
  EXPECT_NE(Must(InstanceId(folder / "q")), id);
}

// A decoder that makes one chunk of two tables for each run: even and odd offsets.
class TwoTables final : public Decoder {
 public:
  Status Decode(const Records& records, Batch* out) override {
    for (int parity = 0; parity < 2; parity++) {
      Chunk chunk;
      chunk.schema = tables_[parity];
      for (int64_t offset : records.offsets) {
        if (offset % 2 == parity) chunk.time.push_back(offset);
      }
      if (!chunk.time.empty()) out->chunks.push_back(std::move(chunk));
    }
    return Status::Ok();
  }
  std::vector<SchemaRef> Tables() const override { return {}; }
  const SchemaRef tables_[2] = {TableSchema::Make({"", "", "even"}, {}, {}),
                                TableSchema::Make({"", "", "odd"}, {}, {})};
};

Fetched At(int64_t offset) {
  Fetched record;
  record.offset = offset;
  return record;
}

TEST(PartitionReader, LeavesOutWhatATableHasAlready) {
  TwoTables decoder;
  PartitionReader reader({"t", 0});
  reader.Restart(10, {{{"", "", "even"}, 14}, {{"", "", "odd"}, 10}});
  std::vector<int64_t> even, odd;
  for (int64_t offset = 10; offset < 18; offset++) reader.Add(At(offset));
  Position end;
  while (reader.ready()) {
    Batch batch = Must(reader.Take("s", decoder));
    EXPECT_TRUE(batch.boundary);
    end = batch.end;
    for (const Chunk& chunk : batch.chunks) {
      auto& into = chunk.schema->id.table == "even" ? even : odd;
      into.insert(into.end(), chunk.time.begin(), chunk.time.end());
    }
  }
  EXPECT_EQ(end.text, "18");
  EXPECT_EQ(even, (std::vector<int64_t>{14, 16}));
  EXPECT_EQ(odd, (std::vector<int64_t>{11, 13, 15, 17}));
}

TEST(PartitionReader, MovesOnOverOffsetsWithoutRecords) {
  TwoTables decoder;
  PartitionReader reader({"t", 0});
  reader.Restart(3, {});
  EXPECT_FALSE(reader.ready());
  reader.AtEnd(3);
  EXPECT_FALSE(reader.ready()) << "nothing new";
  reader.AtEnd(5);
  ASSERT_TRUE(reader.ready());
  Batch batch = Must(reader.Take("s", decoder));
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.end.text, "5");
  reader.Restart(2, {});
  reader.Add(At(1));
  EXPECT_FALSE(reader.ready()) << "fetched before the restart";
}

}  // namespace
}  // namespace leat::topic::kafka
