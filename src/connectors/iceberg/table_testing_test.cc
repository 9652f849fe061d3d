#include "connectors/iceberg/table_testing.h"

#include <arrow/api.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace leat::iceberg::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kPathId = 2147483546;  // of position deletes' columns, by the table spec
constexpr int kPosId = 2147483545;

std::shared_ptr<arrow::KeyValueMetadata> Id(int id) {
  return arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)});
}

std::string Little(int64_t value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

int64_t WriteTable(FileIo& files, const std::string& path, const arrow::Table& table) {
  auto out = Must(files.Create(path));
  std::shared_ptr<arrow::io::OutputStream> stream(&out->stream(), [](auto*) {});
  auto status = parquet::arrow::WriteTable(table, arrow::default_memory_pool(), stream);
  if (!status.ok()) std::abort();
  int64_t size = out->stream().Tell().ValueOrDie();
  Must(out->Close());
  return size;
}

}  // namespace

std::vector<Column> TestColumns() {
  return {{"id", arrow::int64(), false, "bigint"},
          {"name", arrow::utf8(), true, "varchar(20)"}};
}

DataFile WriteRows(FileIo& files, const Table& table, const std::vector<TestRow>& rows) {
  arrow::Int64Builder ids;
  arrow::StringBuilder names;
  for (const TestRow& row : rows) {
    if (!ids.Append(row.id).ok() || !names.Append(row.name).ok()) std::abort();
  }
  auto full = table.schema().ToArrow();
  auto schema = arrow::schema({full->field(0), full->field(1)});
  auto data = arrow::Table::Make(schema, {*ids.Finish(), *names.Finish()});
  DataFile file;
  file.path = table.NewDataPath("", ".parquet");
  file.record_count = static_cast<int64_t>(rows.size());
  file.value_counts = {{1, file.record_count}, {2, file.record_count}};
  file.null_value_counts = {{1, 0}, {2, 0}};
  file.lower_bounds[1] = Little(rows.front().id);
  file.upper_bounds[1] = Little(rows.back().id);
  file.file_size = WriteTable(files, file.path, *data);
  return file;
}

DataFile WriteDeletes(FileIo& files, const Table& table, const std::string& data_file,
                      const std::vector<int64_t>& positions) {
  arrow::StringBuilder paths;
  arrow::Int64Builder at;
  for (int64_t position : positions) {
    if (!paths.Append(data_file).ok() || !at.Append(position).ok()) std::abort();
  }
  auto schema =
      arrow::schema({arrow::field("file_path", arrow::utf8(), false, Id(kPathId)),
                     arrow::field("pos", arrow::int64(), false, Id(kPosId))});
  auto data = arrow::Table::Make(schema, {*paths.Finish(), *at.Finish()});
  DataFile file;
  file.content = DataFile::Content::kPositionDeletes;
  file.path = table.NewDataPath("", "-deletes.parquet");
  file.record_count = static_cast<int64_t>(positions.size());
  file.referenced_data_file = data_file;
  file.lower_bounds[kPathId] = data_file;
  file.upper_bounds[kPathId] = data_file;
  file.file_size = WriteTable(files, file.path, *data);
  return file;
}

int64_t CountFiles(const std::string& folder, const std::string& ending) {
  int64_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    count += entry.path().string().ends_with(ending);
  }
  return count;
}

std::optional<Token> TokenIn(const Table& table, const std::string& shard) {
  auto tokens = Must(table.GetTokens("p", {&shard, 1}));
  return tokens.empty() ? std::nullopt : std::optional(tokens.at(shard));
}

Token TestToken(uint64_t epoch, const std::string& attempt, const std::string& shard) {
  Token token;
  token.pipeline = "p";
  token.shard = shard;
  token.epoch = epoch;
  token.attempt = attempt;
  token.from.text = "gtid:" + std::to_string(epoch);
  token.to.text = "gtid:" + std::to_string(epoch + 1);
  token.tables = {"db.t"};
  return token;
}

TestTable::TestTable(const std::string& name, const std::string& catalog_type)
    : folder(name) {
  files = Must(FileIo::Make(folder.path(), {}));
  catalog = Must(OpenCatalog({catalog_type, "leat", ""}, *files, folder.path()));
  NewTable shape;
  shape.schema = Must(MakeSchema(TestColumns(), std::vector<int>{0}));
  table = Must(Table::Create(*catalog, *files, clock, {"db", "t"}, shape));
}

TableChange TestTable::Change(uint64_t epoch, uint64_t previous) const {
  TableChange change;
  change.base_snapshot = table->snapshot_id();
  change.base_sequence = table->sequence_number();
  change.tokens = {TestToken(epoch)};
  change.shards = {"s1"};
  if (previous) change.expected["s1"] = TestToken(previous);
  return change;
}

}  // namespace leat::iceberg::testing
