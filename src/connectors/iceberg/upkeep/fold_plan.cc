#include "connectors/iceberg/upkeep/fold_plan.h"

#include <algorithm>
#include <bit>

namespace leat::iceberg {
namespace {

using Content = DataFile::Content;

// Of position deletes' column file_path, by the table spec.
constexpr int kPathFieldId = 2147483546;

// Doubling every three powers of two: 0-64 KiB, -512 KiB, -4 MiB, -32 MiB, ...
int SizeClass(int64_t bytes) {
  const auto units = static_cast<uint64_t>(bytes) >> 16;
  return (std::bit_width(units) + 2) / 3;
}

// What a plan needs of a file; its statistics would fill the memory.
DataFile Stripped(const DataFile& file) {
  DataFile bare;
  bare.content = file.content;
  bare.path = file.path;
  bare.format = file.format;
  bare.spec_id = file.spec_id;
  bare.partition = file.partition;
  bare.record_count = file.record_count;
  bare.file_size = file.file_size;
  bare.referenced_data_file = file.referenced_data_file;
  if (file.content == Content::kPositionDeletes) {
    auto lower = file.lower_bounds.find(kPathFieldId);
    auto upper = file.upper_bounds.find(kPathFieldId);
    if (lower != file.lower_bounds.end()) bare.lower_bounds.insert(*lower);
    if (upper != file.upper_bounds.end()) bare.upper_bounds.insert(*upper);
  }
  return bare;
}

// Whether a delete file may name one of these data files.
bool MayName(const DataFile& deletes, const std::vector<DataFile>& data) {
  return std::any_of(data.begin(), data.end(), [&](const DataFile& file) {
    if (deletes.referenced_data_file) return *deletes.referenced_data_file == file.path;
    auto lower = deletes.lower_bounds.find(kPathFieldId);
    auto upper = deletes.upper_bounds.find(kPathFieldId);
    if (lower != deletes.lower_bounds.end() && file.path < lower->second) return false;
    // An upper bound may have been cut, and is then no longer than its prefix says.
    return upper == deletes.upper_bounds.end() ||
           file.path.substr(0, upper->second.size()) <= upper->second;
  });
}

}  // namespace

// False: the table holds what folding does not understand.
Result<bool> FoldPlanner::Collect(Table& table,
                                  std::map<PartitionKey, Files>* partitions) {
  std::map<std::string, std::vector<DataFile>> kept;
  for (const ManifestFile& manifest : table.manifests()) {
    if (manifest.live_files() == 0) continue;
    auto known = manifests_.find(manifest.path);
    if (known != manifests_.end()) {
      kept.insert(manifests_.extract(known));
      continue;
    }
    ASSIGN_OR_RETURN(auto entries, table.Entries(manifest));
    std::vector<DataFile>& files = kept[manifest.path];
    for (const ManifestEntry& entry : *entries) {
      if (entry.live()) files.push_back(Stripped(entry.file));
    }
  }
  manifests_ = std::move(kept);
  std::map<std::string, int64_t> deleted;
  for (const auto& [path, files] : manifests_) {
    for (const DataFile& file : files) {
      if (file.content == Content::kEqualityDeletes || file.format != "PARQUET") {
        return false;
      }
      if (auto noted = deleted_.find(file.path); noted != deleted_.end()) {
        deleted.insert(*noted);
      }
      Files& partition = (*partitions)[{file.spec_id, file.partition}];
      (file.content == Content::kData ? partition.data : partition.deletes)
          .push_back(file);
    }
  }
  deleted_ = std::move(deleted);
  return true;
}

// The fullest size class with enough files, smallest files first; empty: none has.
std::vector<DataFile> FoldPlanner::Choose(const std::vector<DataFile>& files) const {
  std::map<int, std::vector<DataFile>> classes;
  for (const DataFile& file : files) {
    if (file.file_size >= options_.target_bytes / 2) continue;
    if (given_up_.contains(file.path)) continue;
    classes[SizeClass(file.file_size)].push_back(file);
  }
  for (auto& [size_class, members] : classes) {
    if (static_cast<int>(members.size()) < options_.min_files) continue;
    std::vector<DataFile> chosen;
    int64_t bytes = 0;
    for (DataFile& file : members) {
      if (bytes + file.file_size > options_.max_bytes) break;
      bytes += file.file_size;
      chosen.push_back(std::move(file));
    }
    // Two or three large ones made into one gain nothing worth their reading.
    if (static_cast<int>(chosen.size()) * 3 >= options_.min_files) return chosen;
  }
  return {};
}

std::optional<FoldGroup> FoldPlanner::PlanPartition(const Files& files) const {
  FoldGroup group;
  // Deletes first: every reader pays for them, and folding data has fewer to read then.
  group.deletes = Choose(files.deletes);
  if (group.deletes.empty()) {
    group.data = Choose(files.data);
    for (const DataFile& file : files.data) {
      if (!group.data.empty()) break;
      auto deleted = deleted_.find(file.path);
      if (deleted == deleted_.end() || given_up_.contains(file.path)) continue;
      if (file.file_size > 4 * options_.max_bytes) continue;
      if (deleted->second * 100 >= file.record_count * options_.max_deleted_percent) {
        group.data.push_back(file);
      }
    }
    if (group.data.empty()) return std::nullopt;
    for (const DataFile& deletes : files.deletes) {
      if (MayName(deletes, group.data)) group.deletes.push_back(deletes);
    }
  }
  for (const DataFile& file : files.data) group.live.insert(file.path);
  return group;
}

Result<std::optional<FoldGroup>> FoldPlanner::Plan(Table& table) {
  std::map<PartitionKey, Files> partitions;
  ASSIGN_OR_RETURN(const bool understood, Collect(table, &partitions));
  if (!understood) return std::optional<FoldGroup>();
  for (const auto& [key, files] : partitions) {
    const PartitionSpec* spec = table.metadata().FindSpec(key.first);
    if (!spec || !spec->ResultTypes(table.schema()).ok()) continue;
    if (auto group = PlanPartition(files)) return group;
  }
  return std::optional<FoldGroup>();
}

void FoldPlanner::GiveUp(const FoldGroup& group) {
  for (const auto* files : {&group.data, &group.deletes}) {
    for (const DataFile& file : *files) given_up_.insert(file.path);
  }
}

}  // namespace leat::iceberg
