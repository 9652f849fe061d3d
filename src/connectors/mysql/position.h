// Where a MySQL or MariaDB shard stands, and its JSON text in Position. The text is also
// what tokens in sinks hold, so it must stay readable by later versions: unknown members
// are kept out, missing ones have a meaning. Values; any thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/log/gtid.h"
#include "data/batch.h"

namespace leat::mysql {

// The one shard of a source that follows the log or reads once: so either knows when the
// other was there before.
inline constexpr std::string_view kShard = "log";

// A transaction that was prepared by XA and not yet decided. Its rows are read again,
// from the place where it was logged, when its commit comes.
struct PreparedXa {
  std::string xid;   // as the server writes it: X'31',X'',1
  bool rows = true;  // it changed a followed table
  GtidSet gtids;     // the position just before it
  std::string file;
  uint64_t offset = 0;

  bool operator==(const PreparedXa&) const = default;
};

struct LogPosition {
  GtidSet gtids;     // executed so far; empty where the server has no GTIDs
  bool gtid = true;  // go on by `gtids`; else by file and offset
  std::string file;
  uint64_t offset = 0;  // between events of `file`
  std::vector<PreparedXa> prepared;
  // Columns renamed by a statement whose new shape has not been seen in the log yet:
  // table -> new name -> old name.
  std::map<std::string, std::map<std::string, std::string>> renames;
  // Tables that were dropped: one of that name that comes later starts empty.
  std::set<std::string> dropped;
  // With `metadata: minimal`: table -> fingerprint of the shape its rows have here.
  std::map<std::string, std::string> shapes;
  // Tables that a statement changed (ALTER) or made (CREATE) whose shape has not been
  // seen in the log since; kept for who asks with Needs::statements alone.
  std::map<std::string, std::string> reshaped;
  // Tables whose rows are read again over those in the sink, so that the log's rows of
  // them count all the while.
  std::set<std::string> refresh;
  // The snapshot's progress: a JSON object that belongs to snapshot.h; empty: none.
  std::string snapshot;

  static Result<LogPosition> Parse(const Position& position);
  Position ToPosition() const;
  // True when everything up to `target` in the log is covered here. Looks at the log
  // only, never at `snapshot`.
  bool Reached(const LogPosition& target) const;
  std::string ToString() const;  // for messages: GTIDs and file:offset
};

// Rotating log files are numbered: binlog.000009 < binlog.000010 < binlog.1000000.
int CompareLogFiles(std::string_view a, std::string_view b);

}  // namespace leat::mysql
