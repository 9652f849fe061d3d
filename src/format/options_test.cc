#include "format/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "core/config_reader.h"

namespace leat {
namespace {

TEST(FormatOptionsTest, ColumnsAsInSql) {
  const auto columns =
      Must(ParseColumns("id BIGINT NOT NULL, total decimal(10, 2), \n name varchar(20)"));
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_FALSE(columns[0].nullable);
  EXPECT_EQ(columns[1].type->ToString(), "decimal128(10, 2)");
  EXPECT_EQ(columns[2].type->ToString(), "string");
  for (const char* wrong : {"id", "id blub", "a int, a int", "d decimal(39,2)",
                            "d decimal(2,3)", "d decimal(2"}) {
    EXPECT_FALSE(ParseColumns(wrong).ok()) << wrong;
  }
}

TEST(FormatOptionsTest, ReadsItsFields) {
  Spec spec;
  spec.fields = DecoderFields();
  const auto options = Must(ReadDecoderOptions(
      Must(ParseConfig(spec, "columns: id int, n string\nkey: id\n"))));
  EXPECT_EQ(options.name, "json");
  EXPECT_FALSE(options.columns[0].nullable);
  const auto wrong =
      ReadDecoderOptions(Must(ParseConfig(spec, "columns: id int\nkey: [x]\n")));
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.status().message(), testing::HasSubstr("inline.yaml:2:"));
}

}  // namespace
}  // namespace leat
