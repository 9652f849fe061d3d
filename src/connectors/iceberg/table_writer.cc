#include "connectors/iceberg/table_writer.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "format/json/row_writer.h"

namespace leat::iceberg {
namespace {

constexpr char kOpColumn[] = "_op";
constexpr char kTimeColumn[] = "_ts";

constexpr char kOpLetters[] = "cudr";  // by Op

// One letter a row.
std::shared_ptr<arrow::Array> OpColumn(std::string letters) {
  std::vector<int32_t> offsets(letters.size() + 1);
  std::iota(offsets.begin(), offsets.end(), 0);
  const auto rows = static_cast<int64_t>(letters.size());
  return std::make_shared<arrow::StringArray>(
      rows, arrow::Buffer::FromVector(std::move(offsets)),
      arrow::Buffer::FromString(std::move(letters)));
}

// Null where the time is not known, which is 0.
Result<std::shared_ptr<arrow::Array>> TimeColumn(std::vector<int64_t> times) {
  const auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  std::shared_ptr<arrow::Array> column;
  if (std::ranges::find(times, 0) == times.end()) {
    const auto rows = static_cast<int64_t>(times.size());
    column = std::make_shared<arrow::TimestampArray>(
        type, rows, arrow::Buffer::FromVector(std::move(times)));
    return column;
  }
  arrow::TimestampBuilder builder(type, arrow::default_memory_pool());
  std::vector<bool> known;
  for (const int64_t time : times) known.push_back(time != 0);
  auto status = builder.AppendValues(times, known);
  if (status.ok()) status = builder.Finish(&column);
  if (!status.ok()) return FromArrow(status, "building _ts");
  return column;
}

Result<std::shared_ptr<arrow::RecordBatch>> WithOps(const SchemaRef& shape,
                                                    const arrow::RecordBatch& rows,
                                                    std::string letters,
                                                    std::vector<int64_t> times) {
  arrow::ArrayVector columns = rows.columns();
  columns.push_back(OpColumn(std::move(letters)));
  ASSIGN_OR_RETURN(auto time, TimeColumn(std::move(times)));
  columns.push_back(std::move(time));
  return arrow::RecordBatch::Make(shape->arrow, rows.num_rows(), std::move(columns));
}

bool AnyNull(const arrow::ArrayVector& columns, int64_t row) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const auto& c) { return c->IsNull(row); });
}

// Whether a snapshot is the commit of a stage.
bool IsStage(const Snapshot& snapshot, const std::string& name) {
  const auto found = snapshot.summary.find(std::string(kStageProperty));
  return found != snapshot.summary.end() && found->second == name;
}

bool HasNulls(const arrow::ArrayVector& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const auto& c) { return c->null_count() > 0; });
}

}  // namespace

SchemaRef AppendShape(const TableSchema& source) {
  std::vector<Column> columns = source.columns;
  for (Column& c : columns) c.nullable = true;
  columns.push_back({kOpColumn, arrow::utf8(), true, ""});
  columns.push_back(
      {kTimeColumn, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), true, ""});
  return TableSchema::Make(source.id, std::move(columns), {});
}

TableWriter::TableWriter(FileIo& files, std::unique_ptr<Table> table,
                         TableWriterOptions options, Logger& log,
                         const CancelToken& cancel)
    : files_(files),
      table_(std::move(table)),
      options_(std::move(options)),
      log_(log),
      cancel_(cancel),
      data_(
          files_, *table_, options_.files,
          options_.mode == Mode::kAppend
              ? PartitionWriter::NewFile()
              : [this](
                    const std::string& location, int spec_id,
                    const Partition&
                        partition) { return AddTarget(location, spec_id, partition); }),
      deletes_(files_, *table_, targets_) {}

TableWriter::~TableWriter() = default;

Result<uint32_t> TableWriter::AddTarget(const std::string& location, int spec_id,
                                        const Partition& partition) {
  ASSIGN_OR_RETURN(const uint32_t number, index_->files().Add(location));
  targets_[number] = {location, spec_id, partition};
  return number;
}

