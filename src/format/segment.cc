#include "format/segment.h"

#include <arrow/array.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/compression.h>

#include <cstring>

#include "base/bytes.h"
#include "core/json.h"

// A segment is a length and a head in JSON, then blocks, each a message of Arrow's IPC
// (without its schema, which the head names) at a multiple of kAlign. A chunk's first
// block has the schema's columns and, behind them, the chunk's own: _op, _seq and so on.
namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kAlign = 64;
constexpr std::string_view kMagic = "LSG1";

Status DamagedSegment(std::string_view why) {
  return Status::Config("a segment of a topic is damaged: " + std::string(why));
}

Status KeepingFailed(const arrow::Status& status) {
  return Status::Bug("keeping rows of a topic: " + status.ToString());
}

arrow::ipc::IpcWriteOptions WriteOptions() {
  static const std::shared_ptr<arrow::util::Codec> lz4 =
      arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME).ValueOr(nullptr);
  arrow::ipc::IpcWriteOptions options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  options.codec = lz4;
  return options;
}

arrow::ipc::IpcReadOptions ReadOptions() {
  arrow::ipc::IpcReadOptions options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  return options;
}

// A column over the memory of a vector, which outlives it.
template <typename Array, typename T>
std::shared_ptr<arrow::Array> ArrayOver(const std::vector<T>& values) {
  return std::make_shared<Array>(static_cast<int64_t>(values.size()),
                                 arrow::Buffer::Wrap(values));
}

template <typename T>
std::vector<T> ToVector(const arrow::Array& array) {
  std::vector<T> values(static_cast<size_t>(array.length()));
  if (!values.empty()) {
    std::memcpy(values.data(), array.data()->GetValues<T>(1), values.size() * sizeof(T));
  }
  return values;
}

class ColumnSet {
 public:
  void Add(std::string name, std::shared_ptr<arrow::Array> column) {
    fields_.push_back(arrow::field(std::move(name), column->type()));
    columns_.push_back(std::move(column));
  }
  std::shared_ptr<arrow::RecordBatch> Batch(int64_t rows) const {
    return arrow::RecordBatch::Make(arrow::schema(fields_), rows, columns_);
  }
  const arrow::FieldVector& fields() const { return fields_; }
  const arrow::ArrayVector& columns() const { return columns_; }

 private:
  arrow::FieldVector fields_;
  arrow::ArrayVector columns_;
};

class Writer {
 public:
  explicit Writer(const KeepSchema& keep) : keep_(keep), options_(WriteOptions()) {}

  Result<std::string> Write(const Segment& segment) {
    Json head = {{"format", segment.format}};
    for (size_t i = 0; i < segment.chunks.size(); i++) {
      ASSIGN_OR_RETURN(Json chunk, WriteChunk(segment, i));
      head["chunks"].push_back(std::move(chunk));
    }
    for (const Event& event : segment.events) {
      ASSIGN_OR_RETURN(Json json, WriteEvent(event));
      head["events"].push_back(std::move(json));
    }
    if (segment.records) {
      ASSIGN_OR_RETURN(head["records"], WriteRecords(segment));
    }
    return Assemble(DumpJsonLossy(head));
  }

