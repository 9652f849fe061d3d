#include "connectors/iceberg/data/position_delete.h"

#include <arrow/builder.h>

#include <algorithm>
#include <map>

namespace leat::iceberg {
namespace {

constexpr size_t kMaxPlaces = size_t{2} << 20;  // in memory: 16 MiB
constexpr size_t kDeleteRows = 32768;

}  // namespace

const Schema& PositionDeleteSchema() {
  static const Schema schema = [] {
    NestedField path;
    path.id = 2147483546;
    path.name = "file_path";
    path.required = true;
    path.type.id = TypeId::kString;
    NestedField pos = path;
    pos.id = 2147483545;
    pos.name = "pos";
    pos.type.id = TypeId::kLong;
    Schema s;
    s.fields = {path, pos};
    return s;
  }();
  return schema;
}

Status PositionDeletes::Add(Place place) {
  if (!targets_.contains(FileOf(place))) return Status::Ok();
  places_.push_back(place);
  return places_.size() >= kMaxPlaces ? Flush() : Status::Ok();
}

Status PositionDeletes::Flush() {
  // By partition, then by path and row.
  std::map<std::pair<int, Partition>, std::map<std::string_view, uint32_t>> groups;
  std::sort(places_.begin(), places_.end());
  std::unordered_map<uint32_t, std::pair<size_t, size_t>> ranges;
  for (size_t i = 0; i < places_.size();) {
    const uint32_t file = FileOf(places_[i]);
    size_t end = i;
    while (end < places_.size() && FileOf(places_[end]) == file) end++;
    ranges[file] = {i, end};
    const DataTarget& target = targets_.at(file);
    groups[{target.spec_id, target.partition}][target.location] = file;
    i = end;
  }
  for (const auto& [partition, files] : groups) {
    std::vector<Place> sorted;
    for (const auto& [location, file] : files) {
      const auto [begin, end] = ranges[file];
      sorted.insert(sorted.end(), places_.begin() + static_cast<ptrdiff_t>(begin),
                    places_.begin() + static_cast<ptrdiff_t>(end));
      named_.emplace(location);
    }
    RETURN_IF_ERROR(WriteFile(targets_.at(files.begin()->second), sorted));
    if (files.size() == 1) {
      written_.back().referenced_data_file = std::string(files.begin()->first);
    }
  }
  places_.clear();
  return Status::Ok();
}

Status PositionDeletes::WriteFile(const DataTarget& group,
                                  std::span<const Place> places) {
  const PartitionSpec* spec = table_.metadata().FindSpec(group.spec_id);
  if (!spec) return Status::Bug("a data file has an unknown partition spec");
  ASSIGN_OR_RETURN(const std::string path,
                   PartitionPath(*spec, table_.schema(), group.partition));
  ParquetWriter::Options options;
  options.position_deletes = true;
  ASSIGN_OR_RETURN(auto writer, ParquetWriter::Open(
                                    files_, table_.NewDataPath(path, "-deletes.parquet"),
                                    PositionDeleteSchema(), options));
  const auto schema = PositionDeleteSchema().ToArrow();
  for (size_t at = 0; at < places.size(); at += kDeleteRows) {
    const auto batch = places.subspan(at, std::min(kDeleteRows, places.size() - at));
    arrow::StringBuilder paths;
    arrow::Int64Builder rows;
    arrow::Status status = rows.Reserve(static_cast<int64_t>(batch.size()));
    for (const Place place : batch) {
      if (!status.ok()) break;
      status = paths.Append(targets_.at(FileOf(place)).location);
      rows.UnsafeAppend(RowOf(place));
    }
    std::shared_ptr<arrow::Array> columns[2];
    if (status.ok()) status = paths.Finish(&columns[0]);
    if (status.ok()) status = rows.Finish(&columns[1]);
    if (!status.ok()) return FromArrow(status, "building position deletes");
    RETURN_IF_ERROR(writer->Write(arrow::RecordBatch::Make(
        schema, static_cast<int64_t>(batch.size()), {columns[0], columns[1]})));
  }
  ASSIGN_OR_RETURN(DataFile made, writer->Close());
  made.content = DataFile::Content::kPositionDeletes;
  made.spec_id = group.spec_id;
  made.partition = group.partition;
  written_.push_back(std::move(made));
  return Status::Ok();
}

Result<std::vector<DataFile>> PositionDeletes::TakeFiles(
    std::vector<std::string>* named) {
  if (!places_.empty()) RETURN_IF_ERROR(Flush());
  named->assign(named_.begin(), named_.end());
  named_.clear();
  return std::exchange(written_, {});
}

Status PositionDeletes::Abort() {
  places_.clear();
  named_.clear();
  for (const DataFile& file : std::exchange(written_, {})) {
    RETURN_IF_ERROR(files_.Remove(file.path));
  }
  return Status::Ok();
}

}  // namespace leat::iceberg
