#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "format/avro_reader.h"
#include "format/avro_writer.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace leat
