#include "connectors/mysql/log/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/text.h"
#include "connectors/mysql/log/checksum.h"
#include "connectors/mysql/log/payload.h"

namespace leat::mysql {
namespace {

constexpr size_t kChecksumSize = 4;
constexpr size_t kFlagsAt = 17;
constexpr uint8_t kFlagInUse = 0x01;  // set in a file that is being written

Status CutOff(std::string_view what) {
  return Status::Data(fmt::format("the {} event is cut off", what));
}

// The checksum of a FORMAT_DESCRIPTION was made before its file was marked as in use.
uint32_t ChecksumOf(std::string_view bytes, EventType type) {
  if (type != EventType::kFormatDescription) return Crc32(bytes);
  std::string copy(bytes);
  copy[kFlagsAt] = static_cast<char>(copy[kFlagsAt] & ~kFlagInUse);
  return Crc32(copy);
}

// A FORMAT_DESCRIPTION ends with the algorithm and, always, room for a checksum.
bool HasAlgorithm(std::string_view bytes) {
  auto parsed = ParseFormatDescription(bytes.substr(
      kEventHeaderSize, bytes.size() - std::min(bytes.size(), kEventHeaderSize + 4)));
  return parsed.ok() && parsed->checksum;
}

// As the servers write it in XA statements.
std::string XidText(std::string_view global, std::string_view branch, uint32_t format) {
  return fmt::format("X'{}',X'{}',{}", Hex(global), Hex(branch), format);
}

// MySQL's serialisation format: the count of trailing one bits of the first byte says how
// many bytes follow it.
uint64_t ReadVarint(ByteReader* in) {
  uint8_t first = in->U8();
  int extra = std::countr_one(first);
  if (extra == 8) return in->U64();
  uint64_t low = first >> (extra + 1);
  if (extra == 0) return low;
  return low | in->Little(extra) << (7 - extra);
}

Result<GtidEvent> ParseTaggedGtid(std::string_view body) {
  enum Fields : uint64_t { kFlags, kUuid, kNumber, kTag };
  GtidEvent out;
  ByteReader in(body);
  uint64_t version = ReadVarint(&in);
  uint64_t size = ReadVarint(&in);
  ReadVarint(&in);  // the last field that may not be ignored
  if (version != 1 || size > body.size()) {
    return Status::Data(
        fmt::format("the tagged GTID event has serialisation version {}", version));
  }
  bool number_seen = false;
  while (in.left() > 0 && !in.failed()) {
    uint64_t field = ReadVarint(&in);
    if (field == kFlags) {
      ReadVarint(&in);
    } else if (field == kUuid) {
      for (uint8_t& byte : out.gtid.uuid) byte = static_cast<uint8_t>(ReadVarint(&in));
    } else if (field == kNumber) {
      out.gtid.number = ReadVarint(&in) >> 1;  // signed; never negative
      number_seen = true;
    } else if (field == kTag) {
      out.gtid.tag = in.Bytes(ReadVarint(&in));
    } else {
      break;  // the rest says nothing about identity
    }
  }
  if (in.failed() || !number_seen) return CutOff("tagged GTID");
  return out;
}

Result<GtidEvent> ParseMysqlGtid(const LogEvent& event) {
  constexpr uint8_t kLogicalClock = 2;
  GtidEvent out;
  out.anonymous = event.header.type == EventType::kAnonymousGtid;
  ByteReader in(event.body);
  in.Skip(1);
  std::string_view uuid = in.Bytes(16);
  out.gtid.number = in.U64();
  if (in.failed()) return CutOff("GTID");
  std::copy(uuid.begin(), uuid.end(), out.gtid.uuid.begin());
  if (in.left() < 1 + 16 + 7 || in.U8() != kLogicalClock) return out;
  in.Skip(16);
  constexpr uint64_t kHasOriginal = uint64_t{1} << 55;
  uint64_t micros = in.Little(7);
  if (micros & kHasOriginal) {
    uint64_t original = in.Little(7);
    micros = in.failed() ? micros & ~kHasOriginal : original;
  }
  out.commit_micros = static_cast<int64_t>(micros);
  return out;
}

Result<GtidEvent> ParseMariadbGtid(const LogEvent& event) {
  constexpr uint8_t kStandalone = 1;
  constexpr uint8_t kGroupCommit = 2;
  constexpr uint8_t kPreparedXa = 64;
  GtidEvent out;
  out.gtid.flavor = Flavor::kMariaDb;
  ByteReader in(event.body);
  out.gtid.number = in.U64();
  out.gtid.domain = in.U32();
  out.gtid.server = event.header.server_id;
  uint8_t flags = in.U8();
  if (in.failed()) return CutOff("GTID");
  out.standalone = (flags & kStandalone) != 0;
  out.prepared_xa = (flags & kPreparedXa) != 0;
  if (!out.prepared_xa) return out;
  if ((flags & kGroupCommit) != 0) in.Skip(8);
  uint32_t format = in.U32();
  size_t global = in.U8();
  size_t branch = in.U8();
  std::string_view global_id = in.Bytes(global);
  std::string_view branch_id = in.Bytes(branch);
  if (in.failed()) return CutOff("GTID");
  out.xid = XidText(global_id, branch_id, format);
  return out;
}

struct RowsForm {
  RowsKind kind;
  bool v2 = false;
  bool compressed = false;
};

constexpr std::pair<EventType, RowsForm> kRowsForms[] = {
    {EventType::kWriteRowsV1, {RowsKind::kWrite}},
    {EventType::kUpdateRowsV1, {RowsKind::kUpdate}},
    {EventType::kDeleteRowsV1, {RowsKind::kDelete}},
    {EventType::kWriteRowsV2, {RowsKind::kWrite, true}},
    {EventType::kUpdateRowsV2, {RowsKind::kUpdate, true}},
    {EventType::kDeleteRowsV2, {RowsKind::kDelete, true}},
    {EventType::kPartialUpdateRows, {RowsKind::kPartialUpdate, true}},
    {EventType::kWriteRowsCompressedV1, {RowsKind::kWrite, false, true}},
    {EventType::kUpdateRowsCompressedV1, {RowsKind::kUpdate, false, true}},
    {EventType::kDeleteRowsCompressedV1, {RowsKind::kDelete, false, true}},
    {EventType::kWriteRowsCompressedV2, {RowsKind::kWrite, true, true}},
    {EventType::kUpdateRowsCompressedV2, {RowsKind::kUpdate, true, true}},
    {EventType::kDeleteRowsCompressedV2, {RowsKind::kDelete, true, true}},
};

// By type: one more than the form's place in kRowsForms; 0: no row event.
constexpr std::array<uint8_t, 256> kRowsFormOf = [] {
  std::array<uint8_t, 256> places{};
  for (size_t i = 0; i < std::size(kRowsForms); i++) {
    places[static_cast<uint8_t>(kRowsForms[i].first)] = static_cast<uint8_t>(i + 1);
  }
  return places;
}();

}  // namespace

std::string_view EventTypeName(EventType type) {
  static constexpr std::pair<EventType, std::string_view> kNames[] = {
      {EventType::kQuery, "QUERY"},
      {EventType::kRotate, "ROTATE"},
      {EventType::kFormatDescription, "FORMAT_DESCRIPTION"},
      {EventType::kXid, "XID"},
      {EventType::kTableMap, "TABLE_MAP"},
      {EventType::kWriteRowsV1, "WRITE_ROWS_V1"},
      {EventType::kUpdateRowsV1, "UPDATE_ROWS_V1"},
      {EventType::kDeleteRowsV1, "DELETE_ROWS_V1"},
      {EventType::kIncident, "INCIDENT"},
      {EventType::kHeartbeat, "HEARTBEAT"},
      {EventType::kWriteRowsV2, "WRITE_ROWS"},
      {EventType::kUpdateRowsV2, "UPDATE_ROWS"},
      {EventType::kDeleteRowsV2, "DELETE_ROWS"},
      {EventType::kGtid, "GTID"},
      {EventType::kAnonymousGtid, "ANONYMOUS_GTID"},
      {EventType::kPreviousGtids, "PREVIOUS_GTIDS"},
      {EventType::kXaPrepare, "XA_PREPARE"},
      {EventType::kPartialUpdateRows, "PARTIAL_UPDATE_ROWS"},
      {EventType::kTransactionPayload, "TRANSACTION_PAYLOAD"},
      {EventType::kHeartbeatV2, "HEARTBEAT"},
      {EventType::kGtidTagged, "GTID_TAGGED"},
      {EventType::kMariadbGtid, "GTID"},
      {EventType::kMariadbGtidList, "GTID_LIST"},
      {EventType::kQueryCompressed, "QUERY_COMPRESSED"},
      {EventType::kWriteRowsCompressedV1, "WRITE_ROWS_COMPRESSED_V1"},
      {EventType::kUpdateRowsCompressedV1, "UPDATE_ROWS_COMPRESSED_V1"},
      {EventType::kDeleteRowsCompressedV1, "DELETE_ROWS_COMPRESSED_V1"},
      {EventType::kWriteRowsCompressedV2, "WRITE_ROWS_COMPRESSED"},
      {EventType::kUpdateRowsCompressedV2, "UPDATE_ROWS_COMPRESSED"},
      {EventType::kDeleteRowsCompressedV2, "DELETE_ROWS_COMPRESSED"},
  };
  for (const auto& [named, name] : kNames) {
    if (named == type) return name;
  }
  return "log";
}

Result<LogEvent> ParseEvent(std::string_view bytes, bool checksum) {
  if (bytes.size() < kEventHeaderSize) {
    return Status::Data(fmt::format("an event of {} bytes has no header", bytes.size()));
  }
  ByteReader in(bytes);
  LogEvent event;
  EventHeader& header = event.header;
  header.time = in.U32();
  header.type = static_cast<EventType>(in.U8());
  header.server_id = in.U32();
  header.size = in.U32();
  header.next_pos = in.U32();
  header.flags = in.U16();
  if (header.size != bytes.size()) {
    return Status::Data(fmt::format("the {} event says it has {} bytes and has {}",
                                    EventTypeName(header.type), header.size,
                                    bytes.size()));
  }
  if (header.type == EventType::kFormatDescription) checksum = HasAlgorithm(bytes);
  event.body = bytes.substr(kEventHeaderSize);
  if (!checksum) return event;
  if (event.body.size() < kChecksumSize) return CutOff(EventTypeName(header.type));
  size_t covered = bytes.size() - kChecksumSize;
  auto stated = static_cast<uint32_t>(ByteReader(bytes.substr(covered)).U32());
  uint32_t actual = ChecksumOf(bytes.substr(0, covered), header.type);
  if (stated != actual) {
    return Status::Data(fmt::format(
        "the {} event's checksum is {:08x}, its bytes have {:08x}: the log is corrupt",
        EventTypeName(header.type), stated, actual));
  }
  event.body.remove_suffix(kChecksumSize);
  return event;
}

Result<FormatDescription> ParseFormatDescription(std::string_view body) {
  FormatDescription out;
  ByteReader in(body);
  uint16_t version = in.U16();
  std::string_view server = in.Bytes(50);
  in.Skip(4);  // when it was made
  uint8_t header_size = in.U8();
  if (in.failed()) return CutOff("FORMAT_DESCRIPTION");
  if (version != 4 || header_size != kEventHeaderSize) {
    return Status::Data(fmt::format(
        "the log has format {} with headers of {} bytes; only format 4 with 19 is known",
        version, header_size));
  }
  out.server_version = server.substr(0, server.find('\0'));
  out.mariadb = out.server_version.find("MariaDB") != std::string::npos;
  // Post-header lengths from type 1 on, then the checksum's algorithm.
  std::string_view lengths = in.Bytes(in.left());
  if (lengths.empty()) return CutOff("FORMAT_DESCRIPTION");
  out.checksum = lengths.back() == 1;
  lengths.remove_suffix(1);
  size_t count = std::min<size_t>(lengths.size(), 255);
  for (size_t i = 0; i < count; i++) {
    out.post_header[i + 1] = static_cast<uint8_t>(lengths[i]);
  }
  return out;
}

Result<RotateEvent> ParseRotate(std::string_view body) {
  ByteReader in(body);
  RotateEvent out;
  out.offset = in.U64();
  out.file = in.Bytes(in.left());
  if (in.failed() || out.file.empty()) return CutOff("ROTATE");
  return out;
}

Result<GtidEvent> ParseGtid(const LogEvent& event) {
  if (event.header.type == EventType::kMariadbGtid) return ParseMariadbGtid(event);
  if (event.header.type == EventType::kGtidTagged) return ParseTaggedGtid(event.body);
  return ParseMysqlGtid(event);
}

Result<QueryEvent> ParseQuery(const LogEvent& event) {
  QueryEvent out;
  ByteReader in(event.body);
  out.thread = in.U32();
  in.Skip(4);  // seconds it took
  size_t database = in.U8();
  out.error_code = in.U16();
  in.Skip(in.U16());  // status variables
  out.database = in.Bytes(database);
  in.Skip(1);
  if (in.failed()) return CutOff("QUERY");
  out.statement = in.Bytes(in.left());
  if (event.header.type == EventType::kQueryCompressed) {
    RETURN_IF_ERROR(UncompressMariadb(out.statement, &out.statement_memory));
  }
  return out;
}

Result<XaPrepareEvent> ParseXaPrepare(std::string_view body) {
  XaPrepareEvent out;
  ByteReader in(body);
  out.one_phase = in.U8() != 0;
  uint32_t format = in.U32();
  uint32_t global = in.U32();
  uint32_t branch = in.U32();
  std::string_view global_id = in.Bytes(global);
  std::string_view branch_id = in.Bytes(branch);
  if (in.failed()) return CutOff("XA_PREPARE");
  out.xid = XidText(global_id, branch_id, format);
  return out;
}

bool IsRows(EventType type) { return kRowsFormOf[static_cast<uint8_t>(type)] != 0; }

Result<RowsEvent> ParseRows(const LogEvent& event, const FormatDescription& format,
                            std::string* memory) {
  if (!IsRows(event.header.type)) return Status::Bug("not a row event");
  const RowsForm* form =
      &kRowsForms[kRowsFormOf[static_cast<uint8_t>(event.header.type)] - 1].second;
  RowsEvent out;
  out.kind = form->kind;
  ByteReader in(event.body);
  // Logs of MySQL 5.1 betas had four bytes; everything since has six.
  bool short_id = format.post_header[static_cast<uint8_t>(event.header.type)] == 6;
  out.table_id = in.Little(short_id ? 4 : 6);
  out.flags = in.U16();
  if (form->v2) {
    uint16_t extra = in.U16();  // counts itself
    in.Skip(extra < 2 ? 0 : extra - 2);
  }
  out.columns = ReadLength(&in);
  if (out.columns > 65535) return Status::Data("a row event has too many columns");
  size_t bitmap = (out.columns + 7) / 8;
  out.present = in.Bytes(bitmap);
  bool update = out.kind == RowsKind::kUpdate || out.kind == RowsKind::kPartialUpdate;
  out.present_after = update ? in.Bytes(bitmap) : out.present;
  if (in.failed()) return CutOff(EventTypeName(event.header.type));
  out.rows = in.Bytes(in.left());
  if (form->compressed) {
    RETURN_IF_ERROR(UncompressMariadb(out.rows, memory));
    out.rows = *memory;
  }
  return out;
}

uint64_t ReadLength(ByteReader* in) {
  uint8_t first = in->U8();
  if (first < 251) return first;
  if (first == 252) return in->U16();
  if (first == 253) return in->Little(3);
  if (first == 254) return in->U64();
  in->Skip(SIZE_MAX);  // 251 is NULL, 255 an error: neither is a number
  return 0;
}

Result<GtidSet> ParseGtidList(const LogEvent& event) {
  if (event.header.type == EventType::kPreviousGtids) return GtidSet::Decode(event.body);
  GtidSet out(Flavor::kMariaDb);
  ByteReader in(event.body);
  uint32_t count = in.U32() & 0x0fffffff;  // the rest is flags
  for (uint32_t i = 0; i < count && !in.failed(); i++) {
    Gtid gtid;
    gtid.flavor = Flavor::kMariaDb;
    gtid.domain = in.U32();
    gtid.server = in.U32();
    gtid.number = in.U64();
    if (!in.failed()) out.Add(gtid);
  }
  if (in.failed()) return CutOff("GTID_LIST");
  return out;
}

Result<HeartbeatEvent> ParseHeartbeat(const LogEvent& event) {
  HeartbeatEvent out;
  if (event.header.type == EventType::kHeartbeat) {
    out.file = event.body;
    out.offset = event.header.next_pos;
    return out;
  }
  constexpr uint64_t kFile = 1;
  constexpr uint64_t kOffset = 2;
  ByteReader in(event.body);
  while (in.left() > 0) {
    uint64_t field = ReadLength(&in);
    if (field == 0 || in.failed()) break;
    std::string_view value = in.Bytes(ReadLength(&in));
    if (field == kFile) out.file = value;
    if (field == kOffset) {
      ByteReader number(value);
      out.offset = ReadLength(&number);
    }
  }
  if (in.failed()) return CutOff("HEARTBEAT");
  return out;
}

}  // namespace leat::mysql
