// For tests: a batch as lines of text in the order of seq, and a log file as a feed.
#pragma once

#include <arrow/api.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/testing.h"
#include "connectors/mysql/client/dump.h"
#include "data/batch.h"

namespace leat::mysql {

inline std::string RowText(const arrow::RecordBatch& rows, int64_t row) {
  std::string out;
  for (int c = 0; c < rows.num_columns(); c++) {
    if (c > 0) out += '|';
    out += (*rows.column(c)->GetScalar(row))->ToString();
  }
  return out;
}

// "schema t", "insert t 1|a", "update t 1|b was 1|a".
inline std::vector<std::string> Lines(const Batch& batch) {
  static constexpr const char* kOps[] = {"insert", "update", "delete", "read"};
  static constexpr const char* kEvents[] = {"schema", "truncate", "drop",
                                            "rename", "done",     "statement"};
  std::map<uint32_t, std::string> lines;
  for (const Chunk& chunk : batch.chunks) {
    int64_t before = 0;
    for (int64_t i = 0; i < chunk.size(); i++) {
      auto at = static_cast<size_t>(i);
      std::string line = std::string(kOps[static_cast<int>(chunk.ops[at])]) + " " +
                         chunk.schema->id.table + " " + RowText(*chunk.rows, i);
      if (chunk.ops[at] == Op::kUpdate && chunk.before) {
        line += " was " + RowText(*chunk.before, before++);
      }
      lines[chunk.seq[at]] = line;
    }
  }
  for (const Event& event : batch.events) {
    lines[event.seq] =
        std::string(kEvents[static_cast<int>(event.kind)]) + " " + event.table.table;
  }
  std::vector<std::string> out;
  for (auto& [seq, line] : lines) out.push_back(line);
  return out;
}

// The events of a log file, from an offset on.
class FileFeed final : public EventFeed {
 public:
  explicit FileFeed(std::string file, size_t from = 4)
      : file_(std::move(file)), at_(from) {}

  Result<bool> Next(SteadyTime, std::string_view* event) override {
    if (at_ >= file_.size()) return false;
    uint32_t size = 0;
    if (file_.size() - at_ >= 19) std::memcpy(&size, file_.data() + at_ + 9, sizeof size);
    // As a server would send it: an event of this length, or what is left.
    size_t taken = std::min<size_t>(std::max<size_t>(size, 1), file_.size() - at_);
    *event = {file_.data() + at_, taken};
    at_ += taken;
    return true;
  }
  bool checksum() const override { return false; }

 private:
  std::string file_;
  size_t at_;
};

}  // namespace leat::mysql
