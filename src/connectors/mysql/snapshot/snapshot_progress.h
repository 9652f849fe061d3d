// How far the snapshot of each table is: not begun, up to a key, or done. A part of the
// log position's JSON, so it stays readable by later versions. A value.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/batch.h"
#include "data/schema.h"

namespace leat::mysql {

// A row's key, one text for each column, which chunk_key.h turns into SQL literals:
// digits for numbers, "YYYY-MM-DD hh:mm:ss" for times, hexadecimal digits for strings and
// bytes.
using KeyValues = std::vector<std::string>;

struct TableProgress {
  bool done = false;
  KeyValues last;  // of the last row taken; empty: not begun

  bool operator==(const TableProgress&) const = default;
};

class SnapshotProgress {
 public:
  // Empty text: nothing begun.
  static Result<SnapshotProgress> Parse(std::string_view json);
  // Done for each of `ids` (snapshot: never).
  static SnapshotProgress AllDone(const std::vector<TableId>& ids);

  std::string ToJson() const;
  const TableProgress& Of(const TableId& id) const;
  void Set(const TableId& id, TableProgress progress);
  void Forget(const TableId& id);  // dropped: a new one of that name begins anew
  // `id` as `other` has it: a table whose own floor is authoritative.
  void Adopt(const TableId& id, const SnapshotProgress& other);
  // Everything that is done in `other` is done here.
  bool Covers(const SnapshotProgress& other) const;

  bool operator==(const SnapshotProgress&) const = default;

 private:
  std::map<TableId, TableProgress> tables_;
};

// Of a position in the log; nothing begun where it has none.
SnapshotProgress ProgressOf(const Position& position);

}  // namespace leat::mysql
