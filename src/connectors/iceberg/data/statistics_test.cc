#include "connectors/iceberg/data/statistics.h"

#include <arrow/builder.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "connectors/iceberg/data/parquet_writer.h"
#include "connectors/iceberg/table_testing.h"

namespace leat::iceberg {
namespace {

Type TypeOf(const std::string& text) { return *Type::Parse(text); }

NestedField Field(int id, const std::string& type) {
  NestedField field;
  field.id = id;
  field.name = "c" + std::to_string(id);
  field.type = TypeOf(type);
  return field;
}

template <typename T>
Binary Bits(T value) {
  return Binary(reinterpret_cast<const char*>(&value), sizeof(value));
}

// One column written in row groups of one batch each.
template <typename Builder, typename Value>
DataFile Write(const std::string& type, Builder builder,
               const std::vector<std::vector<std::optional<Value>>>& batches) {
  TestFolder folder("statistics");
  auto files = Must(FileIo::Make(folder.path(), {}));
  Schema schema;
  schema.fields = {Field(7, type)};
  ParquetWriter::Options options;
  options.row_group_bytes = 1;
  auto writer =
      Must(ParquetWriter::Open(*files, files->root() + "/f.parquet", schema, options));
  for (const auto& batch : batches) {
    for (const auto& v : batch) {
      EXPECT_TRUE((v ? builder.Append(*v) : builder.AppendNull()).ok());
    }
    const auto array = builder.Finish().ValueOrDie();
    Must(writer->Write(
        arrow::RecordBatch::Make(schema.ToArrow(), array->length(), {array})));
  }
  DataFile file = Must(writer->Close());
  EXPECT_EQ(file.split_offsets.size(), batches.size());
  return file;
}

TEST(Statistics, CountsAndBoundsOverRowGroups) {
  const DataFile file = Write<arrow::Int64Builder, int64_t>(
      "long", arrow::Int64Builder(), {{5, {}, -3}, {{}, {}}, {100, 7}});
  EXPECT_EQ(file.record_count, 7);
  EXPECT_EQ(file.value_counts.at(7), 7);
  EXPECT_EQ(file.null_value_counts.at(7), 3);
  EXPECT_EQ(file.lower_bounds.at(7), Bits<int64_t>(-3));
  EXPECT_EQ(file.upper_bounds.at(7), Bits<int64_t>(100));
  EXPECT_GT(file.column_sizes.at(7), 0);
}

TEST(Statistics, OnlyNullsHaveNoBounds) {
  const DataFile file = Write<arrow::StringBuilder, std::string>(
      "string", arrow::StringBuilder(), {{{}, {}}});
  EXPECT_EQ(file.null_value_counts.at(7), 2);
  EXPECT_FALSE(file.lower_bounds.contains(7));
  EXPECT_FALSE(file.upper_bounds.contains(7));
}

TEST(Statistics, NanIsCountedAndNoBound) {
  const DataFile file = Write<arrow::DoubleBuilder, double>(
      "double", arrow::DoubleBuilder(), {{std::nan(""), 1.5, {}}, {-2.0, std::nan("")}});
  EXPECT_EQ(file.nan_value_counts.at(7), 2);
  EXPECT_EQ(file.lower_bounds.at(7), Bits(-2.0));
  EXPECT_EQ(file.upper_bounds.at(7), Bits(1.5));
}

TEST(Statistics, ZeroBoundsCoverBothZeros) {
  const DataFile file = Write<arrow::FloatBuilder, float>("float", arrow::FloatBuilder(),
                                                          {{0.0f}, {-0.0f}});
  EXPECT_EQ(file.lower_bounds.at(7), Bits(-0.0f));
  EXPECT_EQ(file.upper_bounds.at(7), Bits(0.0f));
}

TEST(Statistics, DecimalsAreShortBigEndianWhateverTheirWidth) {
  for (const int precision : {4, 12, 30}) {
    const std::string type = "decimal(" + std::to_string(precision) + ",2)";
    const DataFile file = Write<arrow::Decimal128Builder, arrow::Decimal128>(
        type, arrow::Decimal128Builder(arrow::decimal128(precision, 2)),
        {{arrow::Decimal128(-129), arrow::Decimal128(5)}, {arrow::Decimal128(300)}});
    EXPECT_EQ(file.lower_bounds.at(7), Binary("\xFF\x7F")) << type;
    EXPECT_EQ(file.upper_bounds.at(7), Binary("\x01\x2C")) << type;
  }
}

TEST(Statistics, TextBoundsAreCutByCharactersAndTheUpperRaised) {
  const std::string low = "\xC3\xA9" + std::string(30, 'a');
  const std::string high = "\xC3\xA9" + std::string(30, 'z');
  const DataFile file = Write<arrow::StringBuilder, std::string>(
      "string", arrow::StringBuilder(), {{low, high}});
  EXPECT_EQ(file.lower_bounds.at(7), "\xC3\xA9" + std::string(15, 'a'));
  EXPECT_EQ(file.upper_bounds.at(7), "\xC3\xA9" + std::string(14, 'z') + "{");
}

TEST(Statistics, UpperBoundsAreRaisedOnlyWhereTheyCanBe) {
  const Type text = TypeOf("string"), bytes = TypeOf("binary");
  EXPECT_EQ(CutUpperBound(text, "short"), "short");
  const std::string last = "\xF4\x8F\xBF\xBF";  // U+10FFFF
  std::string lasts;
  for (int i = 0; i < 17; i++) lasts += last;
  EXPECT_EQ(CutUpperBound(text, lasts), std::nullopt);
  EXPECT_EQ(CutUpperBound(text, "a" + lasts), "b");
  // U+D7FF is followed by the surrogates, which are no characters.
  EXPECT_EQ(CutUpperBound(text, std::string(15, 'a') + "\xED\x9F\xBF" + "x"),
            std::string(15, 'a') + "\xEE\x80\x80");
  EXPECT_EQ(CutUpperBound(bytes, std::string(17, '\xFF')), std::nullopt);
  EXPECT_EQ(CutUpperBound(bytes, "a" + std::string(17, '\xFF')), "b");
}

}  // namespace
}  // namespace leat::iceberg
