#include "connectors/iceberg/upkeep/fold.h"

#include <arrow/array.h>
#include <arrow/builder.h>

#include <algorithm>

#include "connectors/iceberg/data/deleted_rows.h"
#include "connectors/iceberg/data/parquet_reader.h"
#include "connectors/iceberg/data/parquet_writer.h"
#include "connectors/iceberg/data/partition_writer.h"
#include "connectors/iceberg/data/position_delete.h"
#include "connectors/iceberg/data/row_shaper.h"

namespace leat::iceberg {
namespace {

constexpr int64_t kFoldRows = 32768;

void Merge(DeletedRows from, DeletedRows* into) {
  for (auto& [path, rows] : from) {
    std::vector<uint32_t>& old = (*into)[path];
    std::vector<uint32_t> both;
    std::set_union(old.begin(), old.end(), rows.begin(), rows.end(),
                   std::back_inserter(both));
    old = std::move(both);
  }
}

// A file being made, in the partition and spec of the ones it replaces.
class NewFile {
 public:
  static Result<NewFile> Open(FileIo& files, Table& table, const DataFile& like,
                              const Schema& schema) {
    const PartitionSpec* spec = table.metadata().FindSpec(like.spec_id);
    if (!spec) return Status::Bug("a file of an unknown partition spec");
    ASSIGN_OR_RETURN(const std::string path,
                     PartitionPath(*spec, table.schema(), like.partition));
    NewFile made;
    const bool deletes = like.content == DataFile::Content::kPositionDeletes;
    ParquetWriter::Options options;
    options.position_deletes = deletes;
    const std::string location =
        table.NewDataPath(path, deletes ? "-deletes.parquet" : ".parquet");
    ASSIGN_OR_RETURN(made.writer_, ParquetWriter::Open(files, location, schema, options));
    made.like_ = &like;
    return made;
  }
  ParquetWriter& writer() { return *writer_; }
  Result<DataFile> Close() {
    ASSIGN_OR_RETURN(DataFile file, writer_->Close());
    file.content = like_->content;
    file.spec_id = like_->spec_id;
    file.partition = like_->partition;
    return file;
  }

