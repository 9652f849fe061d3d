#include "connectors/iceberg/metadata/manifest_list.h"

#include "format/avro_reader.h"
#include "format/avro_writer.h"

namespace leat::iceberg {
namespace {

constexpr std::string_view kSchema =
    R"({"type":"record","name":"manifest_file","fields":[)"
    R"({"name":"manifest_path","type":"string","field-id":500},)"
    R"({"name":"manifest_length","type":"long","field-id":501},)"
    R"({"name":"partition_spec_id","type":"int","field-id":502},)"
    R"({"name":"content","type":"int","field-id":517},)"
    R"({"name":"sequence_number","type":"long","field-id":515},)"
    R"({"name":"min_sequence_number","type":"long","field-id":516},)"
    R"({"name":"added_snapshot_id","type":"long","field-id":503},)"
    R"({"name":"added_files_count","type":"int","field-id":504},)"
    R"({"name":"existing_files_count","type":"int","field-id":505},)"
    R"({"name":"deleted_files_count","type":"int","field-id":506},)"
    R"({"name":"added_rows_count","type":"long","field-id":512},)"
    R"({"name":"existing_rows_count","type":"long","field-id":513},)"
    R"({"name":"deleted_rows_count","type":"long","field-id":514},)"
    R"({"name":"partitions","type":["null",{"type":"array","items":)"
    R"({"type":"record","name":"r508","fields":[)"
    R"({"name":"contains_null","type":"boolean","field-id":509},)"
    R"({"name":"contains_nan","type":["null","boolean"],"default":null,"field-id":518},)"
    R"({"name":"lower_bound","type":["null","bytes"],"default":null,"field-id":510},)"
    R"({"name":"upper_bound","type":["null","bytes"],"default":null,"field-id":511}]},)"
    R"("element-id":508}],"default":null,"field-id":507},)"
    R"({"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":519}]})";

void WriteOptionalBytes(AvroEncoder& out, const std::optional<Binary>& value) {
  out.Branch(value.has_value());
  if (value) out.Bytes(*value);
}

void WriteOne(AvroEncoder& out, const ManifestFile& m) {
  out.String(m.path);
  out.Long(m.length);
  out.Long(m.spec_id);
  out.Long(static_cast<int>(m.content));
  out.Long(m.sequence_number);
  out.Long(m.min_sequence_number);
  out.Long(m.added_snapshot_id);
  for (int count : {m.added_files, m.existing_files, m.deleted_files}) out.Long(count);
  for (int64_t rows : {m.added_rows, m.existing_rows, m.deleted_rows}) out.Long(rows);
  out.Branch(true);
  out.BeginBlock(m.partitions.size());
  for (const FieldSummary& field : m.partitions) {
    out.Bool(field.contains_null);
    out.Branch(field.contains_nan.has_value());
    if (field.contains_nan) out.Bool(*field.contains_nan);
    WriteOptionalBytes(out, field.lower);
    WriteOptionalBytes(out, field.upper);
  }
  out.EndBlock();
  WriteOptionalBytes(out, m.key_metadata);
}

// Finds fields by their Iceberg id in records of whatever writer.
class ListReader {
 public:
  explicit ListReader(const AvroSchema& schema) : schema_(schema) {}

