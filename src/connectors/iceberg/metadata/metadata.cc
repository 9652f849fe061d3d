#include "connectors/iceberg/metadata/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace leat::iceberg {
namespace {

int64_t ToNumber(const std::string& text, int64_t fallback) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? value : fallback;
}

// previous-versions-max of Iceberg's documentation is 100; here a version comes each
// second, and nobody reads them but to repair a table by hand.
constexpr int64_t kPreviousVersions = 20;

}  // namespace

int64_t Snapshot::Number(const std::string& name) const {
  auto found = summary.find(name);
  return found == summary.end() ? 0 : ToNumber(found->second, 0);
}

std::string TableMetadata::Property(const std::string& name, std::string fallback) const {
  auto found = properties_.find(name);
  return found == properties_.end() ? fallback : found->second;
}

int64_t TableMetadata::Property(const std::string& name, int64_t fallback) const {
  auto found = properties_.find(name);
  return found == properties_.end() ? fallback : ToNumber(found->second, fallback);
}

std::string TableMetadata::data_folder() const {
  return Property("write.data.path", location_ + "/data");
}

std::string TableMetadata::metadata_folder() const {
  return Property("write.metadata.path", location_ + "/metadata");
}

const Schema& TableMetadata::schema() const { return *FindSchema(current_schema_id_); }

const PartitionSpec& TableMetadata::spec() const { return *FindSpec(default_spec_id_); }

const Schema* TableMetadata::FindSchema(int id) const {
  for (const Schema& s : schemas_) {
    if (s.id == id) return &s;
  }
  return nullptr;
}

const PartitionSpec* TableMetadata::FindSpec(int id) const {
  for (const PartitionSpec& s : specs_) {
    if (s.id == id) return &s;
  }
  return nullptr;
}

const Snapshot* TableMetadata::FindSnapshot(int64_t id) const {
  // The newest are asked for most.
  for (auto at = snapshots_.rbegin(); at != snapshots_.rend(); ++at) {
    if (at->id == id) return &*at;
  }
  return nullptr;
}

std::vector<std::string> TableMetadata::PreviousMetadata() const {
  std::vector<std::string> files;
  for (const LogEntry& entry : metadata_log_) files.push_back(entry.what);
  return files;
}

void TableMetadata::SetSchema(Schema schema, int last_column_id) {
  last_column_id_ = std::max(last_column_id_, last_column_id);
  for (const Schema& known : schemas_) {
    if (!known.SameShape(schema)) continue;
    current_schema_id_ = known.id;
    return;
  }
  int next_id = 0;
  for (const Schema& known : schemas_) next_id = std::max(next_id, known.id + 1);
  schema.id = next_id;
  current_schema_id_ = next_id;
  schemas_.push_back(std::move(schema));
}

void TableMetadata::SetProperty(const std::string& name, std::string value) {
  properties_[name] = std::move(value);
}

void TableMetadata::RemoveSnapshots(const std::set<int64_t>& ids) {
  std::set<int64_t> gone = ids;
  gone.erase(current_snapshot_id_);
  for (const auto& [name, id] : refs_) gone.erase(id);
  auto is_gone = [&](const Snapshot& s) { return gone.contains(s.id); };
  std::erase_if(snapshots_, is_gone);
  // History before a snapshot that is gone is gone too: a reader that asks for the table
  // as of a time must not be led to an older one than was current.
  auto last = std::find_if(
      snapshot_log_.rbegin(), snapshot_log_.rend(),
      [&](const LogEntry& e) { return gone.contains(ToNumber(e.what, -1)); });
  snapshot_log_.erase(snapshot_log_.begin(), last.base());
  DropStatistics(gone);
}

std::vector<std::string> TableMetadata::LogPrevious(const std::string& location,
                                                    int64_t written_ms) {
  metadata_log_.push_back({written_ms, location});
  const auto most = static_cast<size_t>(std::max<int64_t>(
      1, Property("write.metadata.previous-versions-max", kPreviousVersions)));
  std::vector<std::string> fell_out;
  while (metadata_log_.size() > most) {
    fell_out.push_back(metadata_log_.front().what);
    metadata_log_.erase(metadata_log_.begin());
  }
  return fell_out;
}

void TableMetadata::Touch(int64_t now_ms) {
  // Readers refuse metadata that goes back in time, so a clock that jumped does not show.
  last_updated_ms_ = std::max(now_ms, last_updated_ms_);
}

}  // namespace leat::iceberg
