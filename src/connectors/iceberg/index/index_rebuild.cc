#include "connectors/iceberg/index/index_rebuild.h"

#include <arrow/array.h>

#include <algorithm>
#include <set>

#include "connectors/iceberg/data/deleted_rows.h"
#include "connectors/iceberg/data/parquet_reader.h"

namespace leat::iceberg {
namespace {

constexpr int64_t kLogEvery = 5'000'000;  // rows

struct Files {
  std::vector<DataFile> data;
  std::vector<DataFile> deletes;
  int64_t rows = 0;
};

// What came after `sequence`; every data file becomes a target.
Result<Files> ListFiles(Table& table, int64_t sequence, KeyIndex* index,
                        DataTargets* targets) {
  Files out;
  targets->clear();
  std::set<std::string> locations;
  RETURN_IF_ERROR(table.ForEachFile([&](const ManifestEntry& entry) -> Status {
    // When the file came: a rewritten one keeps the sequence number of its rows.
    const bool fresh = entry.file_sequence_number.value_or(
                           entry.sequence_number.value_or(INT64_MAX)) > sequence;
    if (entry.file.content == DataFile::Content::kData) {
      ASSIGN_OR_RETURN(const uint32_t number, index->files().Add(entry.file.path));
      (*targets)[number] = {entry.file.path, entry.file.spec_id, entry.file.partition};
      locations.insert(entry.file.path);
      if (!fresh) return Status::Ok();
      out.rows += entry.file.record_count;
      out.data.push_back(entry.file);
    } else if (entry.file.content == DataFile::Content::kPositionDeletes && fresh) {
      out.deletes.push_back(entry.file);
    }
    return Status::Ok();
  }));
  RETURN_IF_ERROR(index->files().Retain(locations));
  return out;
}

// Puts the keys of one batch, whose first row is row `first` of the file.
Status LoadBatch(const arrow::RecordBatch& batch, uint32_t number, uint32_t first,
                 const std::vector<uint32_t>& deleted, const KeyHasher& hasher,
                 KeyIndex* index) {
  std::vector<KeyHash> keys;
  RETURN_IF_ERROR(hasher.Hash(batch.columns(), batch.num_rows(), &keys));
  bool nulls = false;
  for (const auto& column : batch.columns()) {
    nulls = nulls || column->null_count() > 0;
  }
  std::vector<Place> places;
  places.reserve(keys.size());
  auto skip = std::lower_bound(deleted.begin(), deleted.end(), first);
  size_t kept = 0;
  for (size_t i = 0; i < keys.size(); i++) {
    const uint32_t row = first + static_cast<uint32_t>(i);
    while (skip != deleted.end() && *skip < row) skip++;
    if (skip != deleted.end() && *skip == row) continue;
    if (nulls) {
      bool null = false;
      for (const auto& c : batch.columns()) {
        null = null || c->IsNull(static_cast<int64_t>(i));
      }
      if (null) continue;
    }
    keys[kept++] = keys[i];
    places.push_back(MakePlace(number, row));
  }
  keys.resize(kept);
  return index->Load(keys, places);
}

Result<Schema> KeySchema(const Schema& table, const std::vector<std::string>& key) {
  Schema schema;
  for (const std::string& name : key) {
    const NestedField* field = table.Find(name);
    if (!field) return Status::Config("the table has no key column " + name);
    schema.fields.push_back(*field);
  }
  return schema;
}

Status LoadFiles(const IndexSource& source, const Files& list, KeyIndex* index) {
  DeletedRows deleted;
  if (!list.deletes.empty()) {
    std::set<std::string> fresh;
    for (const DataFile& file : list.data) fresh.insert(file.path);
    ASSIGN_OR_RETURN(deleted, ReadDeletedRows(source.files, list.deletes,
                                              [&](const std::string& path) {
                                                return fresh.contains(path);
                                              }));
  }
  ASSIGN_OR_RETURN(const Schema key, KeySchema(source.table.schema(), source.key));
  int64_t rows = 0, logged = 0;
  for (const DataFile& file : list.data) {
    if (source.cancel.cancelled()) return Status::Cancelled("building the key index");
    ASSIGN_OR_RETURN(auto reader, ParquetReader::Open(source.files, file.path, key));
    uint32_t first = 0;
    for (;;) {
      ASSIGN_OR_RETURN(const auto batch, reader->Next());
      if (!batch) break;
      RETURN_IF_ERROR(LoadBatch(*batch, index->files().Find(file.path), first,
                                deleted[file.path], source.hasher, index));
      first += static_cast<uint32_t>(batch->num_rows());
    }
    rows += first;
    if (rows - logged >= kLogEvery) {
      source.log.Info(
          "building the key index",
          {{"table", source.table.name().ToString()}, {"rows", rows}, {"of", list.rows}});
      logged = rows;
    }
  }
  return Status::Ok();
}

}  // namespace

bool DescendsFrom(const TableMetadata& metadata, int64_t ancestor) {
  const Snapshot* at = metadata.current_snapshot();
  while (at && at->id != ancestor) at = metadata.FindSnapshot(at->parent_id);
  return at != nullptr;
}

Status LoadTargets(Table& table, KeyIndex* index, DataTargets* targets) {
  return ListFiles(table, INT64_MAX, index, targets).status();
}

Status BringUpToDate(const IndexSource& source, KeyIndex* index, DataTargets* targets) {
  Table& table = source.table;
  const int64_t stands_for = index->snapshot();
  if (stands_for == table.snapshot_id()) return LoadTargets(table, index, targets);
  const Snapshot* known =
      stands_for >= 0 ? table.metadata().FindSnapshot(stands_for) : nullptr;
  const bool behind = known && DescendsFrom(table.metadata(), stands_for);
  const bool from_empty = stands_for == KeyIndex::kEmptyTable;
  const int64_t sequence = behind ? known->sequence_number : -1;
  ASSIGN_OR_RETURN(const Files list, ListFiles(table, sequence, index, targets));
  source.log.Info(behind ? "catching up the key index" : "building the key index",
                  {{"table", table.name().ToString()}, {"rows", list.rows}});
  if (!behind && !(from_empty && index->size() == 0)) {
    RETURN_IF_ERROR(index->Reset(static_cast<uint64_t>(list.rows)));
  }
  // Until Commit a kill leaves an index with some of the new rows, which it then reads
  // again: harmless, since each live row's key ends at that row.
  RETURN_IF_ERROR(LoadFiles(source, list, index));
  return index->Commit(table.snapshot_id());
}

}  // namespace leat::iceberg
