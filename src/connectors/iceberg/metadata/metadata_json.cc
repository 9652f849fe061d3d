#include <fmt/format.h>

#include <algorithm>

#include "connectors/iceberg/metadata/metadata.h"
#include "connectors/iceberg/metadata/uuid.h"
#include "core/json.h"
#include "format/json_number.h"

namespace leat::iceberg {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 2;

Snapshot ReadSnapshot(const Json& json) {
  Snapshot s;
  s.id = JsonNumber(json.at("snapshot-id"));
  if (json.contains("parent-snapshot-id") && !json["parent-snapshot-id"].is_null()) {
    s.parent_id = JsonNumber(json["parent-snapshot-id"]);
  }
  s.sequence_number = JsonNumber(json, "sequence-number", int64_t{0});
  s.timestamp_ms = JsonNumber(json.at("timestamp-ms"));
  s.manifest_list = json.value("manifest-list", "");
  s.summary = json.value("summary", std::map<std::string, std::string>());
  s.schema_id = JsonNumber<int>(json, "schema-id", 0);
  s.text = DumpJson(json);
  return s;
}

std::string WriteSnapshot(const Snapshot& s) {
  Json json = {{"snapshot-id", s.id},
               {"sequence-number", s.sequence_number},
               {"timestamp-ms", s.timestamp_ms},
               {"manifest-list", s.manifest_list},
               {"summary", s.summary},
               {"schema-id", s.schema_id}};
  if (s.parent_id >= 0) json["parent-snapshot-id"] = s.parent_id;
  return DumpJson(json);
}

// "[a,b]"
template <typename List, typename ToText>
std::string Join(const List& list, ToText to_text) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out += ',';
    out += to_text(item);
  }
  return out + "]";
}

Status CheckFormat(const Json& json) {
  int format = JsonNumber<int>(json.at("format-version"));
  if (format == kFormat) return Status::Ok();
  return Status::Config(fmt::format(
      "The table is of Iceberg format v{}, and only v2 is written; {}", format,
      format < kFormat ? "upgrade it by setting its property format-version to 2"
                       : "let a new table be made"));
}

}  // namespace

Result<TableMetadata> TableMetadata::Parse(std::string_view text) {
  try {
    Json json = ParseJson<Json>(text);
    RETURN_IF_ERROR(CheckFormat(json));
    TableMetadata m;
    RETURN_IF_ERROR(m.ReadShape(json));
    RETURN_IF_ERROR(m.ReadHistory(json));
    for (auto& [name, value] : json.items()) m.other_[name] = DumpJson(value);
    return m;
  } catch (const Json::exception& error) {
    return Status::Config(std::string("Not Iceberg table metadata: ") + error.what());
  }
}

// Takes out of `json` what it understands; may throw what nlohmann throws.
Status TableMetadata::ReadShape(Json& json) {
  uuid_ = json.at("table-uuid").get<std::string>();
  location_ = json.at("location").get<std::string>();
  while (location_.size() > 1 && location_.back() == '/') location_.pop_back();
  last_sequence_number_ = JsonNumber(json.at("last-sequence-number"));
  last_updated_ms_ = JsonNumber(json.at("last-updated-ms"));
  last_column_id_ = JsonNumber<int>(json.at("last-column-id"));
  current_schema_id_ = JsonNumber<int>(json.at("current-schema-id"));
  default_spec_id_ = JsonNumber<int>(json.at("default-spec-id"));
  properties_ = json.value("properties", properties_);
  for (const Json& item : json.at("schemas")) {
    ASSIGN_OR_RETURN(Schema schema, Schema::FromJson(item));
    schema_texts_.push_back({schema.id, DumpJson(item)});
    schemas_.push_back(std::move(schema));
  }
  for (const Json& item : json.at("partition-specs")) {
    ASSIGN_OR_RETURN(PartitionSpec spec, PartitionSpec::FromJson(item));
    spec_texts_.push_back({spec.id, DumpJson(item)});
    specs_.push_back(std::move(spec));
  }
  if (!FindSchema(current_schema_id_) || !FindSpec(default_spec_id_)) {
    return Status::Config("Iceberg table metadata without its current schema or spec");
  }
  for (const char* name :
       {"format-version", "table-uuid", "location", "last-sequence-number",
        "last-updated-ms", "last-column-id", "current-schema-id", "default-spec-id",
        "properties", "schemas", "partition-specs"}) {
    json.erase(name);
  }
  return Status::Ok();
}

Status TableMetadata::ReadHistory(Json& json) {
  if (json.contains("current-snapshot-id") && !json["current-snapshot-id"].is_null()) {
    current_snapshot_id_ = JsonNumber(json["current-snapshot-id"]);
  }
  if (json.contains("snapshots")) {
    for (const Json& item : json["snapshots"]) snapshots_.push_back(ReadSnapshot(item));
  }
  if (json.contains("refs")) {
    for (auto& [name, ref] : json["refs"].items()) {
      refs_[name] = JsonNumber(ref.at("snapshot-id"));
      ref_texts_[name] = DumpJson(ref);
    }
  }
  if (json.contains("snapshot-log")) {
    for (const Json& entry : json["snapshot-log"]) {
      snapshot_log_.push_back({JsonNumber(entry.at("timestamp-ms")),
                               std::to_string(JsonNumber(entry.at("snapshot-id")))});
    }
  }
  if (json.contains("metadata-log")) {
    for (const Json& entry : json["metadata-log"]) {
      metadata_log_.push_back({JsonNumber(entry.at("timestamp-ms")),
                               entry.at("metadata-file").get<std::string>()});
    }
  }
  if (current_snapshot_id_ >= 0 && !current_snapshot()) {
    return Status::Config("Iceberg table metadata without its current snapshot");
  }
  for (const char* name :
       {"current-snapshot-id", "snapshots", "refs", "snapshot-log", "metadata-log"}) {
    json.erase(name);
  }
  return Status::Ok();
}