 private:
  Result<Json> WriteChunk(const Segment& segment, size_t number) {
    const Chunk& chunk = segment.chunks[number];
    ASSIGN_OR_RETURN(std::string schema, keep_(chunk.schema));
    ColumnSet own;
    own.Add("_op", std::make_shared<arrow::UInt8Array>(chunk.size(),
                                                       arrow::Buffer::Wrap(chunk.ops)));
    own.Add("_seq", ArrayOver<arrow::UInt32Array>(chunk.seq));
    if (!chunk.time.empty()) own.Add("_time", ArrayOver<arrow::Int64Array>(chunk.time));
    if (!segment.keys.empty()) own.Add("_key", segment.keys[number]);
    if (!segment.offsets.empty()) {
      own.Add("_offset", ArrayOver<arrow::Int64Array>(segment.offsets[number]));
    }
    for (size_t c = 0; c < chunk.absent.size(); c++) {
      if (!chunk.absent[c]) continue;
      own.Add("_absent" + std::to_string(c),
              std::make_shared<arrow::BooleanArray>(chunk.size(), chunk.absent[c]));
    }
    arrow::ArrayVector columns = chunk.rows->columns();
    columns.insert(columns.end(), own.columns().begin(), own.columns().end());
    arrow::FieldVector fields = chunk.schema->arrow->fields();
    if (fields.size() + own.fields().size() != columns.size()) {
      return Status::Bug("a chunk of " + chunk.schema->id.ToString() +
                         " does not have its schema's columns");
    }
    fields.insert(fields.end(), own.fields().begin(), own.fields().end());
    RETURN_IF_ERROR(AddBlock(*arrow::RecordBatch::Make(arrow::schema(std::move(fields)),
                                                       chunk.size(), columns)));
    Json json = {{"schema", schema}, {"before", chunk.before != nullptr}};
    for (const auto& field : own.fields()) json["own"].push_back(field->name());
    if (chunk.before) {
      if (chunk.before->num_columns() != chunk.schema->arrow->num_fields()) {
        return Status::Bug("rows of " + chunk.schema->id.ToString() +
                           " before updates do not have its schema's columns");
      }
      RETURN_IF_ERROR(AddBlock(*chunk.before));
    }
    if (chunk.meta) {
      auto meta = arrow::ipc::SerializeSchema(*chunk.meta->schema());
      if (!meta.ok()) return KeepingFailed(meta.status());
      blocks_.push_back(*meta);
      RETURN_IF_ERROR(AddBlock(*chunk.meta));
      json["meta"] = true;
    }
    return json;
  }

  Result<Json> WriteEvent(const Event& event) {
    Json json = {{"kind", static_cast<int>(event.kind)},
                 {"seq", event.seq},
                 {"table", Json::array({event.table.database, event.table.schema,
                                        event.table.table})},
                 {"statement", event.statement},
                 {"renamed_from", event.renamed_from}};
    if (event.schema) {
      ASSIGN_OR_RETURN(json["schema"], keep_(event.schema));
    }
    return json;
  }

  Result<Json> WriteRecords(const Segment& segment) {
    const Records& records = *segment.records;
    ColumnSet columns;
    columns.Add("key", records.keys);
    columns.Add("value", records.values);
    if (records.headers) columns.Add("headers", records.headers);
    columns.Add("timestamp", ArrayOver<arrow::Int64Array>(records.timestamps));
    if (!segment.offsets.empty()) {
      columns.Add("_offset", ArrayOver<arrow::Int64Array>(segment.offsets[0]));
    }
    RETURN_IF_ERROR(AddBlock(*columns.Batch(records.size())));
    return Json{{"topic", records.topic},
                {"headers", records.headers != nullptr},
                {"offsets", !segment.offsets.empty()}};
  }

  Status AddBlock(const arrow::RecordBatch& batch) {
    auto block = arrow::ipc::SerializeRecordBatch(batch, options_);
    if (!block.ok()) return KeepingFailed(block.status());
    blocks_.push_back(*std::move(block));
    return Status::Ok();
  }

  std::string Assemble(const std::string& head) {
    size_t size = kMagic.size() + 8 + head.size() + 8 * blocks_.size() + kAlign;
    for (const auto& block : blocks_) size += static_cast<size_t>(block->size()) + kAlign;
    std::string out;
    out.reserve(size);
    out += kMagic;
    Put(head.size(), &out);
    Put(blocks_.size(), &out);
    for (const auto& block : blocks_) Put(static_cast<size_t>(block->size()), &out);
    out += head;
    for (const auto& block : blocks_) {
      out.append((kAlign - out.size() % kAlign) % kAlign, '\0');
      out += std::string_view(*block);
    }
    return out;
  }

  static void Put(size_t value, std::string* out) {
    for (int i = 0; i < 4; i++) *out += static_cast<char>(value >> (8 * i));
  }

  const KeepSchema& keep_;
  const arrow::ipc::IpcWriteOptions options_;
  std::vector<std::shared_ptr<arrow::Buffer>> blocks_;
};

