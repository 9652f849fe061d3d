#include "format/avro_reader.h"

#include <arrow/buffer.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>
#include <zlib.h>

#include <cstring>

#include "base/bytes.h"

namespace leat {
namespace {

using AvroKind = AvroNode::Kind;

constexpr int kMaxValueDepth = 64;
constexpr size_t kMaxBlock = size_t{256} << 20;
// A record of a table with thousands of columns has some ten thousands.
constexpr int64_t kMaxValuesOfRecord = 2'000'000;
// Values that take no bytes at all (nulls, empty records) must end somewhere.
constexpr int64_t kFreeValues = 100'000;
constexpr size_t kSyncBytes = 16;

Status DamagedAvro(std::string_view how) {
  return Status::Config(fmt::format("a damaged Avro file: {}", how));
}

int64_t ReadLong(ByteReader* in) {
  uint64_t zigzag = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    uint8_t byte = in->U8();
    zigzag |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return static_cast<int64_t>(zigzag >> 1) ^ -static_cast<int64_t>(zigzag & 1);
}

std::string_view ReadBytes(ByteReader* in) {
  int64_t size = ReadLong(in);
  // A negative size becomes one that is surely too large.
  return in->Bytes(static_cast<size_t>(size));
}

// The number of items of the next block of an array or map; 0 ends it. A negative count
// is followed by the block's size in bytes.
int64_t ReadCount(ByteReader* in) {
  int64_t count = ReadLong(in);
  if (count >= 0) return count;
  ReadLong(in);
  return count == INT64_MIN ? INT64_MAX : -count;
}

class AvroValueDecoder {
 public:
  AvroValueDecoder(const AvroSchema& schema, std::string_view block)
      : schema_(schema),
        in_(block),
        budget_(kFreeValues + static_cast<int64_t>(block.size())) {}

  bool ok() const { return !in_.failed() && budget_ >= 0 && record_budget_ >= 0; }
  bool done() const { return in_.left() == 0; }

  AvroValue ReadRecord() {
    record_budget_ = kMaxValuesOfRecord;
    return Read(schema_.root, 0);
  }

 private:
  AvroValue Read(int node, int depth) {
    AvroValue value;
    if (--budget_ < 0 || --record_budget_ < 0 || depth > kMaxValueDepth) {
      budget_ = -1;
      return value;
    }
    const AvroNode& type = schema_.nodes[static_cast<size_t>(node)];
    value.kind = type.kind;
    value.node = node;
    switch (type.kind) {
      case AvroKind::kNull: break;
      case AvroKind::kBool: value.integer = in_.U8(); break;
      case AvroKind::kInt:
      case AvroKind::kLong:
      case AvroKind::kEnum: value.integer = ReadLong(&in_); break;
      case AvroKind::kFloat:
      case AvroKind::kDouble: value.real = Real(type.kind); break;
      case AvroKind::kBytes:
      case AvroKind::kString: value.bytes = ReadBytes(&in_); break;
      case AvroKind::kFixed:
        value.bytes = in_.Bytes(static_cast<size_t>(type.size));
        break;
      case AvroKind::kUnion: return Union(type, depth);
      case AvroKind::kRecord:
        value.items.reserve(type.children.size());
        for (const AvroNode::Child& child : type.children) {
          if (!ok()) break;
          value.items.push_back(Read(child.node, depth + 1));
        }
        break;
      case AvroKind::kArray:
      case AvroKind::kMap: Items(type, depth, &value); break;
    }
    return value;
  }

  double Real(AvroKind kind) {
    if (kind == AvroKind::kDouble) {
      uint64_t bits = in_.U64();
      double real;
      std::memcpy(&real, &bits, sizeof(real));
      return real;
    }
    uint32_t bits = in_.U32();
    float real;
    std::memcpy(&real, &bits, sizeof(real));
    return real;
  }

  AvroValue Union(const AvroNode& type, int depth) {
    auto branch = static_cast<uint64_t>(ReadLong(&in_));
    if (branch < type.children.size()) {
      return Read(type.children[branch].node, depth + 1);
    }
    budget_ = -1;
    return {};
  }

  void Items(const AvroNode& type, int depth, AvroValue* value) {
    while (ok()) {
      int64_t count = ReadCount(&in_);
      if (count == 0) return;
      for (; count > 0 && ok(); count--) {
        if (type.kind == AvroKind::kMap) {
          AvroValue& key = value->items.emplace_back();
          key.kind = AvroKind::kString;
          key.bytes = ReadBytes(&in_);
        }
        value->items.push_back(Read(type.children[0].node, depth + 1));
      }
    }
  }