TableMetadata TableMetadata::New(const Schema& schema, const PartitionSpec& spec,
                                 std::string location,
                                 std::map<std::string, std::string> properties,
                                 int64_t now_ms) {
  TableMetadata m;
  m.uuid_ = NewUuid();
  m.location_ = std::move(location);
  m.properties_ = std::move(properties);
  m.last_updated_ms_ = now_ms;
  m.last_column_id_ = schema.MaxId();
  m.schemas_.push_back(schema);
  m.schemas_.back().id = 0;
  m.specs_.push_back(spec);
  m.specs_.back().id = 0;
  int last_partition_id = 999;
  for (const PartitionField& f : spec.fields) {
    last_partition_id = std::max(last_partition_id, f.field_id);
  }
  m.other_["last-partition-id"] = std::to_string(last_partition_id);
  m.other_["sort-orders"] = R"([{"order-id":0,"fields":[]}])";
  m.other_["default-sort-order-id"] = "0";
  return m;
}

void TableMetadata::AddSnapshot(Snapshot snapshot) {
  last_sequence_number_ = snapshot.sequence_number;
  current_snapshot_id_ = snapshot.id;
  refs_["main"] = snapshot.id;
  snapshot_log_.push_back({snapshot.timestamp_ms, std::to_string(snapshot.id)});
  snapshot.text = WriteSnapshot(snapshot);
  snapshots_.push_back(std::move(snapshot));
}

// Statistics of a snapshot that is gone point to nothing.
void TableMetadata::DropStatistics(const std::set<int64_t>& snapshots) {
  for (const char* name : {"statistics", "partition-statistics"}) {
    auto found = other_.find(name);
    if (found == other_.end() || found->second == "[]") continue;
    Json kept = Json::array();
    for (Json& item : ParseJson<Json>(found->second)) {
      auto id = item.is_object() ? item.find("snapshot-id") : item.end();
      const bool gone = id != item.end() && id->is_number_integer() &&
                        snapshots.contains(id->get<int64_t>());
      if (!gone) kept.push_back(std::move(item));
    }
    found->second = DumpJson(kept);
  }
}

std::string TableMetadata::ToJson() const {
  auto quoted = [](const std::string& text) { return DumpJson(Json(text)); };
  auto text_of = [](const std::vector<Texted>& texts, int id) -> const std::string* {
    for (const Texted& t : texts) {
      if (t.id == id) return &t.text;
    }
    return nullptr;
  };
  std::string out = fmt::format(
      R"({{"format-version":{},"table-uuid":{},"location":{},"last-sequence-number":{},)"
      R"("last-updated-ms":{},"last-column-id":{},"current-schema-id":{},"schemas":)",
      kFormat, quoted(uuid_), quoted(location_), last_sequence_number_, last_updated_ms_,
      last_column_id_, current_schema_id_);
  out += Join(schemas_, [&](const Schema& s) {
    const std::string* text = text_of(schema_texts_, s.id);
    return text ? *text : DumpJson(s.ToJson());
  });
  out += fmt::format(R"(,"default-spec-id":{},"partition-specs":)", default_spec_id_);
  out += Join(specs_, [&](const PartitionSpec& s) {
    const std::string* text = text_of(spec_texts_, s.id);
    return text ? *text : DumpJson(s.ToJson());
  });
  out += ",\"properties\":" + DumpJson(Json(properties_));
  if (current_snapshot_id_ >= 0) {
    out += fmt::format(R"(,"current-snapshot-id":{})", current_snapshot_id_);
  }
  out += ",\"snapshots\":" + Join(snapshots_, [](const Snapshot& s) { return s.text; });
  Json refs = Json::object();
  for (const auto& [name, id] : refs_) {
    auto text = ref_texts_.find(name);
    refs[name] = text == ref_texts_.end() ? Json{{"type", "branch"}}
                                          : ParseJson<Json>(text->second);
    refs[name]["snapshot-id"] = id;
  }
  out += ",\"refs\":" + DumpJson(refs) + ",\"snapshot-log\":";
  out += Join(snapshot_log_, [](const LogEntry& e) {
    return fmt::format(R"({{"timestamp-ms":{},"snapshot-id":{}}})", e.timestamp_ms,
                       e.what);
  });
  out += ",\"metadata-log\":" + Join(metadata_log_, [&](const LogEntry& e) {
           return fmt::format(R"({{"timestamp-ms":{},"metadata-file":{}}})",
                              e.timestamp_ms, quoted(e.what));
         });
  for (const auto& [name, text] : other_) out += "," + quoted(name) + ":" + text;
  return out + "}";
}

}  // namespace leat::iceberg