class Reader {
 public:
  Reader(const std::shared_ptr<arrow::Buffer>& bytes, const FindSchema& find)
      : bytes_(bytes), find_(find), options_(ReadOptions()) {}

  Result<Segment> Read() {
    ByteReader in{std::string_view(*bytes_)};
    if (in.Bytes(kMagic.size()) != kMagic)
      return DamagedSegment("it does not begin as one");
    const uint32_t head_size = in.U32();
    const uint32_t blocks = in.U32();
    if (in.failed() || blocks > in.left()) return DamagedSegment("it is cut off");
    for (uint32_t i = 0; i < blocks; i++) sizes_.push_back(in.U32());
    const std::string_view head = in.Bytes(head_size);
    if (in.failed()) return DamagedSegment("it is cut off");
    at_ = static_cast<size_t>(bytes_->size()) - in.left();
    try {
      return ReadAll(ParseJson<Json>(head));
    } catch (const nlohmann::json::exception& e) {
      return DamagedSegment(e.what());
    }
  }

 private:
  Result<Segment> ReadAll(const Json& head) {
    Segment segment;
    segment.format = head.at("format");
    for (const Json& json : head.value("chunks", Json::array())) {
      RETURN_IF_ERROR(ReadChunk(json, &segment));
    }
    for (const Json& json : head.value("events", Json::array())) {
      RETURN_IF_ERROR(ReadEvent(json, &segment));
    }
    if (head.contains("records")) {
      RETURN_IF_ERROR(ReadRecords(head.at("records"), &segment));
    }
    return segment;
  }

  Status ReadChunk(const Json& json, Segment* segment) {
    Chunk chunk;
    ASSIGN_OR_RETURN(chunk.schema, find_(json.at("schema")));
    arrow::FieldVector fields = chunk.schema->arrow->fields();
    const auto columns = static_cast<int>(fields.size());
    for (const Json& name : json.at("own")) fields.push_back(OwnField(name));
    ASSIGN_OR_RETURN(auto all, NextBatch(arrow::schema(fields)));
    chunk.rows = arrow::RecordBatch::Make(
        chunk.schema->arrow, all->num_rows(),
        arrow::ArrayVector(all->columns().begin(), all->columns().begin() + columns));
    for (int c = columns; c < all->num_columns(); c++) {
      ReadOwn(fields[static_cast<size_t>(c)]->name(), all->column(c), &chunk, segment);
    }
    if (chunk.ops.size() != chunk.seq.size())
      return DamagedSegment("a chunk has no order");
    if (json.at("before").get<bool>()) {
      ASSIGN_OR_RETURN(chunk.before, NextBatch(chunk.schema->arrow));
    }
    if (json.contains("meta")) {
      ASSIGN_OR_RETURN(auto block, NextBlock());
      arrow::io::BufferReader in(block);
      auto schema = arrow::ipc::ReadSchema(&in, nullptr);
      if (!schema.ok()) return DamagedSegment(schema.status().ToString());
      ASSIGN_OR_RETURN(chunk.meta, NextBatch(*schema));
    }
    segment->chunks.push_back(std::move(chunk));
    return Status::Ok();
  }

  static std::shared_ptr<arrow::Field> OwnField(const std::string& name) {
    if (name == "_op") return arrow::field(name, arrow::uint8());
    if (name == "_seq") return arrow::field(name, arrow::uint32());
    if (name == "_key") return arrow::field(name, arrow::binary());
    if (name.starts_with("_absent")) return arrow::field(name, arrow::boolean());
    return arrow::field(name, arrow::int64());
  }