  Result<ManifestFile> Read(const AvroValue& record) const {
    ManifestFile m;
    if (record.items.empty() || !Get(record, 500, "manifest_path")) {
      return Status::Config("not an Iceberg manifest list");
    }
    m.path = Get(record, 500, "manifest_path")->bytes;
    m.length = Integer(record, 501, "manifest_length");
    m.spec_id = static_cast<int>(Integer(record, 502, "partition_spec_id"));
    m.content = Integer(record, 517, "content") == 1 ? ManifestContent::kDeletes
                                                     : ManifestContent::kData;
    m.sequence_number = Integer(record, 515, "sequence_number");
    m.min_sequence_number = Integer(record, 516, "min_sequence_number");
    m.added_snapshot_id = Integer(record, 503, "added_snapshot_id");
    m.added_files = static_cast<int>(Integer(record, 504, "added_files_count"));
    m.existing_files = static_cast<int>(Integer(record, 505, "existing_files_count"));
    m.deleted_files = static_cast<int>(Integer(record, 506, "deleted_files_count"));
    m.added_rows = Integer(record, 512, "added_rows_count");
    m.existing_rows = Integer(record, 513, "existing_rows_count");
    m.deleted_rows = Integer(record, 514, "deleted_rows_count");
    if (const AvroValue* key = Get(record, 519, "key_metadata"); key && !key->null()) {
      m.key_metadata = std::string(key->bytes);
    }
    ReadPartitions(record, &m);
    return m;
  }

 private:
  const AvroValue* Get(const AvroValue& record, int id, std::string_view name) const {
    int at = schema_.FindChild(schema_.root, id, name);
    return at < 0 ? nullptr : &record.items[static_cast<size_t>(at)];
  }
  int64_t Integer(const AvroValue& record, int id, std::string_view name) const {
    const AvroValue* value = Get(record, id, name);
    return value ? value->integer : 0;
  }

  void ReadPartitions(const AvroValue& record, ManifestFile* m) const {
    int at = schema_.FindChild(schema_.root, 507, "partitions");
    if (at < 0) return;
    const auto node_of = [&](int node) -> const AvroNode& {
      return schema_.nodes[static_cast<size_t>(node)];
    };
    int list =
        schema_.Resolve(node_of(schema_.root).children[static_cast<size_t>(at)].node);
    if (node_of(list).kind != AvroNode::Kind::kArray) return;
    int item = schema_.Resolve(node_of(list).children[0].node);
    for (const AvroValue& value : record.items[static_cast<size_t>(at)].items) {
      auto get = [&](int id, std::string_view name) -> const AvroValue* {
        int field = schema_.FindChild(item, id, name);
        if (field < 0 || static_cast<size_t>(field) >= value.items.size()) return nullptr;
        const AvroValue* found = &value.items[static_cast<size_t>(field)];
        return found->null() ? nullptr : found;
      };
      FieldSummary& summary = m->partitions.emplace_back();
      if (auto* v = get(509, "contains_null")) summary.contains_null = v->integer != 0;
      if (auto* v = get(518, "contains_nan")) summary.contains_nan = v->integer != 0;
      if (auto* v = get(510, "lower_bound")) summary.lower = std::string(v->bytes);
      if (auto* v = get(511, "upper_bound")) summary.upper = std::string(v->bytes);
    }
  }

  const AvroSchema& schema_;
};

}  // namespace

Result<std::string> EncodeManifestList(int64_t snapshot_id, int64_t parent_id,
                                       int64_t sequence_number,
                                       std::span<const ManifestFile> manifests) {
  AvroWriter writer(kSchema,
                    {{"snapshot-id", std::to_string(snapshot_id)},
                     {"parent-snapshot-id",
                      parent_id < 0 ? std::string("null") : std::to_string(parent_id)},
                     {"sequence-number", std::to_string(sequence_number)},
                     {"format-version", "2"}});
  for (const ManifestFile& manifest : manifests) {
    if (manifest.sequence_number < 0 || manifest.min_sequence_number < 0) {
      return Status::Bug("a manifest list with a manifest without a sequence number");
    }
    WriteOne(writer.record(), manifest);
    writer.EndRecord();
  }
  return writer.Finish();
}

Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes) {
  ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Make(bytes));
  std::vector<ManifestFile> manifests;
  ListReader list(reader.schema());
  RETURN_IF_ERROR(reader.ForEach([&](const AvroValue& record) -> Status {
    ASSIGN_OR_RETURN(ManifestFile manifest, list.Read(record));
    manifests.push_back(std::move(manifest));
    return Status::Ok();
  }));
  return manifests;
}

}  // namespace leat::iceberg
