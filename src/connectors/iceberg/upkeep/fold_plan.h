// FoldPlanner: which small files of a table should become fewer, larger ones.
//
// Like the levels of a log-structured merge tree: within a partition, files of one size
// class are folded together when there are enough, so that each row is written anew a few
// times in all. Keeps what it needs of each manifest in memory, manifests never change.
// One thread. Errors: those of FileIo.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/table.h"

namespace leat::iceberg {

struct FoldOptions {
  int min_files = 12;                         // of one size class
  int64_t target_bytes = int64_t{128} << 20;  // files from half of it on are left alone
  int64_t max_bytes = int64_t{64} << 20;      // read in one fold
  // Rows deleted of a file, of 100, from which on it is written anew.
  int max_deleted_percent = 30;
};

// Files of one partition. Their statistics are left out.
struct FoldGroup {
  std::vector<DataFile> data;     // become one file, without their deleted rows
  std::vector<DataFile> deletes;  // become one file; with data: those that may name it
  std::set<std::string> live;     // every data file of the partition
};

class FoldPlanner {
 public:
  explicit FoldPlanner(const FoldOptions& options) : options_(options) {}

  // Nothing: the table is well as it is.
  Result<std::optional<FoldGroup>> Plan(Table& table);
  // Told by a fold of deletes how many rows of a file are deleted.
  void NoteDeleted(const std::string& data_file, int64_t rows) {
    deleted_[data_file] = rows;
  }
  // The next plans leave these alone: folding them was in vain.
  void GiveUp(const FoldGroup& group);
  void SetMaxBytes(int64_t bytes) { options_.max_bytes = bytes; }

 private:
  using PartitionKey = std::pair<int, std::vector<std::optional<Binary>>>;
  struct Files {
    std::vector<DataFile> data;
    std::vector<DataFile> deletes;
  };

  Result<bool> Collect(Table& table, std::map<PartitionKey, Files>* partitions);
  std::vector<DataFile> Choose(const std::vector<DataFile>& files) const;
  std::optional<FoldGroup> PlanPartition(const Files& files) const;

  FoldOptions options_;
  std::map<std::string, std::vector<DataFile>> manifests_;
  std::map<std::string, int64_t> deleted_;
  std::set<std::string> given_up_;
};

}  // namespace leat::iceberg