  static void ReadOwn(const std::string& name,
                      const std::shared_ptr<arrow::Array>& column, Chunk* chunk,
                      Segment* segment) {
    if (name == "_op") {
      chunk->ops = ToVector<Op>(*column);
    } else if (name == "_seq") {
      chunk->seq = ToVector<uint32_t>(*column);
    } else if (name == "_time") {
      chunk->time = ToVector<int64_t>(*column);
    } else if (name == "_key") {
      segment->keys.push_back(std::static_pointer_cast<arrow::BinaryArray>(column));
    } else if (name == "_offset") {
      segment->offsets.push_back(ToVector<int64_t>(*column));
    } else {
      const auto at = static_cast<size_t>(std::stoul(name.substr(7)));
      chunk->absent.resize(chunk->schema->columns.size());
      if (at < chunk->absent.size()) chunk->absent[at] = column->data()->buffers[1];
    }
  }

  Status ReadEvent(const Json& json, Segment* segment) {
    Event event;
    event.kind = static_cast<Event::Kind>(json.at("kind").get<int>());
    event.seq = json.at("seq");
    const Json& table = json.at("table");
    event.table = {table.at(0), table.at(1), table.at(2)};
    event.statement = json.at("statement");
    event.renamed_from = json.at("renamed_from").get<std::vector<std::string>>();
    if (json.contains("schema")) {
      ASSIGN_OR_RETURN(event.schema, find_(json.at("schema")));
    }
    segment->events.push_back(std::move(event));
    return Status::Ok();
  }

  Status ReadRecords(const Json& json, Segment* segment) {
    arrow::FieldVector fields = {arrow::field("key", arrow::binary()),
                                 arrow::field("value", arrow::binary())};
    const bool headers = json.at("headers");
    const bool offsets = json.at("offsets");
    if (headers) fields.push_back(arrow::field("headers", arrow::binary()));
    fields.push_back(arrow::field("timestamp", arrow::int64()));
    if (offsets) fields.push_back(arrow::field("_offset", arrow::int64()));
    ASSIGN_OR_RETURN(auto batch, NextBatch(arrow::schema(fields)));
    auto bytes = [&](int column) {
      return std::static_pointer_cast<arrow::BinaryArray>(batch->column(column));
    };
    Records& records = segment->records.emplace();
    records.topic = json.at("topic");
    records.keys = bytes(0);
    records.values = bytes(1);
    if (headers) records.headers = bytes(2);
    records.timestamps = ToVector<int64_t>(*batch->GetColumnByName("timestamp"));
    if (offsets) {
      segment->offsets.push_back(ToVector<int64_t>(*batch->GetColumnByName("_offset")));
    }
    return Status::Ok();
  }

  Result<std::shared_ptr<arrow::Buffer>> NextBlock() {
    if (next_ == sizes_.size()) return DamagedSegment("a block is missing");
    at_ = (at_ + kAlign - 1) / kAlign * kAlign;
    const auto size = static_cast<int64_t>(sizes_[next_++]);
    const auto start = static_cast<int64_t>(at_);
    if (start + size > bytes_->size()) return DamagedSegment("it is cut off");
    at_ += static_cast<size_t>(size);
    return arrow::SliceBuffer(bytes_, start, size);
  }

  Result<std::shared_ptr<arrow::RecordBatch>> NextBatch(
      const std::shared_ptr<arrow::Schema>& schema) {
    ASSIGN_OR_RETURN(auto block, NextBlock());
    arrow::io::BufferReader in(block);
    auto batch = arrow::ipc::ReadRecordBatch(schema, nullptr, options_, &in);
    if (!batch.ok()) return DamagedSegment(batch.status().ToString());
    return *std::move(batch);
  }

  const std::shared_ptr<arrow::Buffer>& bytes_;
  const FindSchema& find_;
  const arrow::ipc::IpcReadOptions options_;
  std::vector<uint32_t> sizes_;
  size_t next_ = 0;
  size_t at_ = 0;
};

}  // namespace

int64_t Segment::rows() const {
  int64_t n = records ? records->size() : 0;
  for (const Chunk& chunk : chunks) n += chunk.size();
  return n;
}

Result<std::string> EncodeSegment(const Segment& segment, const KeepSchema& keep) {
  return Writer(keep).Write(segment);
}

Result<Segment> DecodeSegment(const std::shared_ptr<arrow::Buffer>& bytes,
                              const FindSchema& find) {
  return Reader(bytes, find).Read();
}

}  // namespace leat
