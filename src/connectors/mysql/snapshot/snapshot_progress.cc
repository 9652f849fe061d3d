#include "connectors/mysql/snapshot/snapshot_progress.h"

#include <algorithm>

#include "connectors/mysql/position.h"
#include "core/json.h"

namespace leat::mysql {
namespace {

using Json = nlohmann::json;

Json Name(const TableId& id) { return Json::array({id.database, id.table}); }

// Integers by their digits.
int Compare(std::string_view a, std::string_view b) {
  const bool a_negative = a.starts_with('-');
  if (a_negative != b.starts_with('-')) return a_negative ? -1 : 1;
  const int longer = a.size() == b.size() ? a.compare(b) : a.size() < b.size() ? -1 : 1;
  return a_negative ? -longer : longer;
}

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// Keys of other types are ordered by the server alone: here they are only equal or not,
// and a table that is not known to be covered is read from its own floor.
bool NotAfter(const KeyValues& key, const KeyValues& limit) {
  if (key.empty() || key == limit) return true;
  if (key.size() != limit.size()) return false;
  for (size_t i = 0; i < key.size(); i++) {
    if (!IsInteger(key[i]) || !IsInteger(limit[i])) return false;
    if (int order = Compare(key[i], limit[i]); order != 0) return order < 0;
  }
  return true;
}

}  // namespace

// {"done": [["db", "t"], ...], "at": [["db", "u", ["42"]], ...]}
Result<SnapshotProgress> SnapshotProgress::Parse(std::string_view text) {
  SnapshotProgress progress;
  if (text.empty()) return progress;
  try {
    Json root = ParseJson<Json>(text);
    for (const Json& name : root.value("done", Json::array())) {
      progress.tables_[{name.at(0), "", name.at(1)}].done = true;
    }
    for (const Json& at : root.value("at", Json::array())) {
      progress.tables_[{at.at(0), "", at.at(1)}].last = at.at(2).get<KeyValues>();
    }
  } catch (const Json::exception& e) {
    return Status::Config(
        std::string("the position's snapshot progress cannot be read: ") + e.what());
  }
  return progress;
}

SnapshotProgress SnapshotProgress::AllDone(const std::vector<TableId>& ids) {
  SnapshotProgress progress;
  for (const TableId& id : ids) progress.tables_[id].done = true;
  return progress;
}

std::string SnapshotProgress::ToJson() const {
  Json done = Json::array();
  Json at = Json::array();
  for (const auto& [id, table] : tables_) {
    Json name = Name(id);
    if (table.done) {
      done.push_back(std::move(name));
    } else if (!table.last.empty()) {
      name.push_back(table.last);
      at.push_back(std::move(name));
    }
  }
  Json root = Json::object();
  if (!done.empty()) root["done"] = std::move(done);
  if (!at.empty()) root["at"] = std::move(at);
  return DumpJson(root);
}

const TableProgress& SnapshotProgress::Of(const TableId& id) const {
  static const TableProgress none;
  auto at = tables_.find(id);
  return at == tables_.end() ? none : at->second;
}

void SnapshotProgress::Set(const TableId& id, TableProgress progress) {
  tables_[id] = std::move(progress);
}

void SnapshotProgress::Forget(const TableId& id) { tables_.erase(id); }

void SnapshotProgress::Adopt(const TableId& id, const SnapshotProgress& other) {
  auto at = other.tables_.find(id);
  if (at == other.tables_.end()) {
    tables_.erase(id);
  } else {
    tables_[id] = at->second;
  }
}

bool SnapshotProgress::Covers(const SnapshotProgress& other) const {
  return std::all_of(other.tables_.begin(), other.tables_.end(), [&](const auto& table) {
    const TableProgress& mine = Of(table.first);
    if (mine.done) return true;
    return !table.second.done && NotAfter(table.second.last, mine.last);
  });
}

SnapshotProgress ProgressOf(const Position& position) {
  auto parsed = LogPosition::Parse(position);
  if (!parsed.ok()) return {};
  auto progress = SnapshotProgress::Parse(parsed->snapshot);
  return progress.ok() ? *progress : SnapshotProgress();
}

}  // namespace leat::mysql