 private:
  std::unique_ptr<ParquetWriter> writer_;
  const DataFile* like_ = nullptr;
};

// Rows of one data file that are not deleted.
Status CopyLive(FileIo& files, const DataFile& from, const Schema& schema,
                const std::vector<uint32_t>& deleted, ParquetWriter* to) {
  ASSIGN_OR_RETURN(auto reader, ParquetReader::Open(files, from.path, schema));
  int64_t first = 0;
  auto skip = deleted.begin();
  while (true) {
    ASSIGN_OR_RETURN(auto batch, reader->Next());
    if (!batch) break;
    const int64_t end = first + batch->num_rows();
    auto last_skip = std::lower_bound(skip, deleted.end(), end);
    if (skip != last_skip) {
      std::vector<int64_t> live;
      for (int64_t row = first; row < end; row++) {
        if (skip != last_skip && *skip == row) {
          ++skip;
        } else {
          live.push_back(row - first);
        }
      }
      ASSIGN_OR_RETURN(batch, TakeRows(batch, live));
    }
    if (batch->num_rows() > 0) RETURN_IF_ERROR(to->Write(batch));
    first = end;
  }
  if (first == from.record_count) return Status::Ok();
  return Status::Config("the data file " + from.path + " has not the rows its manifest " +
                        "says");
}

Status WriteDeletes(const DeletedRows& deleted, ParquetWriter* to) {
  const auto schema = PositionDeleteSchema().ToArrow();
  arrow::StringBuilder paths;
  arrow::Int64Builder rows;
  auto flush = [&]() -> Status {
    std::shared_ptr<arrow::Array> columns[2];
    arrow::Status status = paths.Finish(&columns[0]);
    if (status.ok()) status = rows.Finish(&columns[1]);
    if (!status.ok()) return FromArrow(status, "building position deletes");
    const int64_t length = columns[0]->length();
    if (length == 0) return Status::Ok();
    return to->Write(arrow::RecordBatch::Make(schema, length, {columns[0], columns[1]}));
  };
  for (const auto& [path, positions] : deleted) {
    for (const uint32_t position : positions) {
      arrow::Status status = paths.Append(path);
      if (status.ok()) status = rows.Append(position);
      if (!status.ok()) return FromArrow(status, "building position deletes");
      if (paths.length() == kFoldRows) RETURN_IF_ERROR(flush());
    }
  }
  return flush();
}

Status FoldDeletes(FileIo& files, Table& table, const FoldGroup& group,
                   FoldPlanner* planner, TableChange* change) {
  ASSIGN_OR_RETURN(const DeletedRows all,
                   ReadDeletedRows(files, group.deletes, [&](const std::string& path) {
                     return group.live.contains(path);
                   }));
  for (const DataFile& file : group.deletes) change->removed.push_back(file.path);
  if (all.empty()) return Status::Ok();
  ASSIGN_OR_RETURN(NewFile made, NewFile::Open(files, table, group.deletes.front(),
                                               PositionDeleteSchema()));
  RETURN_IF_ERROR(WriteDeletes(all, &made.writer()));
  ASSIGN_OR_RETURN(DataFile file, made.Close());
  if (all.size() == 1) file.referenced_data_file = all.begin()->first;
  change->added_deletes.push_back(std::move(file));
  for (const auto& [path, rows] : all) {
    planner->NoteDeleted(path, static_cast<int64_t>(rows.size()));
    change->required.push_back(path);
  }
  return Status::Ok();
}

Status FoldData(FileIo& files, Table& table, const FoldGroup& group,
                TableChange* change) {
  std::set<std::string> going;
  for (const DataFile& file : group.data) {
    going.insert(file.path);
    change->removed.push_back(file.path);
  }
  DeletedRows all;
  for (const DataFile& file : group.deletes) {
    bool needed = false;  // by a data file that stays
    auto wanted = [&](const std::string& path) {
      needed = needed || (group.live.contains(path) && !going.contains(path));
      return going.contains(path);
    };
    ASSIGN_OR_RETURN(DeletedRows some, ReadDeletedRows(files, {&file, 1}, wanted));
    Merge(std::move(some), &all);
    if (!needed) change->removed.push_back(file.path);
  }
  ASSIGN_OR_RETURN(NewFile made,
                   NewFile::Open(files, table, group.data.front(), table.schema()));
  for (const DataFile& file : group.data) {
    RETURN_IF_ERROR(
        CopyLive(files, file, table.schema(), all[file.path], &made.writer()));
  }
  ASSIGN_OR_RETURN(DataFile file, made.Close());
  if (file.record_count > 0) {
    change->added_data.push_back(std::move(file));
    return Status::Ok();
  }
  return files.Remove(file.path);  // every row was deleted
}

bool HasNestedColumns(const Schema& schema) {
  return std::any_of(schema.fields.begin(), schema.fields.end(),
                     [](const NestedField& f) { return !f.type.primitive(); });
}

}  // namespace

Result<bool> Fold(FileIo& files, Table& table, const FoldGroup& group,
                  FoldPlanner* planner) {
  TableChange change;
  change.replace = true;
  change.base_snapshot = table.snapshot_id();
  change.base_sequence = table.sequence_number();
  if (group.data.empty()) {
    RETURN_IF_ERROR(FoldDeletes(files, table, group, planner, &change));
  } else if (HasNestedColumns(table.schema())) {
    planner->GiveUp(group);  // the reader takes top-level columns only
    return false;
  } else {
    RETURN_IF_ERROR(FoldData(files, table, group, &change));
  }
  auto done = table.Commit(change);
  const bool committed = done.ok() && done->outcome == TableCommit::Outcome::kCommitted;
  // An unknown outcome leaves the new files: they may be the table's.
  const bool unknown = !done.ok() && done.status().kind() == ErrorKind::kUnknownOutcome;
  if (!committed && !unknown) {
    for (const auto* made : {&change.added_data, &change.added_deletes}) {
      for (const DataFile& file : *made) (void)files.Remove(file.path);
    }
  }
  if (!done.ok()) return done.status();
  return committed;
}

}  // namespace leat::iceberg
