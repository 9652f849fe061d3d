#include "connectors/iceberg/metadata/transform.h"

#include <arrow/builder.h>
#include <gtest/gtest.h>

#include <cstring>

namespace leat::iceberg {
namespace {

Type ParsedType(const std::string& text) { return *Type::Parse(text); }

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Array(Builder builder,
                                    const std::vector<std::optional<Value>>& values) {
  for (const auto& v : values) {
    EXPECT_TRUE((v ? builder.Append(*v) : builder.AppendNull()).ok());
  }
  return builder.Finish().ValueOrDie();
}

std::vector<std::optional<Binary>> Transformed(
    const std::string& transform, const std::string& type,
    const std::shared_ptr<arrow::Array>& column) {
  const auto coded =
      ApplyTransform(Transform::Parse(transform), ParsedType(type), *column);
  EXPECT_TRUE(coded.ok()) << coded.status().ToString();
  std::vector<std::optional<Binary>> out;
  if (!coded.ok()) return out;
  for (const uint32_t code : coded->codes) out.push_back(coded->values[code]);
  return out;
}

int32_t IntOf(const std::optional<Binary>& value) {
  int32_t v = -999;
  if (value) std::memcpy(&v, value->data(), std::min<size_t>(4, value->size()));
  return v;
}

std::shared_ptr<arrow::Array> Timestamps(std::vector<std::optional<int64_t>> values) {
  return Array(arrow::TimestampBuilder(arrow::timestamp(arrow::TimeUnit::MICRO),
                                       arrow::default_memory_pool()),
               values);
}

// Appendix B of the table spec.
TEST(Transform, HashesAsTheSpecDoes) {
  const auto of_long = [](int64_t v) {
    return static_cast<int32_t>(Murmur3({reinterpret_cast<const char*>(&v), sizeof(v)}));
  };
  EXPECT_EQ(of_long(34), 2017239379);                 // int, long
  EXPECT_EQ(of_long(17486), -653330422);              // date 2017-11-16
  EXPECT_EQ(of_long(81068000000), -662762989);        // time 22:31:08
  EXPECT_EQ(of_long(1510871468000000), -2047944441);  // timestamp 2017-11-16T22:31:08
  EXPECT_EQ(of_long(1510871468000001), -1207196810);
  EXPECT_EQ(static_cast<int32_t>(Murmur3("iceberg")), 1210000089);
  EXPECT_EQ(static_cast<int32_t>(Murmur3({"\x00\x01\x02\x03", 4})), -188683207);
  const uint8_t uuid[] = {0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c, 0x4b, 0xbd,
                          0xa4, 0x79, 0x3f, 0x34, 0x9c, 0xb7, 0x85, 0xe7};
  EXPECT_EQ(
      static_cast<int32_t>(Murmur3({reinterpret_cast<const char*>(uuid), sizeof(uuid)})),
      1488055340);
}

TEST(Transform, BucketsDecimalsByTheirShortestBytes) {
  // 14.20 hashes to -500754589 (appendix B).
  const auto column =
      Array(arrow::Decimal128Builder(arrow::decimal128(9, 2)),
            std::vector<std::optional<arrow::Decimal128>>{arrow::Decimal128(1420)});
  EXPECT_EQ(IntOf(Transformed("bucket[1000]", "decimal(9,2)", column)[0]),
            (-500754589 & 0x7fffffff) % 1000);
}

TEST(Transform, BucketsAndKeepsNull) {
  const auto column =
      Array(arrow::Int32Builder(), std::vector<std::optional<int32_t>>{34, {}, 34});
  const auto out = Transformed("bucket[16]", "int", column);
  EXPECT_EQ(IntOf(out[0]), (2017239379 & 0x7fffffff) % 16);
  EXPECT_EQ(out[1], std::nullopt);
  EXPECT_EQ(out[2], out[0]);
}

TEST(Transform, TakesTimesApartBeforeAndAfter1970) {
  const int64_t hour = 3'600'000'000;
  // 2017-11-16T22:31:08, 1969-12-31T23:59:59.999999, 1970-01-01T00:00
  const auto column = Timestamps({1510871468000000, -1, 0, {}});
  const auto years = Transformed("year", "timestamp", column);
  EXPECT_EQ(IntOf(years[0]), 47);
  EXPECT_EQ(IntOf(years[1]), -1);
  EXPECT_EQ(IntOf(years[2]), 0);
  EXPECT_EQ(years[3], std::nullopt);
  const auto months = Transformed("month", "timestamp", column);
  EXPECT_EQ(IntOf(months[0]), 574);
  EXPECT_EQ(IntOf(months[1]), -1);
  const auto days = Transformed("day", "timestamp", column);
  EXPECT_EQ(IntOf(days[0]), 17486);
  EXPECT_EQ(IntOf(days[1]), -1);
  const auto hours = Transformed("hour", "timestamp", column);
  EXPECT_EQ(IntOf(hours[0]), static_cast<int32_t>(1510871468000000 / hour));
  EXPECT_EQ(IntOf(hours[1]), -1);
}

TEST(Transform, TruncatesDownwardsAndByCharacters) {
  const auto ints =
      Array(arrow::Int32Builder(), std::vector<std::optional<int32_t>>{1, -1, 10, -10});
  const auto out = Transformed("truncate[10]", "int", ints);
  EXPECT_EQ(IntOf(out[0]), 0);
  EXPECT_EQ(IntOf(out[1]), -10);
  EXPECT_EQ(IntOf(out[2]), 10);
  EXPECT_EQ(IntOf(out[3]), -10);
  const auto text = Array(arrow::StringBuilder(), std::vector<std::optional<std::string>>{
                                                      "iceberg", "\xC3\xA9t\xC3\xA9!"});
  const auto cut = Transformed("truncate[3]", "string", text);
  EXPECT_EQ(cut[0], "ice");
  EXPECT_EQ(cut[1], "\xC3\xA9t\xC3\xA9");
}

TEST(Transform, NamesPartitionsForPeople) {
  const auto human = [](const char* transform, const char* result, int32_t v) {
    return HumanValue(Transform::Parse(transform), ParsedType(result),
                      Binary(reinterpret_cast<const char*>(&v), 4));
  };
  EXPECT_EQ(human("year", "int", 47), "2017");
  EXPECT_EQ(human("month", "int", 574), "2017-11");
  EXPECT_EQ(human("month", "int", -1), "1969-12");
  EXPECT_EQ(human("day", "date", 17486), "2017-11-16");
  EXPECT_EQ(human("hour", "int", -1), "1969-12-31-23");
  EXPECT_EQ(human("identity", "int", -5), "-5");
  EXPECT_EQ(HumanValue(Transform::Parse("identity"), ParsedType("string"), std::nullopt),
            "null");
}

}  // namespace
}  // namespace leat::iceberg
