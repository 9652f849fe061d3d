#include "format/debezium/transactions.h"

#include <fmt/format.h>

#include "format/debezium/schema.h"
#include "format/json/text.h"

namespace leat::debezium {

void Transactions::Change(const std::string& id, const std::string& table,
                          int64_t millis) {
  if (id != id_) {
    End();
    id_ = id;
    millis_ = millis;
    if (!id_.empty()) Write("BEGIN");
  }
  total_++;
  const auto place = tables_.try_emplace(table, 0).first;
  place->second++;
  last_ = &place->first;
}

std::string Transactions::Block() const {
  if (id_.empty()) return "null";
  return fmt::format(R"({{"id":{},"total_order":{},"data_collection_order":{}}})",
                     json::Quoted(id_), total_, tables_.at(*last_));
}

void Transactions::End() {
  if (!id_.empty()) Write("END");
  Abort();
}

void Transactions::Abort() {
  id_.clear();
  total_ = 0;
  tables_.clear();
  last_ = nullptr;
}

void Transactions::Write(std::string_view status) {
  const std::string id = json::Quoted(id_);
  std::string key = "{\"id\":" + id + "}";
  std::string counts = "null";
  std::string total = "null";
  if (status == "END") {
    total = std::to_string(total_);
    counts = "[";
    for (const auto& [table, count] : tables_) {
      counts += fmt::format(R"({}{{"data_collection":{},"event_count":{}}})",
                            counts.size() > 1 ? "," : "", json::Quoted(table), count);
    }
    counts += "]";
  }
  std::string value = fmt::format(
      R"({{"status":"{}","id":{},"event_count":{},"data_collections":{},"ts_ms":{}}})",
      status, id, total, counts, millis_);
  if (schemas_) {
    key = fmt::format(R"({{"schema":{},"payload":{}}})", TransactionKeySchema(), key);
    value =
        fmt::format(R"({{"schema":{},"payload":{}}})", TransactionValueSchema(), value);
  }
  to_->Add(key, value, millis_);
}

}  // namespace leat::debezium
