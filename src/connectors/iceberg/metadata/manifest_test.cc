#include "connectors/iceberg/metadata/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/testing.h"
#include "connectors/iceberg/metadata/manifest_list.h"

namespace leat::iceberg {
namespace {

using ::testing::HasSubstr;

std::string ReadTestFile(const std::string& name) {
  std::ifstream in(std::string(LEAT_TESTDATA) + "/" + name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  EXPECT_FALSE(out.str().empty()) << name;
  return out.str();
}

// Written by PyIceberg 0.12: a table partitioned by the date `at` and by `name`.

TEST(ManifestTest, ReadsAForeignManifestList) {
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

TEST(ManifestTest, ReadsAForeignManifest) {
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

TEST(ManifestTest, EveryTruncationAndEveryFlippedByteIsAnErrorOrHarmless) {
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

}  // namespace
}  // namespace leat::iceberg