Status TableWriter::SetSource(const SchemaRef& source) {
  RETURN_IF_ERROR(data_.CloseFiles());  // they have the old shape
  shape_ = options_.mode == Mode::kAppend ? AppendShape(*source) : source;
  ASSIGN_OR_RETURN(shaper_, RowShaper::Make(*shape_->arrow, table_->schema()));
  source_ = source;
  if (options_.mode == Mode::kAppend) return Status::Ok();

  key_.clear();
  key_columns_.clear();
  for (const int column : source->key) {
    if (options_.key.empty()) key_.push_back(source->columns[column].name);
  }
  if (!options_.key.empty()) key_ = options_.key;
  if (key_.empty()) {
    return Status::Config(
        fmt::format("table {} has no key, so rows cannot be upserted; add a primary key, "
                    "name one with `key: [...]`, or use `mode: append`",
                    source->id.ToString()));
  }
  arrow::FieldVector fields;
  for (const std::string& name : key_) {
    const int column = source->Find(name);
    if (column < 0) {
      return Status::Config(fmt::format("table {} has no column {} named in `key`",
                                        source->id.ToString(), name));
    }
    key_columns_.push_back(column);
    fields.push_back(source->arrow->field(column));
  }
  ASSIGN_OR_RETURN(KeyHasher hasher, KeyHasher::Make(fields));
  if (hasher_ && hasher_->signature() != hasher.signature()) {
    if (touched()) return Status::Bug("the key changed inside an epoch");
    index_.reset();
    index_ready_ = false;
  }
  hasher_ = std::move(hasher);
  return Status::Ok();
}

Status TableWriter::OpenIndex() {
  if (index_) return Status::Ok();
  ASSIGN_OR_RETURN(
      index_, KeyIndex::Open(options_.index, {table_->metadata().uuid(),
                                              hasher_->signature(), !hasher_->exact()}));
  return Status::Ok();
}

Status TableWriter::PrepareIndex() {
  if (options_.mode == Mode::kAppend || index_ready_) return Status::Ok();
  RETURN_IF_ERROR(OpenIndex());
  if (const std::string sealed = index_->sealed(); !sealed.empty()) {
    StagedTable staged;
    staged.name = sealed;
    RETURN_IF_ERROR(Committed(staged));
  }
  RETURN_IF_ERROR(index_->Undo());  // no commit has it
  RETURN_IF_ERROR(BringUpToDate({files_, *table_, *hasher_, key_, log_, cancel_},
                                index_.get(), &targets_));
  index_ready_ = true;
  return Status::Ok();
}

Status TableWriter::Begin() {
  if (touched()) return Status::Ok();
  if (options_.mode == Mode::kUpsert) {
    RETURN_IF_ERROR(PrepareIndex());
    RETURN_IF_ERROR(index_->Begin());
  }
  staged_.emplace();
  staged_->name = NewStageName();
  staged_->base_snapshot = table_->snapshot_id();
  staged_->base_sequence = table_->sequence_number();
  return Status::Ok();
}

Status TableWriter::Write(const ChunkRange& rows, std::vector<DeadLetter>* rejects) {
  if (rows.size() == 0) return Status::Ok();
  for (const auto& absent : rows.chunk->absent) {
    if (absent) {
      return Status::Config("table " + table_->name().ToString() +
                            " gets rows with values left out by the source; make the "
                            "source send whole rows");
    }
  }
  RETURN_IF_ERROR(Begin());
  return options_.mode == Mode::kAppend ? WriteAppend(rows, rejects)
                                        : WriteUpsert(rows, rejects);
}

// The range's rows in the table's shape, and which of them are at fault.
struct TableWriter::Shaped {
  std::shared_ptr<arrow::RecordBatch> source;
  std::shared_ptr<arrow::RecordBatch> rows;
  std::map<int64_t, std::string> bad;
};

