// PositionDeletes: the rows an epoch removes, written as position-delete files (table
// spec, format v2): sorted by file_path and pos, one file for each partition that has
// any, in the partition of the data files they name. Beyond a bound of memory an epoch
// gets further such files.
//
// One owner, one thread; borrows what it is made with. Errors: those of FileIo.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/data/partition_writer.h"

namespace leat::iceberg {

// A data file that places name by its number.
struct DataTarget {
  std::string location;
  int spec_id = 0;
  Partition partition;
};
using DataTargets = std::unordered_map<uint32_t, DataTarget>;

class PositionDeletes {
 public:
  PositionDeletes(FileIo& files, Table& table, const DataTargets& targets)
      : files_(files), table_(table), targets_(targets) {}

  // A place in a file that is no target is in the table no more: nothing to remove.
  Status Add(Place place);
  // The delete files since the last TakeFiles or Abort, and the data files they name.
  Result<std::vector<DataFile>> TakeFiles(std::vector<std::string>* named);
  Status Abort();

 private:
  Status Flush();
  Status WriteFile(const DataTarget& group, std::span<const Place> places);

  FileIo& files_;
  Table& table_;
  const DataTargets& targets_;
  std::vector<Place> places_;
  std::vector<DataFile> written_;
  std::set<std::string> named_;
};

// The schema of such files, with the spec's field ids.
const Schema& PositionDeleteSchema();

}  // namespace leat::iceberg
