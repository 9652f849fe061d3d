#include "connectors/iceberg/data/partition_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "connectors/iceberg/data/row_shaper.h"
#include "connectors/iceberg/metadata/transform.h"

namespace leat::iceberg {
namespace {

std::string UrlEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || c == '.') {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

// The rows of each partition.
struct Parts {
  std::vector<Partition> partitions;
  std::vector<std::vector<int64_t>> rows;
};

Result<Parts> Split(const PartitionSpec& spec, const Schema& schema,
                    const arrow::RecordBatch& rows) {
  const auto count = static_cast<size_t>(rows.num_rows());
  std::vector<uint32_t> part_of(count, 0);
  Parts parts;
  parts.partitions.emplace_back();
  for (const PartitionField& field : spec.fields) {
    const NestedField* source = schema.FindId(field.source_id);
    const int column = source ? schema.Position(source->name) : -1;
    if (column < 0) {
      return Status::Config("the table is partitioned by " + field.name +
                            ", whose column is gone; change its partition spec");
    }
    ASSIGN_OR_RETURN(const Coded coded,
                     ApplyTransform(field.transform, source->type, *rows.column(column)));
    std::vector<Partition> longer;
    std::unordered_map<uint64_t, uint32_t> known;
    for (size_t i = 0; i < count; i++) {
      const uint64_t pair = static_cast<uint64_t>(part_of[i]) << 32 | coded.codes[i];
      auto [at, added] = known.try_emplace(pair, longer.size());
      if (added) {
        longer.push_back(parts.partitions[part_of[i]]);
        longer.back().push_back(coded.values[coded.codes[i]]);
      }
      part_of[i] = at->second;
    }
    parts.partitions = std::move(longer);
  }
  parts.rows.resize(parts.partitions.size());
  for (size_t i = 0; i < count; i++) {
    parts.rows[part_of[i]].push_back(static_cast<int64_t>(i));
  }
  return parts;
}

}  // namespace

Result<std::string> PartitionPath(const PartitionSpec& spec, const Schema& schema,
                                  const Partition& partition) {
  ASSIGN_OR_RETURN(const std::vector<Type> types, spec.ResultTypes(schema));
  std::string path;
  for (size_t i = 0; i < spec.fields.size(); i++) {
    const PartitionField& field = spec.fields[i];
    if (!path.empty()) path += '/';
    path += UrlEncode(field.name) + '=' +
            UrlEncode(HumanValue(field.transform, types[i], partition[i]));
  }
  return path;
}

PartitionWriter::PartitionWriter(FileIo& files, Table& table,
                                 const PartitionWriterOptions& options, NewFile new_file)
    : files_(files), table_(table), options_(options), new_file_(std::move(new_file)) {}

Status PartitionWriter::Write(const std::shared_ptr<arrow::RecordBatch>& rows,
                              std::vector<Place>* places) {
  if (places) places->assign(static_cast<size_t>(rows->num_rows()), kNoPlace);
  if (rows->num_rows() == 0) return Status::Ok();
  if (table_.spec().unpartitioned()) return WritePart({}, rows, nullptr, places);
  ASSIGN_OR_RETURN(const Parts parts, Split(table_.spec(), table_.schema(), *rows));
  for (size_t p = 0; p < parts.partitions.size(); p++) {
    if (parts.partitions.size() == 1) {
      return WritePart(parts.partitions[p], rows, nullptr, places);
    }
    ASSIGN_OR_RETURN(auto part, TakeRows(rows, parts.rows[p]));
    RETURN_IF_ERROR(WritePart(parts.partitions[p], part, &parts.rows[p], places));
  }
  return Status::Ok();
}

// `indices`: the position of each row among the rows of Write; null: the same.
Status PartitionWriter::WritePart(const Partition& partition,
                                  const std::shared_ptr<arrow::RecordBatch>& rows,
                                  const std::vector<int64_t>* indices,
                                  std::vector<Place>* places) {
  ASSIGN_OR_RETURN(OpenFile* const file, FileFor(partition));
  const auto first = static_cast<uint32_t>(file->writer->rows());
  if (places) {
    for (int64_t i = 0; i < rows->num_rows(); i++) {
      const auto at =
          static_cast<size_t>(indices ? (*indices)[static_cast<size_t>(i)] : i);
      (*places)[at] = MakePlace(file->number, first + static_cast<uint32_t>(i));
    }
  }
  return file->writer->Write(rows);
}

Result<PartitionWriter::OpenFile*> PartitionWriter::FileFor(const Partition& partition) {
  auto found = open_.find(partition);
  if (found != open_.end() && found->second.writer->file_bytes() >= options_.file_bytes) {
    RETURN_IF_ERROR(Close(found).status());
    found = open_.end();
  }
  if (found == open_.end()) {
    if (open_.size() >= options_.max_open) {
      const auto oldest =
          std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
            return a.second.last_used < b.second.last_used;
          });
      RETURN_IF_ERROR(Close(oldest).status());
    }
    ASSIGN_OR_RETURN(const std::string path,
                     PartitionPath(table_.spec(), table_.schema(), partition));
    OpenFile file;
    ASSIGN_OR_RETURN(file.writer,
                     ParquetWriter::Open(files_, table_.NewDataPath(path, ".parquet"),
                                         table_.schema(), options_.parquet));
    if (new_file_) {
      ASSIGN_OR_RETURN(file.number,
                       new_file_(file.writer->location(), table_.spec().id, partition));
    }
    found = open_.emplace(partition, std::move(file)).first;
  }
  found->second.last_used = ++uses_;
  return &found->second;
}

Result<PartitionWriter::OpenFiles::iterator> PartitionWriter::Close(
    OpenFiles::iterator file) {
  ASSIGN_OR_RETURN(DataFile closed, file->second.writer->Close());
  closed.spec_id = table_.spec().id;
  closed.partition = file->first;
  closed_.push_back(std::move(closed));
  return open_.erase(file);
}

Status PartitionWriter::CloseFiles() {
  for (auto file = open_.begin(); file != open_.end();) {
    ASSIGN_OR_RETURN(file, Close(file));
  }
  return Status::Ok();
}

Result<bool> PartitionWriter::CloseLargest() {
  const auto largest =
      std::max_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
        return a.second.writer->buffered_bytes() < b.second.writer->buffered_bytes();
      });
  if (largest == open_.end()) return false;
  RETURN_IF_ERROR(Close(largest).status());
  return true;
}

Result<std::vector<DataFile>> PartitionWriter::TakeFiles() {
  RETURN_IF_ERROR(CloseFiles());
  return std::exchange(closed_, {});
}

Status PartitionWriter::Abort() {
  std::vector<std::string> locations;
  for (const auto& [partition, file] : open_) {
    locations.push_back(file.writer->location());
  }
  for (const DataFile& file : closed_) locations.push_back(file.path);
  open_.clear();
  closed_.clear();
  for (const std::string& location : locations) {
    RETURN_IF_ERROR(files_.Remove(location));
  }
  return Status::Ok();
}

int64_t PartitionWriter::buffered_bytes() const {
  int64_t bytes = 0;
  for (const auto& [partition, file] : open_) bytes += file.writer->buffered_bytes();
  return bytes;
}

}  // namespace leat::iceberg
