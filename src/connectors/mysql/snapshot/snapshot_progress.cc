#include "connectors/mysql/snapshot/snapshot_progress.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace leat::mysql {
namespace {

using nlohmann::json;

json Name(const TableId& id) { return json::array({id.database, id.table}); }

}  // namespace

// {"done": [["db", "t"], ...], "at": [["db", "u", ["42"]], ...]}
Result<SnapshotProgress> SnapshotProgress::Parse(std::string_view text) {
  SnapshotProgress progress;
  if (text.empty()) return progress;
  try {
    json root = json::parse(text);
    for (const json& name : root.value("done", json::array())) {
      progress.tables_[{name.at(0), "", name.at(1)}].done = true;
    }
    for (const json& at : root.value("at", json::array())) {
      progress.tables_[{at.at(0), "", at.at(1)}].last = at.at(2).get<KeyValues>();
    }
  } catch (const json::exception& e) {
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
  json done = json::array();
  json at = json::array();
  for (const auto& [id, table] : tables_) {
    json name = Name(id);
    if (table.done) {
      done.push_back(std::move(name));
    } else if (!table.last.empty()) {
      name.push_back(table.last);
      at.push_back(std::move(name));
    }
  }
  json root = json::object();
  if (!done.empty()) root["done"] = std::move(done);
  if (!at.empty()) root["at"] = std::move(at);
  return root.dump();
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
    return !table.second.done || Of(table.first).done;
  });
}

}  // namespace leat::mysql
