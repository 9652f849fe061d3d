#include "connectors/iceberg/metadata/manifest.h"

#include <fmt/format.h>

#include "connectors/iceberg/metadata/manifest_schema.h"
#include "core/json.h"
#include "format/avro_reader.h"
#include "format/avro_writer.h"

namespace leat::iceberg {
namespace {

using EntryStatus = ManifestEntry::Status;

void WriteOptionalLong(AvroEncoder& out, const std::optional<int64_t>& value) {
  out.Branch(value.has_value());
  if (value) out.Long(*value);
}

template <typename T>
void WriteMap(AvroEncoder& out, const std::map<int, T>& map, bool even_empty = false) {
  out.Branch(even_empty || !map.empty());
  if (map.empty() && !even_empty) return;
  out.BeginBlock(map.size());
  for (const auto& [id, value] : map) {
    out.Long(id);
    if constexpr (std::is_same_v<T, Binary>) {
      out.Bytes(value);
    } else {
      out.Long(value);
    }
  }
  out.EndBlock();
}

template <typename T>
void WriteList(AvroEncoder& out, const std::vector<T>& list) {
  out.Branch(!list.empty());
  if (list.empty()) return;
  out.BeginBlock(list.size());
  for (T value : list) out.Long(value);
  out.EndBlock();
}

void WriteDataFile(AvroEncoder& out, const DataFile& file,
                   const std::vector<Type>& partition_types) {
  out.Long(static_cast<int>(file.content));
  out.String(file.path);
  out.String(file.format);
  for (size_t i = 0; i < partition_types.size(); i++) {
    EncodePartitionValue(partition_types[i], file.partition[i], &out);
  }
  out.Long(file.record_count);
  out.Long(file.file_size);
  // Present even when empty: PyIceberg's metadata tables cannot do without it.
  WriteMap(out, file.column_sizes, /*even_empty=*/true);
  WriteMap(out, file.value_counts);
  WriteMap(out, file.null_value_counts);
  WriteMap(out, file.nan_value_counts);
  WriteMap(out, file.lower_bounds);
  WriteMap(out, file.upper_bounds);
  out.Branch(false);  // key_metadata: nothing is encrypted
  WriteList(out, file.split_offsets);
  WriteList(out, file.equality_ids);
  out.Branch(file.sort_order_id.has_value());
  if (file.sort_order_id) out.Long(*file.sort_order_id);
  out.Branch(file.referenced_data_file.has_value());
  if (file.referenced_data_file) out.String(*file.referenced_data_file);
}

bool IsNan(const Type& type, const Binary& value) {
  if (type.id == TypeId::kFloat && value.size() == sizeof(float)) {
    float f;
    std::memcpy(&f, value.data(), sizeof(f));
    return f != f;
  }
  if (type.id == TypeId::kDouble && value.size() == sizeof(double)) {
    double d;
    std::memcpy(&d, value.data(), sizeof(d));
    return d != d;
  }
  return false;
}

void Summarise(const std::vector<Type>& types, const DataFile& file,
               ManifestFile* summary) {
  for (size_t i = 0; i < types.size(); i++) {
    FieldSummary& field = summary->partitions[i];
    const std::optional<Binary>& value = file.partition[i];
    if (!value) {
      field.contains_null = true;
    } else if (IsNan(types[i], *value)) {
      field.contains_nan = true;
    } else {
      if (!field.lower || CompareBinary(types[i], *value, *field.lower) < 0) {
        field.lower = *value;
      }
      if (!field.upper || CompareBinary(types[i], *value, *field.upper) > 0) {
        field.upper = *value;
      }
    }
  }
}

void Count(const ManifestEntry& entry, ManifestFile* summary) {
  const int64_t rows = entry.file.record_count;
  switch (entry.status) {
    case EntryStatus::kAdded:
      summary->added_files++;
      summary->added_rows += rows;
      break;
    case EntryStatus::kExisting:
      summary->existing_files++;
      summary->existing_rows += rows;
      break;
    case EntryStatus::kDeleted:
      summary->deleted_files++;
      summary->deleted_rows += rows;
      return;
  }
  if (!entry.sequence_number) return;
  int64_t& least = summary->min_sequence_number;
  if (least < 0 || *entry.sequence_number < least) least = *entry.sequence_number;
}

// Reads entries of any writer by the ids of the spec.
class EntryReader {
 public:
  static Result<EntryReader> Make(const AvroSchema& schema) {
    EntryReader reader(schema);
    int data_file = schema.FindChild(schema.root, 2, "data_file");
    if (data_file < 0) return Status::Config("not an Iceberg manifest");
    reader.data_file_ = data_file;
    reader.file_node_ = schema.Resolve(reader.ChildNode(schema.root, data_file));
    if (schema.FindChild(reader.file_node_, 100, "file_path") < 0) {
      return Status::Config("not an Iceberg manifest");
    }
    int partition = schema.FindChild(reader.file_node_, 102, "partition");
    if (partition >= 0) {
      reader.partition_node_ =
          schema.Resolve(reader.ChildNode(reader.file_node_, partition));
    }
    return reader;
  }

