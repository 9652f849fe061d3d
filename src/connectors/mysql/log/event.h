// Binlog events: the common header, checksums, and the bodies of the events that are not
// rows. Parses in place: every string_view points into the event's bytes. Stateless but
// for FormatDescription; any thread. Errors: kData with the reason (the caller adds file
// and offset).
// Source: the "Replication" chapters of MySQL's internals manual and of MariaDB's
// knowledge base; tagged GTIDs: MySQL 8.3's serialisation format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "connectors/mysql/log/gtid.h"

namespace leat::mysql {

enum class EventType : uint8_t {
  kUnknown = 0,
  kStartV3 = 1,
  kQuery = 2,
  kStop = 3,
  kRotate = 4,
  kIntvar = 5,
  kRand = 13,
  kUserVar = 14,
  kFormatDescription = 15,
  kXid = 16,
  kBeginLoadQuery = 17,
  kExecuteLoadQuery = 18,
  kTableMap = 19,
  kWriteRowsV1 = 23,
  kUpdateRowsV1 = 24,
  kDeleteRowsV1 = 25,
  kIncident = 26,
  kHeartbeat = 27,
  kIgnorable = 28,
  kRowsQuery = 29,
  kWriteRowsV2 = 30,
  kUpdateRowsV2 = 31,
  kDeleteRowsV2 = 32,
  kGtid = 33,
  kAnonymousGtid = 34,
  kPreviousGtids = 35,
  kTransactionContext = 36,
  kViewChange = 37,
  kXaPrepare = 38,
  kPartialUpdateRows = 39,
  kTransactionPayload = 40,
  kHeartbeatV2 = 41,
  kGtidTagged = 42,
  kAnnotateRows = 160,
  kBinlogCheckpoint = 161,
  kMariadbGtid = 162,
  kMariadbGtidList = 163,
  kStartEncryption = 164,
  kQueryCompressed = 165,
  kWriteRowsCompressedV1 = 166,
  kUpdateRowsCompressedV1 = 167,
  kDeleteRowsCompressedV1 = 168,
  kWriteRowsCompressedV2 = 169,
  kUpdateRowsCompressedV2 = 170,
  kDeleteRowsCompressedV2 = 171,
};
std::string_view EventTypeName(EventType type);

constexpr size_t kEventHeaderSize = 19;
constexpr uint16_t kFlagArtificial = 0x20;  // not in the file: made by the dump thread
constexpr uint16_t kFlagIgnorable = 0x80;   // unknown types with it may be skipped

struct EventHeader {
  uint32_t time = 0;  // seconds since 1970 UTC
  EventType type = EventType::kUnknown;
  uint32_t server_id = 0;
  uint32_t size = 0;      // of the whole event
  uint32_t next_pos = 0;  // the end in the file, modulo 2^32; 0: artificial
  uint16_t flags = 0;
};

struct LogEvent {
  EventHeader header;
  std::string_view body;  // after the header, without the checksum
};

// What the FORMAT_DESCRIPTION event at a log's begin says of the events that follow it.
struct FormatDescription {
  std::string server_version;
  bool checksum = false;
  bool mariadb = false;
  uint8_t post_header[256] = {};  // lengths by event type
};

// Splits an event and checks its length and, with `checksum`, its CRC32. The
// FORMAT_DESCRIPTION event says itself whether it has one.
Result<LogEvent> ParseEvent(std::string_view bytes, bool checksum);

Result<FormatDescription> ParseFormatDescription(std::string_view body);

struct RotateEvent {
  uint64_t offset = 0;
  std::string_view file;
};
Result<RotateEvent> ParseRotate(std::string_view body);

struct GtidEvent {
  Gtid gtid;
  bool anonymous = false;
  bool standalone = false;    // MariaDB: no terminating event; one statement follows
  int64_t commit_micros = 0;  // MySQL 8: when it committed here; 0: not known
  // MariaDB: its rows are only prepared; `xid` as in statements. There is no XA START.
  bool prepared_xa = false;
  std::string xid;
};
Result<GtidEvent> ParseGtid(const LogEvent& event);

struct QueryEvent {
  uint32_t thread = 0;
  std::string_view database;
  std::string_view statement;
  uint16_t error_code = 0;
  std::string statement_memory;  // what `statement` points to when it was compressed
};
Result<QueryEvent> ParseQuery(const LogEvent& event);

struct XaPrepareEvent {
  bool one_phase = false;  // XA COMMIT ... ONE PHASE: it is decided already
  std::string xid;         // as the server writes it in statements
};
Result<XaPrepareEvent> ParseXaPrepare(std::string_view body);

enum class RowsKind : uint8_t { kWrite, kUpdate, kDelete, kPartialUpdate };
struct RowsEvent {
  RowsKind kind = RowsKind::kWrite;
  uint64_t table_id = 0;
  uint16_t flags = 0;
  uint64_t columns = 0;
  std::string_view present;        // bitmap: columns in the image (updates: before image)
  std::string_view present_after;  // updates: columns in the after image
  std::string_view rows;
};
constexpr uint16_t kRowsStatementEnd = 1;  // the table ids are forgotten after this event
bool IsRows(EventType type);
// `memory` keeps the rows of a compressed event and is reused from call to call.
Result<RowsEvent> ParseRows(const LogEvent& event, const FormatDescription& format,
                            std::string* memory);

// A length-encoded integer of the client protocol.
uint64_t ReadLength(ByteReader* in);

Result<GtidSet> ParseGtidList(const LogEvent& event);  // MariaDB and PREVIOUS_GTIDS

// File and offset of a heartbeat (both versions). V1's offset is modulo 2^32.
struct HeartbeatEvent {
  std::string_view file;
  uint64_t offset = 0;
};
Result<HeartbeatEvent> ParseHeartbeat(const LogEvent& event);

}  // namespace leat::mysql
