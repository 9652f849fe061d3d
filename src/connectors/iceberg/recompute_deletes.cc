#include "connectors/iceberg/recompute_deletes.h"

#include <arrow/array.h>

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "connectors/iceberg/data/deleted_rows.h"
#include "connectors/iceberg/data/parquet_reader.h"
#include "connectors/iceberg/data/position_delete.h"
#include "connectors/iceberg/index/key_hash.h"

namespace leat::iceberg {
namespace {

struct HashOfKey {
  size_t operator()(const KeyHash& h) const { return h.high ^ h.low; }
};
using Keys = std::unordered_set<KeyHash, HashOfKey>;

Result<Schema> KeyOf(const Schema& table) {
  Schema key;
  for (const int id : table.identifier_ids) {
    if (const NestedField* field = table.FindId(id)) key.fields.push_back(*field);
  }
  if (key.fields.empty()) {
    return Status::Config("the table's schema names no identifier fields");
  }
  return key;
}

// Calls visit(row, key) for each row of a data file.
Status EachKey(FileIo& files, const std::string& location, const Schema& key,
               const KeyHasher& hasher,
               const std::function<void(uint32_t, const KeyHash&)>& visit) {
  ASSIGN_OR_RETURN(auto reader, ParquetReader::Open(files, location, key));
  std::vector<KeyHash> hashes;
  uint32_t row = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const auto batch, reader->Next());
    if (!batch) return Status::Ok();
    RETURN_IF_ERROR(hasher.Hash(batch->columns(), batch->num_rows(), &hashes));
    for (const KeyHash& hash : hashes) visit(row++, hash);
  }
}

// Takes the rows of the files that are gone out of `deleted`, and answers their keys.
Result<Keys> TakeKeys(FileIo& files, const Table& table, const Schema& key,
                      const KeyHasher& hasher, const std::vector<std::string>& missing,
                      DeletedRows* deleted) {
  Keys keys;
  for (const std::string& gone : missing) {
    auto rows = deleted->extract(gone);
    if (rows.empty()) continue;
    ASSIGN_OR_RETURN(const bool there, files.Exists(gone));
    if (!there) {
      return Status::Config("data file " + gone +
                            " was rewritten and removed while an epoch that deletes rows "
                            "of it waited to be committed; let snapshots of " +
                            table.name().ToString() + " live longer than that");
    }
    const std::set<uint32_t> wanted(rows.mapped().begin(), rows.mapped().end());
    RETURN_IF_ERROR(
        EachKey(files, gone, key, hasher, [&](uint32_t row, const KeyHash& hash) {
          if (wanted.contains(row)) keys.insert(hash);
        }));
  }
  return keys;
}

}  // namespace

Result<StagedTable> RecomputeDeletes(FileIo& files, Table& table, StagedTable staged,
                                     const TableCommit& conflict) {
  ASSIGN_OR_RETURN(const Schema key, KeyOf(table.schema()));
  ASSIGN_OR_RETURN(const KeyHasher hasher, KeyHasher::Make(key.ToArrow()->fields()));
  ASSIGN_OR_RETURN(DeletedRows deleted, ReadDeletedRows(files, staged.deletes, nullptr));

  ASSIGN_OR_RETURN(const Keys keys,
                   TakeKeys(files, table, key, hasher, conflict.missing, &deleted));

  DataTargets targets;
  std::unordered_map<std::string, uint32_t> numbers;
  const auto add = [&](const DataFile& file) {
    const auto number = static_cast<uint32_t>(targets.size() + 1);
    targets[number] = {file.path, file.spec_id, file.partition};
    numbers[file.path] = number;
  };
  for (const DataFile& file : staged.data) add(file);
  RETURN_IF_ERROR(table.ForEachFile([&](const ManifestEntry& entry) {
    if (entry.file.content == DataFile::Content::kData) add(entry.file);
    return Status::Ok();
  }));
  PositionDeletes anew(files, table, targets);
  for (const auto& [location, rows] : deleted) {
    for (const uint32_t row : rows) {
      RETURN_IF_ERROR(anew.Add(MakePlace(numbers[location], row)));
    }
  }
  for (const DataFile& file : conflict.appeared) {
    std::vector<uint32_t> hits;
    RETURN_IF_ERROR(
        EachKey(files, file.path, key, hasher, [&](uint32_t row, const KeyHash& hash) {
          if (keys.contains(hash)) hits.push_back(row);
        }));
    for (const uint32_t row : hits) {
      RETURN_IF_ERROR(anew.Add(MakePlace(numbers[file.path], row)));
    }
  }
  ASSIGN_OR_RETURN(staged.deletes, anew.TakeFiles(&staged.named));
  std::set<std::string> own;
  for (const DataFile& file : staged.data) own.insert(file.path);
  std::erase_if(staged.named,
                [&](const std::string& path) { return own.contains(path); });
  staged.base_snapshot = table.snapshot_id();
  staged.base_sequence = table.sequence_number();
  return staged;
}

}  // namespace leat::iceberg
