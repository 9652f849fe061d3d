#include "format/raw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/codec_testing.h"

namespace leat {
namespace {

using testing::ElementsAre;

TEST(RawTest, BytesThereAndBack) {
  DecoderOptions reading;
  reading.format.name = "raw";
  reading.meta = true;
  auto decoder = Must(MakeDecoder(reading));
  Batch batch;
  Must(
      decoder->Decode(MakeRecords("in", {{"k", "v\x01"}, {{}, "w"}, {"k", {}}}), &batch));
  ASSERT_EQ(batch.chunks.size(), 1U);
  EXPECT_EQ(batch.chunks[0].meta->GetColumnByName("_offset")->ToString(),
            "[\n  0,\n  1,\n  2\n]");
  EncoderOptions writing;
  writing.format.name = "raw";
  writing.topic = "out";
  auto encoder = Must(MakeEncoder(writing));
  std::vector<Records> out;
  std::vector<DeadLetter> rejects;
  Must(encoder->Encode(batch, Into(&out), &rejects));
  EXPECT_THAT(Shown(out), ElementsAre("k=v\x01", "-=w", "k=-"));
  EXPECT_EQ(Must(encoder->Keys(batch.chunks[0], false))->null_count(), 1);
}

TEST(RawTest, RefusesTablesThatAreNotBytes) {
  EncoderOptions writing;
  writing.format.name = "raw";
  writing.topic = "out";
  auto encoder = Must(MakeEncoder(writing));
  Chunk chunk;
  chunk.schema =
      TableSchema::Make({"", "", "t"}, {{"value", arrow::int64(), true, ""}}, {});
  const auto keys = encoder->Keys(chunk, false);
  ASSERT_FALSE(keys.ok());
  EXPECT_EQ(keys.status().kind(), ErrorKind::kConfig);
}

}  // namespace
}  // namespace leat
