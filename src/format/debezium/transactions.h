// Debezium's transaction metadata: the order of each change within its transaction, and
// the records of the topic PREFIX.transaction that mark its begin and end. A transaction
// ends where a batch ends at a boundary, or where the next one's first change comes; one
// without changes of followed tables leaves nothing. Owned by an encoder; one thread.
#pragma once

#include <map>
#include <string>

#include "format/records.h"

namespace leat::debezium {

class Transactions {
 public:
  Transactions(bool schemas, RecordsBuilder* to) : schemas_(schemas), to_(to) {}
  // Where the records go from here on.
  void SetBuilder(RecordsBuilder* to) { to_ = to; }

  // A change of `table` in transaction `id`; "": none. Begins and ends transactions.
  void Change(const std::string& id, const std::string& table, int64_t millis);
  // {"id":...,"total_order":...} of the change last told, or null.
  std::string Block() const;
  void End();
  void Abort();

 private:
  void Write(std::string_view status);

  const bool schemas_;
  RecordsBuilder* to_;
  std::string id_;
  int64_t millis_ = 0;
  int64_t total_ = 0;
  std::map<std::string, int64_t> tables_;
  const std::string* last_ = nullptr;  // the table of the last change
};

}  // namespace leat::debezium
