// Where a poll stands: its floor, the rows already given at or after it, and how often it
// has seen the table's end. JSON in Position. A value.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "connectors/mysql/snapshot/snapshot_progress.h"
#include "data/batch.h"

namespace leat::mysql {

struct PollPosition {
  std::string floor;  // the cursor's canonical text; empty: from the beginning
  // Set when too many rows share the floor to remember each: rows at the floor up to this
  // (cursor and key) are taken as given.
  KeyValues passed;
  std::map<uint64_t, int64_t> given;  // hash of a row -> how many of it
  int64_t passes = 0;                 // queries that reached the end

  static Result<PollPosition> Parse(const Position& position);
  Position ToPosition() const;
  int64_t given_rows() const;
};

}  // namespace leat::mysql