Result<TableWriter::Shaped> TableWriter::Shape(const ChunkRange& range,
                                               std::vector<DeadLetter>* rejects) {
  const Chunk& chunk = *range.chunk;
  Shaped out;
  out.source = chunk.rows->Slice(static_cast<int64_t>(range.from),
                                 static_cast<int64_t>(range.size()));
  auto rows = out.source;
  if (options_.mode == Mode::kAppend) {
    std::string letters(range.size(), '\0');
    std::vector<int64_t> times(range.size(), 0);
    for (size_t i = 0; i < range.size(); i++) {
      const size_t at = range.from + i;
      letters[i] = kOpLetters[static_cast<size_t>(chunk.ops[at])];
      if (at < chunk.time.size()) times[i] = chunk.time[at];
    }
    ASSIGN_OR_RETURN(rows, WithOps(shape_, *rows, std::move(letters), std::move(times)));
  }
  ASSIGN_OR_RETURN(out.rows, shaper_->Shape(*rows, &out.bad));
  if (options_.mode == Mode::kUpsert) {
    // Of a delete only the key matters.
    std::erase_if(out.bad, [&](const auto& bad) {
      return chunk.ops[range.from + static_cast<size_t>(bad.first)] == Op::kDelete;
    });
    const auto keys = KeyColumns(*out.source);
    const bool nulls = HasNulls(keys);
    for (int64_t i = 0; nulls && i < out.source->num_rows(); i++) {
      if (AnyNull(keys, i)) out.bad.try_emplace(i, "a column of the key is null");
    }
  }
  for (const auto& [row, reason] : out.bad) {
    const size_t at = range.from + static_cast<size_t>(row);
    rejects->push_back({source_->id.ToString(),
                        reason,
                        {},
                        json::RowText(*out.source, row),
                        at < chunk.time.size() ? chunk.time[at] : 0});
  }
  return out;
}

Status TableWriter::WriteAppend(const ChunkRange& range,
                                std::vector<DeadLetter>* rejects) {
  ASSIGN_OR_RETURN(Shaped shaped, Shape(range, rejects));
  if (!shaped.bad.empty()) {
    std::vector<int64_t> good;
    for (int64_t i = 0; i < shaped.rows->num_rows(); i++) {
      if (!shaped.bad.contains(i)) good.push_back(i);
    }
    ASSIGN_OR_RETURN(shaped.rows, TakeRows(shaped.rows, good));
  }
  return data_.Write(shaped.rows, nullptr);
}

arrow::ArrayVector TableWriter::KeyColumns(const arrow::RecordBatch& rows) const {
  arrow::ArrayVector columns;
  for (const int column : key_columns_) columns.push_back(rows.column(column));
  return columns;
}

Status TableWriter::WriteUpsert(const ChunkRange& range,
                                std::vector<DeadLetter>* rejects) {
  const Chunk& chunk = *range.chunk;
  ASSIGN_OR_RETURN(const Shaped shaped, Shape(range, rejects));
  const size_t n = range.size();
  const auto op = [&](size_t i) { return chunk.ops[range.from + i]; };

  // Deletes are no rows; a row at fault changes nothing.
  std::vector<int64_t> kept;
  kept.reserve(n);
  for (size_t i = 0; i < n; i++) {
    if (op(i) != Op::kDelete && !shaped.bad.contains(static_cast<int64_t>(i))) {
      kept.push_back(static_cast<int64_t>(i));
    }
  }
  std::shared_ptr<arrow::RecordBatch> rows = shaped.rows;
  if (kept.size() != n) {
    ASSIGN_OR_RETURN(rows, TakeRows(shaped.rows, kept));
  }
  std::vector<Place> written;
  RETURN_IF_ERROR(data_.Write(rows, &written));
  std::vector<Place> place_of(n, kNoPlace);
  for (size_t i = 0; i < kept.size(); i++) {
    place_of[static_cast<size_t>(kept[i])] = written[i];
  }

  const auto key_columns = KeyColumns(*shaped.source);
  std::vector<KeyHash> now, before;
  RETURN_IF_ERROR(hasher_->Hash(key_columns, static_cast<int64_t>(n), &now));
  arrow::ArrayVector before_columns;
  if (chunk.before) {
    before_columns = KeyColumns(*chunk.before);
    for (auto& c : before_columns) c = c->Slice(static_cast<int64_t>(range.before));
    RETURN_IF_ERROR(
        hasher_->Hash(before_columns, before_columns.front()->length(), &before));
  }
  const bool nulls_before = HasNulls(before_columns);
  std::vector<KeyHash> keys;
  std::vector<Place> places;
  keys.reserve(n);
  places.reserve(n);
  int64_t update = 0;
  for (size_t i = 0; i < n; i++) {
    const bool bad = shaped.bad.contains(static_cast<int64_t>(i));
    if (op(i) == Op::kUpdate && chunk.before) {
      const int64_t u = update++;
      const KeyHash& old = before[static_cast<size_t>(u)];
      const bool changed = !(old == now[i]);
      if (changed && !bad && !(nulls_before && AnyNull(before_columns, u))) {
        keys.push_back(old);
        places.push_back(kNoPlace);
      }
    }
    if (bad) continue;
    keys.push_back(now[i]);
    places.push_back(place_of[i]);
  }
  return Replace(keys, places);
}