  const AvroSchema& schema_;
  ByteReader in_;
  int64_t budget_;
  int64_t record_budget_ = 0;
};

Result<std::string> Inflate(std::string_view bytes) {
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return Status::Transient("out of memory");
  std::string out;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  int code = Z_OK;
  while (code == Z_OK && out.size() < kMaxBlock) {
    size_t had = out.size();
    out.resize(had + std::max(bytes.size() * 4, size_t{4096}));
    z.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    z.avail_out = static_cast<uInt>(out.size() - had);
    code = inflate(&z, Z_NO_FLUSH);
    out.resize(out.size() - z.avail_out);
  }
  inflateEnd(&z);
  if (code != Z_STREAM_END) return DamagedAvro("a block that does not inflate");
  return out;
}

// Snappy and zstandard, whose raw forms tell the size in advance or are read to the end.
Result<std::string> Decompress(arrow::Compression::type codec, std::string_view bytes,
                               size_t size) {
  if (size > kMaxBlock) return DamagedAvro("a block that is too large");
  auto made = arrow::util::Codec::Create(codec);
  if (!made.ok()) return Status::Config(made.status().message());
  std::string out(size, '\0');
  auto n = (*made)->Decompress(
      static_cast<int64_t>(bytes.size()), reinterpret_cast<const uint8_t*>(bytes.data()),
      static_cast<int64_t>(size), reinterpret_cast<uint8_t*>(out.data()));
  if (!n.ok()) return DamagedAvro(n.status().message());
  out.resize(static_cast<size_t>(*n));
  return out;
}

// The varint at the start of raw snappy: the size of what is in it.
size_t SnappySize(std::string_view bytes) {
  ByteReader in(bytes);
  uint64_t size = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    uint8_t byte = in.U8();
    size |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return size;
}

Result<std::string> DecodeBlock(const std::string& codec, std::string_view bytes) {
  if (codec.empty() || codec == "null") return std::string(bytes);
  if (codec == "deflate") return Inflate(bytes);
  if (codec == "snappy" && bytes.size() > 4) {
    bytes.remove_suffix(4);  // a CRC of the content
    return Decompress(arrow::Compression::SNAPPY, bytes, SnappySize(bytes));
  }
  if (codec == "zstandard") {
    // Writers of manifests leave the size out; blocks are some tens of kilobytes.
    for (size_t size = std::max(bytes.size() * 16, size_t{1} << 20);; size *= 8) {
      auto out = Decompress(arrow::Compression::ZSTD, bytes, size);
      if (out.ok() || size >= kMaxBlock / 8) return out;
    }
  }
  return DamagedAvro(fmt::format("the codec '{}' is not known", codec));
}

}  // namespace

Result<AvroValue> ReadAvroDatum(const AvroSchema& schema, std::string_view bytes) {
  AvroValueDecoder decoder(schema, bytes);
  AvroValue value = decoder.ReadRecord();
  if (decoder.ok() && decoder.done()) return value;
  return Status::Data("the bytes do not fit their Avro schema");
}

Result<AvroReader> AvroReader::Make(std::string_view bytes) {
  AvroReader reader;
  ByteReader in(bytes);
  if (in.Bytes(4) != std::string_view("Obj\1", 4)) {
    return Status::Config("not an Avro file");
  }
  while (int64_t count = ReadCount(&in)) {
    for (; count > 0 && !in.failed(); count--) {
      std::string name(ReadBytes(&in));
      reader.metadata_[name] = ReadBytes(&in);
    }
    if (in.failed()) break;
  }
  reader.sync_ = in.Bytes(kSyncBytes);
  if (in.failed()) return DamagedAvro("its header ends too early");
  reader.blocks_ = in.Bytes(in.left());
  ASSIGN_OR_RETURN(reader.schema_, AvroSchema::Parse(reader.Metadata("avro.schema")));
  return reader;
}

std::string AvroReader::Metadata(const std::string& name) const {
  auto found = metadata_.find(name);
  return found == metadata_.end() ? std::string() : found->second;
}

Status AvroReader::ForEach(const std::function<Status(const AvroValue&)>& visit) const {
  const std::string codec = Metadata("avro.codec");
  ByteReader in(blocks_);
  while (in.left() > 0) {
    int64_t records = ReadLong(&in);
    std::string_view packed = ReadBytes(&in);
    std::string_view sync = in.Bytes(kSyncBytes);
    if (in.failed() || records < 0) return DamagedAvro("a block ends too early");
    if (sync != sync_) return DamagedAvro("a block without its sync marker");
    ASSIGN_OR_RETURN(std::string block, DecodeBlock(codec, packed));
    AvroValueDecoder decoder(schema_, block);
    for (; records > 0; records--) {
      AvroValue record = decoder.ReadRecord();
      if (!decoder.ok()) return DamagedAvro("a record does not fit its schema");
      RETURN_IF_ERROR(visit(record));
    }
    if (!decoder.done()) return DamagedAvro("a block holds more than its records");
  }
  return Status::Ok();
}

}  // namespace leat
