// That others read what is written, and the other way round, is tests/e2e/test_avro.py.
#include "format/avro/mapping.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "format/avro_writer.h"
#include "format/json/columns.h"

namespace leat::avro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Shown(const std::vector<Column>& columns) {
  std::vector<std::string> out;
  for (const Column& column : columns) {
    out.push_back(column.name + " " + column.type->ToString() +
                  (column.nullable ? "" : " not null"));
  }
  return out;
}

TEST(AvroMappingTest, ATablesColumnsComeBack) {
  const auto schema =
      TableSchema::Make({"my shop", "", "o-1"},
                        {{"id", arrow::int64(), false, ""},
                         {"i", arrow::int32(), true, ""},
                         {"odd name", arrow::utf8(), true, ""},
                         {"odd_name", arrow::boolean(), true, ""},
                         {"d", arrow::decimal128(20, 4), false, ""},
                         {"da", arrow::date32(), true, ""},
                         {"t", arrow::timestamp(arrow::TimeUnit::MICRO), true, ""},
                         {"z", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), true, ""},
                         {"f", arrow::float32(), true, ""},
                         {"b", arrow::binary(), true, ""}},
                        {0});
  const std::string text = RecordSchema(*schema, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "o-1");
  EXPECT_THAT(text, HasSubstr(R"("name":"o_1","namespace":"my_shop")"));
  EXPECT_THAT(text, HasSubstr(R"({"name":"odd_name","type":["null","string"],)"
                              R"("default":null,"column":"odd name"})"));
  EXPECT_EQ(Shown(Must(ColumnsOf(Must(AvroSchema::Parse(text))))),
            Shown(schema->columns));
}

TEST(AvroMappingTest, ValuesOfEveryType) {
  const AvroSchema schema =
      Must(AvroSchema::Parse(R"({"type":"record","name":"r","fields":[
      {"name":"e","type":{"type":"enum","name":"e","symbols":["A","B"]}},
      {"name":"n","type":{"type":"long","logicalType":"timestamp-nanos"}},
      {"name":"u","type":["null","long","string"]},
      {"name":"x","type":{"type":"fixed","name":"x","size":2,"logicalType":"decimal",
                          "precision":4,"scale":1}},
      {"name":"m","type":{"type":"map","values":["null",{"type":"record","name":"in",
         "fields":[{"name":"q","type":"e"},{"name":"w","type":"bytes"}]}]}},
      {"name":"t","type":{"type":"int","logicalType":"time-millis"}}]})"));
  const auto columns = Must(ColumnsOf(schema));
  EXPECT_THAT(Shown(columns),
              ElementsAre("e string not null", "n timestamp[us, tz=UTC] not null",
                          "u string", "x decimal128(4, 1) not null", "m string not null",
                          "t int64 not null"));
  AvroEncoder datum;
  datum.Long(1);
  datum.Long(-1);
  datum.Long(1);
  datum.Long(7);
  datum.Raw(std::string_view("\xff\x9c", 2));
  datum.BeginBlock(1);
  datum.String("k");
  datum.Long(1);
  datum.Long(0);
  datum.Bytes("xyz");
  datum.EndBlock();
  datum.Long(1500);
  const AvroValue value = Must(ReadAvroDatum(schema, datum.bytes()));
  json::Columns rows(TableSchema::Make({"", "", "t"}, columns, {}));
  std::vector<std::string> memory(columns.size());
  for (size_t i = 0; i < columns.size(); i++) {
    json::Value read;
    ASSERT_TRUE(ToValue(schema, value.items[i], &read, &memory[i]));
    Must(rows.Set(i, read));
  }
  Must(rows.Add(/*partly=*/false));
  std::vector<std::string> shown;
  const auto batch = Must(rows.Finish());
  for (const auto& column : batch->columns()) {
    shown.push_back((*column->GetScalar(0))->ToString());
  }
  EXPECT_THAT(shown, ElementsAre("B", "1969-12-31 23:59:59.999999Z", "7", "-10.0",
                                 R"({"k":{"q":"A","w":"eHl6"}})", "1500000"));
}

TEST(AvroMappingTest, WhatDoesNotFitIsToldAsData) {
  const AvroSchema schema = Must(AvroSchema::Parse(
      R"({"type":"record","name":"r","fields":[{"name":"s","type":"string"},
          {"name":"e","type":{"type":"enum","name":"e","symbols":["A"]}}]})"));
  EXPECT_EQ(ReadAvroDatum(schema, "\x09x").status().kind(), ErrorKind::kData);
  EXPECT_EQ(ReadAvroDatum(schema, std::string_view("\x02x\x00z", 4)).status().kind(),
            ErrorKind::kData);
  const std::string bytes("\x02\xff\x02", 3);
  const AvroValue value = Must(ReadAvroDatum(schema, bytes));
  json::Value read;
  std::string memory;
  EXPECT_FALSE(ToValue(schema, value.items[0], &read, &memory));
  EXPECT_FALSE(ToValue(schema, value.items[1], &read, &memory));
  EXPECT_EQ(ColumnsOf(Must(AvroSchema::Parse(R"("long")"))).status().kind(),
            ErrorKind::kData);
}

}  // namespace
}  // namespace leat::avro
