#include "connectors/iceberg/metadata/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "connectors/iceberg/catalog/metadata_file.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/table_testing.h"

namespace leat::iceberg {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

Json Foreign() {
  std::ifstream in(std::string(LEAT_TESTDATA) + "/foreign/metadata.json");
  return Json::parse(in);
}

TEST(MetadataTest, KeepsWhatItDoesNotUnderstand) {
  Json foreign = Foreign();
  foreign["something-new"] = {{"a", {1, 2}}};
  foreign["snapshots"][0]["key-id"] = "k";
  foreign["schemas"][0]["more"] = true;
  foreign["refs"]["main"]["max-ref-age-ms"] = 5;
  TableMetadata metadata = Must(TableMetadata::Parse(foreign.dump()));
  Json written = Json::parse(metadata.ToJson());
  for (const auto& [name, value] : foreign.items()) {
    EXPECT_TRUE(value.is_null() || written[name] == value) << name << written[name];
  }
}

TEST(MetadataTest, AddedSnapshotsAreReadBack) {
  TableMetadata metadata = Must(TableMetadata::Parse(Foreign().dump()));
  Snapshot snapshot;
  snapshot.id = 123;
  snapshot.parent_id = metadata.current_snapshot_id();
  snapshot.sequence_number = metadata.last_sequence_number() + 1;
  snapshot.timestamp_ms = metadata.last_updated_ms() + 1;
  snapshot.manifest_list = "file:///x.avro";
  snapshot.summary = {{"operation", "append"}, {"total-records", "17"}};
  metadata.AddSnapshot(snapshot);
  TableMetadata again = Must(TableMetadata::Parse(metadata.ToJson()));
  EXPECT_EQ(again.current_snapshot_id(), 123);
  EXPECT_EQ(again.refs().at("main"), 123);
  EXPECT_EQ(again.current_snapshot()->Number("total-records"), 17);
  EXPECT_EQ(again.last_sequence_number(), snapshot.sequence_number);
}

TEST(MetadataTest, RemovedSnapshotsTakeTheirStatisticsAlong) {
  Json foreign = Foreign();
  const int64_t old = foreign["current-snapshot-id"];
  foreign["statistics"] = {{{"snapshot-id", old}, {"statistics-path", "x"}}};
  TableMetadata metadata = Must(TableMetadata::Parse(foreign.dump()));
  metadata.RemoveSnapshots({old});
  EXPECT_TRUE(metadata.FindSnapshot(old)) << "the current snapshot must stay";
  Snapshot next;
  next.id = 5;
  metadata.AddSnapshot(next);
  metadata.RemoveSnapshots({old});
  EXPECT_FALSE(metadata.FindSnapshot(old));
  Json written = Json::parse(metadata.ToJson());
  EXPECT_TRUE(written["statistics"].empty());
  EXPECT_EQ(written["snapshot-log"].size(), 1u);
}

TEST(MetadataTest, OtherFormatsAreRefusedWithARemedy) {
  Json foreign = Foreign();
  foreign["format-version"] = 1;
  auto refused = TableMetadata::Parse(foreign.dump());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(refused.status().message(), HasSubstr("format-version to 2"));
  foreign["format-version"] = 2;
  foreign["last-updated-ms"] = 6.6e30;
  EXPECT_FALSE(TableMetadata::Parse(foreign.dump()).ok());
  EXPECT_FALSE(TableMetadata::Parse("{}").ok());
  EXPECT_FALSE(TableMetadata::Parse("[").ok());
}

TEST(MetadataTest, LogIsBounded) {
  TableMetadata metadata = Must(TableMetadata::Parse(Foreign().dump()));
  metadata.SetProperty("write.metadata.previous-versions-max", "3");
  std::vector<std::string> fell_out;
  for (int i = 0; i < 10; i++) {
    for (std::string& s : metadata.LogPrevious(std::to_string(i), i)) {
      fell_out.push_back(std::move(s));
    }
  }
  EXPECT_EQ(metadata.PreviousMetadata(), (std::vector<std::string>{"7", "8", "9"}));
  EXPECT_THAT(fell_out, ::testing::IsSupersetOf({"0", "6"}));
}

TEST(MetadataTest, VersionsOfFileNames) {
  EXPECT_EQ(MetadataVersion("file:///t/metadata/00012-ab-cd.metadata.json"), 12);
  EXPECT_EQ(MetadataVersion("/t/metadata/v7.metadata.json"), 7);
  EXPECT_EQ(MetadataVersion("/t/metadata/other.json"), -1);
}

TEST(DataFileTest, JsonRoundTrips) {
  DataFile file;
  file.content = DataFile::Content::kPositionDeletes;
  file.path = "file:///a b/\xc3\xa9.parquet";
  file.partition = {std::nullopt, Binary("\0\xff", 2), Binary()};
  file.lower_bounds = {{3, Binary("\x80", 1)}};
  file.value_counts = {{1, 5}, {2, 7}};
  file.split_offsets = {4};
  file.sort_order_id = 0;
  file.referenced_data_file = "file:///x";
  EXPECT_EQ(Must(DataFileFromJson(Json::parse(ToJson(file).dump()))), file);
  EXPECT_FALSE(DataFileFromJson(Json::object()).ok());
}

TEST(DataFileTest, ComparesBinaryValues) {
  Type decimal = Must(Type::Parse("decimal(20,2)"));
  EXPECT_LT(CompareBinary(decimal, "\xff", "\x01"), 0);
  EXPECT_GT(CompareBinary(decimal, std::string("\x01\x00", 2), "\x7f"), 0);
  EXPECT_GT(CompareBinary(decimal, "\xff", std::string("\xfe\x00", 2)), 0);
  Type number = Must(Type::Parse("long"));
  const std::string narrow("\xff\xff\xff\xff", 4), zero(8, '\0');
  EXPECT_LT(CompareBinary(number, narrow, zero), 0);
}

}  // namespace
}  // namespace leat::iceberg