// Puts keys at their new places (kNoPlace: they go) and deletes where they were.
Status TableWriter::Replace(const std::vector<KeyHash>& keys,
                            const std::vector<Place>& places) {
  std::vector<Place> before(keys.size(), kNoPlace);
  RETURN_IF_ERROR(index_->Exchange(keys, places, before.data()));
  for (const Place place : before) {
    if (place != kNoPlace) RETURN_IF_ERROR(deletes_.Add(place));
  }
  return Status::Ok();
}

Status TableWriter::Truncate(int64_t time) {
  RETURN_IF_ERROR(Begin());
  if (options_.mode == Mode::kAppend) {
    arrow::ArrayVector nulls;
    for (const auto& field : source_->arrow->fields()) {
      auto null = arrow::MakeArrayOfNull(field->type(), 1);
      if (!null.ok()) return FromArrow(null.status(), "writing a truncation");
      nulls.push_back(*null);
    }
    const auto row = arrow::RecordBatch::Make(source_->arrow, 1, std::move(nulls));
    ASSIGN_OR_RETURN(const auto with_op, WithOps(shape_, *row, "t", {time}));
    std::map<int64_t, std::string> bad;
    ASSIGN_OR_RETURN(const auto rows, shaper_->Shape(*with_op, &bad));
    return data_.Write(rows, nullptr);
  }
  RETURN_IF_ERROR(data_.Abort());
  RETURN_IF_ERROR(deletes_.Abort());
  staged_->truncate = true;
  targets_.clear();
  return index_->Clear();
}

Result<StagedTable> TableWriter::Finish() {
  if (!touched()) return Status::Bug("nothing is staged");
  StagedTable staged = *staged_;
  ASSIGN_OR_RETURN(staged.data, data_.TakeFiles());
  ASSIGN_OR_RETURN(staged.deletes, deletes_.TakeFiles(&staged.named));
  std::set<std::string> own;
  for (const DataFile& file : staged.data) own.insert(file.path);
  std::erase_if(staged.named,
                [&](const std::string& path) { return own.contains(path); });
  if (index_) RETURN_IF_ERROR(index_->Seal(staged.name));
  return staged;
}

Status TableWriter::Committed(const StagedTable& staged) {
  staged_.reset();
  if (options_.mode == Mode::kAppend || !has_source()) return Status::Ok();
  RETURN_IF_ERROR(OpenIndex());
  const TableMetadata& metadata = table_->metadata();
  const Snapshot* at = metadata.current_snapshot();
  while (at && !IsStage(*at, staged.name)) at = metadata.FindSnapshot(at->parent_id);
  if (at && index_->sealed() == staged.name) {
    // Made on an older snapshot than its parent, it lacks what came in between; catching
    // up from the older one reads that.
    const bool direct = at->parent_id == index_->snapshot();
    RETURN_IF_ERROR(index_->Commit(direct ? at->id : index_->snapshot()));
  }
  index_ready_ = index_ready_ && index_->snapshot() == table_->snapshot_id();
  return Status::Ok();
}

Status TableWriter::Abort() {
  const bool truncated = staged_ && staged_->truncate;
  staged_.reset();
  if (truncated) index_ready_ = false;  // the targets have to be listed again
  const Status data = data_.Abort();
  const Status deletes = deletes_.Abort();
  if (index_) RETURN_IF_ERROR(index_->Undo());
  return data.ok() ? deletes : data;
}

}  // namespace leat::iceberg