  Result<ManifestEntry> Read(const AvroValue& record) const {
    ManifestEntry entry;
    int64_t status = Integer(Get(schema_.root, record, 0, "status")).value_or(1);
    if (status < 0 || status > 2) return Status::Config("a manifest with a wrong status");
    entry.status = static_cast<EntryStatus>(status);
    entry.snapshot_id = Integer(Get(schema_.root, record, 1, "snapshot_id"));
    entry.sequence_number = Integer(Get(schema_.root, record, 3, "sequence_number"));
    entry.file_sequence_number =
        Integer(Get(schema_.root, record, 4, "file_sequence_number"));
    ReadFile(record.items[static_cast<size_t>(data_file_)], &entry.file);
    return entry;
  }

 private:
  explicit EntryReader(const AvroSchema& schema) : schema_(schema) {}

  int ChildNode(int node, int child) const {
    return schema_.nodes[static_cast<size_t>(node)]
        .children[static_cast<size_t>(child)]
        .node;
  }

  // nullptr: no such field, or null.
  const AvroValue* Get(int node, const AvroValue& record, int id,
                       std::string_view name) const {
    int at = schema_.FindChild(node, id, name);
    if (at < 0 || static_cast<size_t>(at) >= record.items.size()) return nullptr;
    const AvroValue* value = &record.items[static_cast<size_t>(at)];
    return value->null() ? nullptr : value;
  }
  static std::optional<int64_t> Integer(const AvroValue* value) {
    if (!value) return std::nullopt;
    return value->integer;
  }

  template <typename T>
  void ReadMap(const AvroValue& record, int id, std::string_view name,
               std::map<int, T>* map) const {
    const AvroValue* list = Get(file_node_, record, id, name);
    if (!list) return;
    for (const AvroValue& pair : list->items) {
      if (pair.items.size() != 2) continue;
      const int key = static_cast<int>(pair.items[0].integer);
      if constexpr (std::is_same_v<T, Binary>) {
        map->emplace(key, pair.items[1].bytes);
      } else {
        map->emplace(key, pair.items[1].integer);
      }
    }
  }

  void ReadFile(const AvroValue& record, DataFile* file) const {
    auto get = [&](int id, std::string_view name) {
      return Get(file_node_, record, id, name);
    };
    file->content =
        static_cast<DataFile::Content>(Integer(get(134, "content")).value_or(0) & 3);
    if (auto* v = get(100, "file_path")) file->path = v->bytes;
    if (auto* v = get(101, "file_format")) file->format = v->bytes;
    ReadPartition(get(102, "partition"), file);
    file->record_count = Integer(get(103, "record_count")).value_or(0);
    file->file_size = Integer(get(104, "file_size_in_bytes")).value_or(0);
    ReadMap(record, 108, "column_sizes", &file->column_sizes);
    ReadMap(record, 109, "value_counts", &file->value_counts);
    ReadMap(record, 110, "null_value_counts", &file->null_value_counts);
    ReadMap(record, 137, "nan_value_counts", &file->nan_value_counts);
    ReadMap(record, 125, "lower_bounds", &file->lower_bounds);
    ReadMap(record, 128, "upper_bounds", &file->upper_bounds);
    if (auto* v = get(132, "split_offsets")) {
      for (const AvroValue& o : v->items) file->split_offsets.push_back(o.integer);
    }
    if (auto* v = get(135, "equality_ids")) {
      for (const AvroValue& i : v->items) {
        file->equality_ids.push_back(static_cast<int>(i.integer));
      }
    }
    if (auto* v = get(140, "sort_order_id")) {
      file->sort_order_id = static_cast<int>(v->integer);
    }
    if (auto* v = get(143, "referenced_data_file")) {
      file->referenced_data_file = std::string(v->bytes);
    }
  }

