#include "connectors/iceberg/sink_testing.h"

#include <arrow/builder.h>
#include <fcntl.h>

#include <algorithm>

#include "connectors/iceberg/data/parquet_reader.h"
#include "connectors/iceberg/data/position_delete.h"

namespace leat::iceberg::testing {
namespace {

constexpr auto kUpkeepTime = std::chrono::seconds(10);

template <typename Builder, typename Value>
void Append(Builder* builder, const std::optional<Value>& value) {
  const auto status = value ? builder->Append(*value) : builder->AppendNull();
  if (!status.ok()) std::abort();
}

std::shared_ptr<arrow::RecordBatch> ToArrow(const SchemaRef& schema,
                                            const std::vector<Row>& rows) {
  arrow::Int64Builder id;
  arrow::StringBuilder name, region;
  arrow::Date32Builder day;
  for (const Row& row : rows) {
    Append(&id, std::optional(row.id));
    Append(&name, row.name);
    Append(&region, row.region);
    Append(&day, row.day);
  }
  return arrow::RecordBatch::Make(
      schema->arrow, static_cast<int64_t>(rows.size()),
      {id.Finish().ValueOrDie(), name.Finish().ValueOrDie(), region.Finish().ValueOrDie(),
       day.Finish().ValueOrDie()});
}

template <typename Array, typename Value>
std::optional<Value> At(const std::shared_ptr<arrow::Array>& array, int64_t i) {
  if (array->IsNull(i)) return std::nullopt;
  return Value(static_cast<const Array&>(*array).GetView(i));
}

}  // namespace

SchemaRef RowSchema(const std::string& table, bool with_key) {
  return TableSchema::Make({"db", "", table},
                           {{"id", arrow::int64(), false, "bigint"},
                            {"name", arrow::utf8(), true, "varchar(20)"},
                            {"region", arrow::utf8(), true, "varchar(20)"},
                            {"day", arrow::date32(), true, "date"}},
                           with_key ? std::vector<int>{0} : std::vector<int>{});
}

Batch MakeBatch(const SchemaRef& schema, const std::vector<Change>& changes) {
  Batch batch;
  batch.shard = "s";
  Chunk chunk;
  chunk.schema = schema;
  std::vector<Row> rows, before;
  for (const Change& change : changes) {
    chunk.ops.push_back(change.op);
    chunk.seq.push_back(static_cast<uint32_t>(chunk.seq.size()));
    chunk.time.push_back(1'700'000'000'000'000);
    rows.push_back(change.row);
    if (change.op == Op::kUpdate) {
      Row was;
      was.id = change.was.value_or(change.row.id);
      before.push_back(was);
    }
  }
  chunk.rows = ToArrow(schema, rows);
  if (!before.empty()) chunk.before = ToArrow(schema, before);
  batch.chunks.push_back(std::move(chunk));
  batch.boundary = true;
  return batch;
}

SinkDriver::SinkDriver(const std::string& name, SinkOptions options)
    : folder_(name),
      options_(std::move(options)),
      log_(::open("/dev/null", O_WRONLY | O_CLOEXEC), LogLevel::kError),
      context_{"p",    folder_.path() + "/data", Clock::System(), log_, cancel_, project_,
               nullptr} {
  options_.warehouse = folder_.path() + "/lake";
  options_.upkeep.fold.min_files = 4;
  files_ = Must(FileIo::Make(options_.warehouse, {}));
  catalog_ = Must(OpenCatalog(options_.catalog, *files_, folder_.path()));
  Restart();
}

SinkDriver::~SinkDriver() = default;

void SinkDriver::Restart() {
  sink_.reset();
  sink_ = Must(IcebergSink::Make(options_, context_));
}

void SinkDriver::Open(const std::vector<SchemaRef>& tables) {
  Must(sink_->Open(tables));
  std::vector<SinkTable> names;
  for (const SchemaRef& table : tables) names.push_back(sink_->TableFor(table->id));
  tokens_ = GetTokens(names);
}

Tokens SinkDriver::GetTokens(const std::vector<SinkTable>& tables) {
  return Must(sink_->GetTokens(std::vector<ShardId>{"s"}, tables, Claim{"a", ""}))["s"];
}

std::vector<DeadLetter> SinkDriver::Write(const Batch& batch) {
  std::vector<DeadLetter> rejects;
  Must(sink_->Write(batch, &rejects));
  return rejects;
}

Checkpoint SinkDriver::Prepare() {
  const Prepared prepared = Must(sink_->Prepare());
  Checkpoint c;
  c.pipeline = "p";
  c.epoch = ++epoch_;
  c.attempt = "a";
  c.tables = prepared.tables;
  c.manifest = prepared.manifest;
  c.shards.push_back(
      {"s", {std::to_string(epoch_ - 1)}, {std::to_string(epoch_)}, tokens_, {}});
  return c;
}

void SinkDriver::Commit(const Checkpoint& checkpoint) {
  Checkpoint c = checkpoint;
  for (;;) {
    const Committed done = Must(sink_->Commit(c));
    if (done.resave.empty()) break;
    c.manifest = done.resave;
  }
  for (const SinkTable& table : c.tables) tokens_[table] = c.TokenOf(c.shards[0]);
}

void SinkDriver::Abort() { Must(sink_->Abort()); }

void SinkDriver::Upkeep() {
  Must(sink_->Upkeep(Clock::System().Now() + kUpkeepTime, {}));
}

void SinkDriver::FoldByAnother(const std::vector<SchemaRef>& tables) {
  Context context{
      "other", folder_.path() + "/other", Clock::System(), log_, cancel_, project_,
      nullptr};
  auto other = Must(IcebergSink::Make(options_, context));
  Must(other->Open(tables));
  Must(other->Upkeep(Clock::System().Now() + kUpkeepTime, {}));
}

std::unique_ptr<Table> SinkDriver::Load(const std::string& table) {
  return Must(Table::Load(*catalog_, *files_, Clock::System(), TableName::Parse(table)));
}

std::vector<Row> SinkDriver::Read(const std::string& table) {
  return ReadRows(*files_, *Load(table));
}

std::vector<Row> ReadRows(FileIo& files, Table& table) {
  std::vector<DataFile> data;
  std::map<std::string, std::set<int64_t>> deleted;
  Must(table.ForEachFile([&](const ManifestEntry& entry) -> Status {
    if (entry.file.content == DataFile::Content::kData) {
      data.push_back(entry.file);
      return Status::Ok();
    }
    auto reader =
        Must(ParquetReader::Open(files, entry.file.path, PositionDeleteSchema()));
    while (auto batch = Must(reader->Next())) {
      for (int64_t i = 0; i < batch->num_rows(); i++) {
        const auto path = *At<arrow::StringArray, std::string>(batch->column(0), i);
        deleted[path].insert(*At<arrow::Int64Array, int64_t>(batch->column(1), i));
      }
    }
    return Status::Ok();
  }));
  std::vector<Row> rows;
  Schema wanted;
  for (const char* name : {"id", "name", "region", "day"}) {
    wanted.fields.push_back(*table.schema().Find(name));
  }
  for (const DataFile& file : data) {
    auto reader = Must(ParquetReader::Open(files, file.path, wanted));
    int64_t row = 0;
    while (auto batch = Must(reader->Next())) {
      for (int64_t i = 0; i < batch->num_rows(); i++, row++) {
        if (deleted[file.path].contains(row)) continue;
        rows.push_back({At<arrow::Int64Array, int64_t>(batch->column(0), i).value_or(-1),
                        At<arrow::StringArray, std::string>(batch->column(1), i),
                        At<arrow::StringArray, std::string>(batch->column(2), i),
                        At<arrow::Date32Array, int32_t>(batch->column(3), i)});
      }
    }
    if (row != file.record_count) std::abort();
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace leat::iceberg::testing
