#include "connectors/iceberg/metadata/schema.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "connectors/iceberg/metadata/partition_spec.h"
#include "connectors/iceberg/table_testing.h"

namespace leat::iceberg {
namespace {

using ::testing::HasSubstr;

Column Col(std::string name, std::shared_ptr<arrow::DataType> type,
           bool nullable = true) {
  return {std::move(name), std::move(type), nullable, "sql"};
}

Schema Base() {
  return Must(MakeSchema(
      std::vector<Column>{Col("id", arrow::int64(), false), Col("n", arrow::int32()),
                          Col("f", arrow::float32(), false),
                          Col("d", arrow::decimal128(10, 2)), Col("t", arrow::utf8())},
      std::vector<int>{0}));
}

SchemaChange Wanted(std::vector<Column> columns,
                    std::vector<std::string> renamed_from = {}) {
  SchemaChange change;
  change.columns = std::move(columns);
  change.renamed_from = std::move(renamed_from);
  change.previous = {"id", "n", "f", "d", "t"};
  change.key = {0};
  return change;
}

TEST(SchemaTest, MapsArrowTypes) {
  int next = 100;
  EXPECT_EQ(Must(TypeFor(*arrow::uint32(), &next)).id, TypeId::kLong);
  EXPECT_EQ(Must(TypeFor(*arrow::uint64(), &next)).ToString(), "decimal(20, 0)");
  EXPECT_EQ(Must(TypeFor(*arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"), &next)).id,
            TypeId::kTimestampTz);
  EXPECT_FALSE(TypeFor(*arrow::timestamp(arrow::TimeUnit::NANO), &next).ok());
  Type list = Must(TypeFor(*arrow::list(arrow::int32()), &next));
  EXPECT_EQ(list.fields[0].id, 100);
  EXPECT_EQ(next, 101);
}

TEST(SchemaTest, ArrowFormCarriesFieldIds) {
  auto arrow = Base().ToArrow();
  EXPECT_EQ(*arrow->field(3)->metadata()->Get("PARQUET:field_id"), "4");
  EXPECT_FALSE(arrow->field(0)->nullable());
}

TEST(SchemaTest, JsonRoundTripsNestedTypes) {
  Schema schema = Must(MakeSchema(
      std::vector<Column>{
          Col("m", arrow::map(arrow::utf8(), arrow::list(arrow::decimal128(5, 1)))),
          Col("s", arrow::struct_({arrow::field("x", arrow::date32(), false)})),
          Col("b", arrow::fixed_size_binary(3))},
      {}));
  Schema again = Must(Schema::FromJson(nlohmann::json::parse(schema.ToJson().dump())));
  EXPECT_TRUE(schema.SameShape(again));
}

TEST(SchemaEvolutionTest, AddDropRenameReorderKeepIds) {
  int last = 5;
  Schema next =
      Must(Evolve(Base(),
                  Wanted({Col("id", arrow::int64(), false), Col("text", arrow::utf8()),
                          Col("n", arrow::int32()), Col("new", arrow::date32(), false),
                          Col("d", arrow::decimal128(10, 2))},
                         {"id", "t", "n", "", "d"}),
                  &last));
  ASSERT_EQ(next.fields.size(), 5u);
  EXPECT_EQ(next.fields[1].id, 5);
  EXPECT_EQ(next.fields[2].id, 2);
  EXPECT_EQ(next.fields[3].id, 6);
  EXPECT_FALSE(next.fields[3].required);
  EXPECT_EQ(next.Find("f"), nullptr);
  EXPECT_EQ(last, 6);
  EXPECT_EQ(next.identifier_ids, std::vector<int>{1});
}

TEST(SchemaEvolutionTest, WidensButNeverNarrows) {
  int last = 5;
  Schema wide =
      Must(Evolve(Base(),
                  Wanted({Col("id", arrow::int32(), false), Col("n", arrow::int64()),
                          Col("f", arrow::float64()), Col("d", arrow::decimal128(20, 2)),
                          Col("t", arrow::utf8())}),
                  &last));
  EXPECT_EQ(wide.fields[0].type.id, TypeId::kLong);
  EXPECT_EQ(wide.fields[1].type.id, TypeId::kLong);
  EXPECT_EQ(wide.fields[2].type.id, TypeId::kDouble);
  EXPECT_FALSE(wide.fields[2].required);
  EXPECT_EQ(wide.fields[3].type.precision, 20);
}

TEST(SchemaEvolutionTest, DropAndAddOfOneNameIsANewColumn) {
  int last = 5;
  auto columns =
      std::vector<Column>{Col("id", arrow::int64(), false), Col("n", arrow::utf8())};
  Schema next = Must(Evolve(Base(), Wanted(columns, {"id", ""}), &last));
  EXPECT_EQ(next.Find("n")->id, 6);
  EXPECT_EQ(next.fields.size(), 2u);
}

TEST(SchemaEvolutionTest, AnImpossibleChangeNamesColumnAndRemedy) {
  int last = 5;
  auto refused = Evolve(
      Base(), Wanted({Col("id", arrow::int64(), false), Col("n", arrow::utf8())}), &last);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(refused.status().message(), HasSubstr("'n' became string (sql)"));
  EXPECT_THAT(refused.status().message(), HasSubstr("drop the Iceberg table"));
}

TEST(SchemaEvolutionTest, ColumnsOfOthersStay) {
  int last = 5;
  Schema current = Base();
  current.fields.push_back({6, "theirs", true, current.fields[4].type, ""});
  auto change = Wanted({Col("id", arrow::int64(), false)});
  Schema next = Must(Evolve(current, change, &last));
  ASSERT_EQ(next.fields.size(), 2u);
  EXPECT_EQ(next.fields[1].name, "theirs");
  EXPECT_FALSE(next.fields[1].required);
}

TEST(SchemaEvolutionTest, ASwapOfNamesReadAgainIsNotUndone) {
  int last = 5;
  auto columns =
      std::vector<Column>{Col("id", arrow::int64(), false), Col("d", arrow::int32()),
                          Col("f", arrow::float32()), Col("n", arrow::decimal128(10, 2)),
                          Col("t", arrow::utf8())};
  auto change = Wanted(columns, {"id", "n", "f", "d", "t"});
  Schema once = Must(Evolve(Base(), change, &last));
  EXPECT_EQ(once.fields[1].id, 2);
  EXPECT_EQ(once.fields[3].id, 4);
  Schema twice = Must(Evolve(once, change, &last));
  EXPECT_TRUE(twice.SameShape(once));
}

TEST(PartitionSpecTest, ParsesWhatAUserWrites) {
  PartitionSpec spec =
      Must(PartitionSpec::Make({"t", "bucket(16, id)", "truncate(4,t)"}, Base()));
  ASSERT_EQ(spec.fields.size(), 3u);
  EXPECT_EQ(spec.fields[1].name, "id_bucket");
  EXPECT_EQ(spec.fields[1].transform.ToString(), "bucket[16]");
  EXPECT_EQ(spec.fields[2].field_id, 1002);
  for (const char* bad :
       {"day(t)", "bucket(id)", "bucket(x, id)", "nothing", "hour(", ""}) {
    EXPECT_FALSE(PartitionSpec::Make({bad}, Base()).ok()) << bad;
  }
}

TEST(PartitionSpecTest, KeepsTransformsOfTheFuture) {
  Transform strange = Transform::Parse("zorder[3]");
  EXPECT_EQ(strange.kind, Transform::Kind::kUnknown);
  EXPECT_EQ(strange.ToString(), "zorder[3]");
}

}  // namespace
}  // namespace leat::iceberg