  void ReadPartition(const AvroValue* tuple, DataFile* file) const {
    if (!tuple || partition_node_ < 0) return;
    const AvroNode& type = schema_.nodes[static_cast<size_t>(partition_node_)];
    for (size_t i = 0; i < tuple->items.size() && i < type.children.size(); i++) {
      file->partition.push_back(
          DecodePartitionValue(schema_, type.children[i].node, tuple->items[i]));
    }
  }

  const AvroSchema& schema_;
  int data_file_ = 0;
  int file_node_ = 0;
  int partition_node_ = -1;
};

void Inherit(const ManifestFile& from, ManifestEntry* entry) {
  if (!entry->snapshot_id) entry->snapshot_id = from.added_snapshot_id;
  if (entry->status == EntryStatus::kAdded) {
    if (!entry->sequence_number) entry->sequence_number = from.sequence_number;
    if (!entry->file_sequence_number) entry->file_sequence_number = from.sequence_number;
  }
  entry->file.spec_id = from.spec_id;
}

}  // namespace

Result<std::string> EncodeManifest(const Schema& schema, const PartitionSpec& spec,
                                   ManifestContent content,
                                   std::span<const ManifestEntry> entries,
                                   ManifestFile* summary) {
  ASSIGN_OR_RETURN(std::vector<Type> types, spec.ResultTypes(schema));
  AvroWriter writer(
      ManifestAvroSchema(spec, types),
      {{"schema", DumpJson(schema.ToJson())},
       {"schema-id", std::to_string(schema.id)},
       {"partition-spec", DumpJson(spec.ToJson()["fields"])},
       {"partition-spec-id", std::to_string(spec.id)},
       {"format-version", "2"},
       {"content", content == ManifestContent::kData ? "data" : "deletes"}});
  *summary = ManifestFile();
  summary->spec_id = spec.id;
  summary->content = content;
  summary->partitions.resize(types.size());
  for (size_t i = 0; i < types.size(); i++) {
    bool real = types[i].id == TypeId::kFloat || types[i].id == TypeId::kDouble;
    if (real) summary->partitions[i].contains_nan = false;
  }
  for (const ManifestEntry& entry : entries) {
    if (entry.file.partition.size() != types.size()) {
      return Status::Bug(fmt::format("{} has {} partition values, its spec {}",
                                     entry.file.path, entry.file.partition.size(),
                                     types.size()));
    }
    AvroEncoder& out = writer.record();
    out.Long(static_cast<int>(entry.status));
    WriteOptionalLong(out, entry.snapshot_id);
    WriteOptionalLong(out, entry.sequence_number);
    WriteOptionalLong(out, entry.file_sequence_number);
    WriteDataFile(out, entry.file, types);
    writer.EndRecord();
    Count(entry, summary);
    Summarise(types, entry.file, summary);
  }
  std::string bytes = writer.Finish();
  summary->length = static_cast<int64_t>(bytes.size());
  return bytes;
}

Result<std::vector<ManifestEntry>> DecodeManifest(std::string_view bytes,
                                                  const ManifestFile& file) {
  ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Make(bytes));
  ASSIGN_OR_RETURN(EntryReader entries, EntryReader::Make(reader.schema()));
  std::vector<ManifestEntry> read;
  RETURN_IF_ERROR(reader.ForEach([&](const AvroValue& record) -> Status {
    ASSIGN_OR_RETURN(ManifestEntry entry, entries.Read(record));
    Inherit(file, &entry);
    read.push_back(std::move(entry));
    return Status::Ok();
  }));
  return read;
}

Result<std::vector<ManifestEntry>> ReadManifest(FileIo& files, const ManifestFile& file) {
  ASSIGN_OR_RETURN(std::string bytes, files.Read(file.path));
  auto entries = DecodeManifest(bytes, file);
  if (!entries.ok()) return entries.status().Within("reading " + file.path);
  return entries;
}

}  // namespace leat::iceberg
