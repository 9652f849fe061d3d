#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "connectors/iceberg/avro_reader.h"
#include "connectors/iceberg/avro_writer.h"
#include "connectors/iceberg/manifest.h"
#include "connectors/iceberg/manifest_list.h"
#include "connectors/iceberg/table_testing.h"

namespace leat::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Must;

std::string ReadTestFile(const std::string& name) {
  std::ifstream in(std::string(LEAT_TESTDATA) + "/" + name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  EXPECT_FALSE(out.str().empty()) << name;
  return out.str();
}

TEST(AvroTest, RoundTripsNumbersAndText) {
  AvroWriter writer(R"({"type":"record","name":"r","fields":[{"name":"n","type":"long"},
      {"name":"t","type":["null","string"]},
      {"name":"l","type":{"type":"array","items":"int"}}]})",
                    {{"made", "here"}});
  const std::vector<int64_t> numbers = {0, -1, 1, 63, 64, INT64_MIN, INT64_MAX};
  for (int64_t n : numbers) {
    writer.record().Long(n);
    writer.record().Branch(n != 0);
    if (n != 0) writer.record().String(std::to_string(n));
    writer.record().BeginBlock(2);
    writer.record().Long(7);
    writer.record().Long(-8);
    writer.record().EndBlock();
    writer.EndRecord();
  }
  std::string bytes = writer.Finish();
  AvroReader reader = Must(AvroReader::Make(bytes));
  EXPECT_EQ(reader.Metadata("made"), "here");
  size_t i = 0;
  Must(reader.ForEach([&](const AvroValue& record) {
    EXPECT_EQ(record.items[0].integer, numbers[i]);
    EXPECT_EQ(record.items[1].null(), numbers[i] == 0);
    const std::string text = numbers[i] ? std::to_string(numbers[i]) : "";
    EXPECT_EQ(record.items[1].bytes, text);
    EXPECT_EQ(record.items[2].items.size(), 2u);
    EXPECT_EQ(record.items[2].items[1].integer, -8);
    i++;
    return Status::Ok();
  }));
  EXPECT_EQ(i, numbers.size());
}

TEST(AvroTest, EveryTruncationAndEveryFlippedByteIsAnErrorOrHarmless) {
  std::string bytes = ReadTestFile("foreign/manifest.avro");
  for (size_t size = 0; size < bytes.size(); size++) {
    std::string cut = bytes.substr(0, size);
    auto entries = DecodeManifest(cut, ManifestFile());
    // Cut right behind a block, what is left is whole.
    EXPECT_TRUE(!entries.ok() || entries->size() < 2);
  }
  for (size_t at = 0; at < bytes.size(); at++) {
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    (void)DecodeManifest(bad, ManifestFile());
  }
}

TEST(AvroTest, ValuesWithoutBytesEnd) {
  AvroWriter writer(R"({"type":"array","items":"null"})", {});
  writer.record().BeginBlock(size_t{1} << 60);
  writer.EndRecord();
  std::string bytes = writer.Finish();
  Status status = Must(AvroReader::Make(bytes)).ForEach([](const AvroValue&) {
    return Status::Ok();
  });
  EXPECT_EQ(status.kind(), ErrorKind::kConfig);
}

TEST(AvroTest, ASchemaThatContainsItselfEnds) {
  AvroWriter writer(
      R"({"type":"record","name":"r","fields":[{"name":"next","type":"r"}]})", {});
  writer.record().Raw("x");
  writer.EndRecord();
  std::string bytes = writer.Finish();
  Status status = Must(AvroReader::Make(bytes)).ForEach([](const AvroValue&) {
    return Status::Ok();
  });
  EXPECT_THAT(status.message(), HasSubstr("does not fit"));
}

// Written by PyIceberg 0.12: a table partitioned by the date `at` and by `name`.
TEST(AvroTest, ReadsAForeignManifestList) {
  auto manifests = Must(DecodeManifestList(ReadTestFile("foreign/manifest_list.avro")));
  ASSERT_EQ(manifests.size(), 1u);
  const ManifestFile& m = manifests[0];
  EXPECT_EQ(m.content, ManifestContent::kData);
  EXPECT_EQ(m.added_files, 2);
  EXPECT_EQ(m.added_rows, 3);
  EXPECT_EQ(m.sequence_number, 1);
  ASSERT_EQ(m.partitions.size(), 2u);
  EXPECT_FALSE(m.partitions[0].contains_null);
  EXPECT_TRUE(m.partitions[1].contains_null);
  EXPECT_EQ(m.partitions[1].lower, "b");
}

TEST(AvroTest, ReadsAForeignManifest) {
  ManifestFile file;
  file.sequence_number = 9;
  file.added_snapshot_id = 77;
  auto entries = Must(DecodeManifest(ReadTestFile("foreign/manifest.avro"), file));
  ASSERT_EQ(entries.size(), 2u);
  for (const ManifestEntry& entry : entries) {
    EXPECT_EQ(entry.status, ManifestEntry::Status::kAdded);
    EXPECT_EQ(entry.sequence_number, 9);
    EXPECT_THAT(entry.file.path, HasSubstr(".parquet"));
    EXPECT_EQ(entry.file.format, "PARQUET");
    EXPECT_EQ(entry.file.value_counts.at(1), entry.file.record_count);
    ASSERT_EQ(entry.file.partition.size(), 2u);
    EXPECT_EQ(entry.file.partition[0]->size(), 4u);  // a date
  }
}

}  // namespace
}  // namespace leat::iceberg
