// TableMetadata: an Iceberg table's metadata JSON, format v2.
//
// What this program does not understand is kept as it was read. Snapshots, schemas and
// specs keep their JSON text, so that writing the metadata of a table with hundreds of
// snapshots joins strings. A value: copy, change the copy, hand it to the catalog.
// Errors: kConfig for a format this program cannot write, or for text that is no
// metadata.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/partition_spec.h"
#include "connectors/iceberg/metadata/schema.h"

namespace leat::iceberg {

struct Snapshot {
  int64_t id = -1;
  int64_t parent_id = -1;  // -1: none
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;
  std::map<std::string, std::string> summary;  // "operation" among them
  int schema_id = 0;
  std::string text;  // its JSON; made by TableMetadata::AddSnapshot for a new one

  // The summary's number of that name, 0 when there is none.
  int64_t Number(const std::string& name) const;
};

class TableMetadata {
 public:
  static Result<TableMetadata> Parse(std::string_view json);
  static TableMetadata New(const Schema& schema, const PartitionSpec& spec,
                           std::string location,
                           std::map<std::string, std::string> properties, int64_t now_ms);
  std::string ToJson() const;

  const std::string& uuid() const { return uuid_; }
  const std::string& location() const { return location_; }
  int64_t last_sequence_number() const { return last_sequence_number_; }
  int64_t last_updated_ms() const { return last_updated_ms_; }
  int last_column_id() const { return last_column_id_; }
  const std::map<std::string, std::string>& properties() const { return properties_; }
  std::string Property(const std::string& name, std::string fallback) const;
  int64_t Property(const std::string& name, int64_t fallback) const;

  // Where new files go, after the write.*.path properties.
  std::string data_folder() const;
  std::string metadata_folder() const;

  const Schema& schema() const;       // the current one
  const PartitionSpec& spec() const;  // the default one
  const Schema* FindSchema(int id) const;
  const PartitionSpec* FindSpec(int id) const;

  int64_t current_snapshot_id() const { return current_snapshot_id_; }  // -1: none
  const Snapshot* current_snapshot() const { return FindSnapshot(current_snapshot_id_); }
  const Snapshot* FindSnapshot(int64_t id) const;
  const std::vector<Snapshot>& snapshots() const { return snapshots_; }
  // Name -> snapshot of branches and tags; "main" is the table.
  const std::map<std::string, int64_t>& refs() const { return refs_; }
  // Older metadata files, oldest first.
  std::vector<std::string> PreviousMetadata() const;

  // The table as of `snapshot`: its sequence number must be the next one.
  void AddSnapshot(Snapshot snapshot);
  // Current from now on; an equal one that is there already is used again.
  void SetSchema(Schema schema, int last_column_id);
  void SetProperty(const std::string& name, std::string value);
  void RemoveProperty(const std::string& name) { properties_.erase(name); }
  // Never the current one nor one a branch or tag names: those are left alone.
  void RemoveSnapshots(const std::set<int64_t>& ids);
  // Called by catalogs: `location` was the metadata before this one. Answers what fell
  // out of the log of write.metadata.previous-versions-max entries.
  std::vector<std::string> LogPrevious(const std::string& location, int64_t written_ms);
  void Touch(int64_t now_ms);

 private:
  struct Texted {
    int id;
    std::string text;
  };
  struct LogEntry {
    int64_t timestamp_ms;
    std::string what;  // a metadata file, or a snapshot id
  };

  Status ReadShape(nlohmann::json& json);
  Status ReadHistory(nlohmann::json& json);
  void DropStatistics(const std::set<int64_t>& snapshots);

  std::string uuid_;
  std::string location_;
  int64_t last_sequence_number_ = 0;
  int64_t last_updated_ms_ = 0;
  int last_column_id_ = 0;
  int current_schema_id_ = 0;
  int default_spec_id_ = 0;
  int64_t current_snapshot_id_ = -1;
  std::map<std::string, std::string> properties_;
  std::vector<Schema> schemas_;
  std::vector<PartitionSpec> specs_;
  std::vector<Texted> schema_texts_;
  std::vector<Texted> spec_texts_;
  std::vector<Snapshot> snapshots_;
  std::map<std::string, int64_t> refs_;
  std::map<std::string, std::string> ref_texts_;  // as read, with its retention
  std::vector<LogEntry> snapshot_log_;
  std::vector<LogEntry> metadata_log_;
  std::map<std::string, std::string> other_;  // top-level fields kept as text
};

}  // namespace leat::iceberg
