#include "connectors/mysql/client/dump.h"

#include <fmt/format.h>
#include <mysql.h>

#include <algorithm>
#include <charconv>
#include <random>

#include "base/bytes.h"

namespace leat::mysql {
namespace {

constexpr int kComBinlogDump = 18;
constexpr int kComRegisterReplica = 21;
constexpr int kComBinlogDumpGtid = 30;
constexpr uint16_t kThroughGtid = 4;
constexpr uint64_t kLogStart = 4;  // after the magic
constexpr unsigned kFatalLogError = 1236;
constexpr int kSilentHeartbeats = 3;

void AppendInteger(std::string* out, uint64_t value, int width) {
  for (int i = 0; i < width; i++) {
    *out += static_cast<char>(value & 0xff);
    value >>= 8;
  }
}

uint32_t RandomServerId() {
  std::random_device random;
  // The upper half: people number their servers from 1.
  return std::uniform_int_distribution<uint32_t>(0x80000000U, 0xfffffffeU)(random);
}

std::string RandomUuid() {
  std::random_device random;
  auto part = [&] { return static_cast<uint32_t>(random()); };
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:08x}{:04x}", part(),
                     part() & 0xffff, part() & 0xfff, part() & 0xfff, part(),
                     part() & 0xffff);
}

bool HasText(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

Result<std::unique_ptr<LogDump>> LogDump::Start(const DumpOptions& options,
                                                const LogPosition& from) {
  std::unique_ptr<LogDump> dump(new LogDump(options, from));
  Status status = dump->Open();
  if (!status.ok()) {
    return status.Within(fmt::format("reading the log of {}", options.url.Where()));
  }
  return dump;
}

unsigned long LogDump::connection_id() const { return mysql_thread_id(client_->raw()); }

Status LogDump::Open() {
  server_id_ = options_.server_id != 0 ? options_.server_id : RandomServerId();
  ASSIGN_OR_RETURN(client_, Client::Connect(options_.url));
  client_->SetReadTimeout(options_.url.connect_timeout);
  RETURN_IF_ERROR(SetUp());
  RETURN_IF_ERROR(Register());
  RETURN_IF_ERROR(SendDump());
  reader_ = std::make_unique<PacketReader>(client_->raw(), options_.waker);
  return Status::Ok();
}

// Session variables are how a replica tells the server what it understands. Servers
// ignore names they do not know, so both generations' are set.
Status LogDump::SetUp() {
  ASSIGN_OR_RETURN(auto algorithm,
                   client_->QueryValue("SELECT @@global.binlog_checksum"));
  checksum_ = algorithm.value_or("NONE") != "NONE";
  auto nanos = std::chrono::nanoseconds(options_.heartbeat).count();
  std::string algorithm_text = checksum_ ? "CRC32" : "NONE";
  std::string set = fmt::format(
      "SET @master_binlog_checksum='{0}', @source_binlog_checksum='{0}', "
      "@master_heartbeat_period={1}, @source_heartbeat_period={1}, "
      "@slave_uuid='{2}', @replica_uuid='{2}'",
      algorithm_text, nanos, RandomUuid());
  if (client_->server().mariadb) {
    // 4: understands GTIDs. Strict: a position the server does not have is an error, not
    // a start from somewhere else.
    set += ", @mariadb_slave_capability=4";
    if (from_.gtid) {
      set += fmt::format(
          ", @slave_connect_state='{}', @slave_gtid_strict_mode=1, "
          "@slave_gtid_ignore_duplicates=0",
          from_.gtids.ToString());
    }
  }
  return client_->Execute(set);
}

Status LogDump::Register() {
  std::string payload;
  AppendInteger(&payload, server_id_, 4);
  std::string_view host = "leat";
  AppendInteger(&payload, host.size(), 1);
  payload += host;
  AppendInteger(&payload, 0, 1);  // user
  AppendInteger(&payload, 0, 1);  // password
  AppendInteger(&payload, 0, 2);  // port
  AppendInteger(&payload, 0, 4);  // rank
  AppendInteger(&payload, 0, 4);  // master's id: unknown
  return Command(kComRegisterReplica, payload, /*read_answer=*/true);
}

Status LogDump::SendDump() {
  std::string payload;
  if (from_.gtid && !client_->server().mariadb) {
    std::string gtids = from_.gtids.Encode();
    AppendInteger(&payload, kThroughGtid, 2);
    AppendInteger(&payload, server_id_, 4);
    AppendInteger(&payload, 0, 4);  // no file name
    AppendInteger(&payload, kLogStart, 8);
    AppendInteger(&payload, gtids.size(), 4);
    payload += gtids;
    return Command(kComBinlogDumpGtid, payload, /*read_answer=*/false);
  }
  bool by_file = !from_.gtid;
  uint64_t offset = by_file && from_.offset > kLogStart ? from_.offset : kLogStart;
  if (offset > UINT32_MAX) {
    return Status::Config(fmt::format(
        "{}:{} lies beyond 4 GiB, where the protocol cannot start without GTIDs; switch "
        "the server to GTIDs (gtid_mode=ON)",
        from_.file, offset));
  }
  AppendInteger(&payload, offset, 4);
  AppendInteger(&payload, 0, 2);  // flags: wait at the end of the log
  AppendInteger(&payload, server_id_, 4);
  if (by_file) payload += from_.file;
  return Command(kComBinlogDump, payload, /*read_answer=*/false);
}

Status LogDump::Command(int command, const std::string& payload, bool read_answer) {
  MYSQL* connection = client_->raw();
  int failed = connection->methods->db_command(
      connection, static_cast<enum_server_command>(command), payload.data(),
      payload.size(), /*skip_check=*/read_answer ? 0 : 1, nullptr);
  if (failed == 0) return Status::Ok();
  unsigned number = mysql_errno(connection);
  std::string message = mysql_error(connection);
  if (KindOfError(number) != ErrorKind::kConfig) {
    return {KindOfError(number), fmt::format("error {}: {}", number, message)};
  }
  return Status::Config(fmt::format(
      "error {}: {}; the user needs GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* "
      "TO '{}'",
      number, message, options_.url.user));
}

Result<bool> LogDump::Next(SteadyTime deadline, std::string_view* event) {
  ASSIGN_OR_RETURN(bool have, reader_->Next(deadline, event));
  if (have && !event->empty() && event->front() == '\0') [[likely]] {
    event->remove_prefix(1);
    return true;
  }
  if (have) return NotAnEvent(*event);
  auto silence = std::chrono::steady_clock::now() - reader_->last_read();
  if (silence > options_.heartbeat * kSilentHeartbeats) {
    return Status::Transient(fmt::format(
        "{} has been silent for {} s although it should send a heartbeat every {} s: "
        "the connection is taken for dead",
        options_.url.Where(),
        std::chrono::duration_cast<std::chrono::seconds>(silence).count(),
        std::chrono::duration<double>(options_.heartbeat).count()));
  }
  return false;
}

Status LogDump::NotAnEvent(std::string_view packet) {
  if (packet.empty()) return Status::Transient("the server sent an empty packet");
  switch (static_cast<uint8_t>(packet.front())) {
    case 0xfe: return Status::Transient("the server ended the log's stream");
    case 0xff: return ServerError(packet);
    default:
      return Status::Transient(
          fmt::format("the server sent a packet of unknown kind {:#x}",
                      static_cast<uint8_t>(packet.front())));
  }
}

Status LogDump::ServerError(std::string_view packet) {
  ByteReader in(packet);
  in.Skip(1);
  unsigned number = in.U16();
  std::string_view message = in.Bytes(in.left());
  if (message.starts_with('#') && message.size() >= 6) message.remove_prefix(6);
  std::string text = fmt::format("error {}: {}", number, message);
  if (number != kFatalLogError) return {KindOfError(number), std::move(text)};
  if (HasText(message, "same server_uuid/server_id") ||
      HasText(message, "same server_id")) {
    duplicate_id_ = true;
    if (options_.server_id == 0) return Status::Transient(std::move(text));
    return Status::Config(fmt::format(
        "{}; another replica uses server_id {}: leave server_id out, or choose another",
        text, options_.server_id));
  }
  if (HasText(message, "max_allowed_packet")) {
    return Status::Config(text +
                          "; run SET GLOBAL max_allowed_packet=1073741824 on the server");
  }
  if (HasText(message, "shutdown") || HasText(message, "being killed")) {
    return Status::Transient(std::move(text));
  }
  return Status::Config(std::move(text));
}

namespace {

Result<Rows> LogStatus(Client* client) {
  bool renamed = !client->server().mariadb && client->server().AtLeast(80200);
  return client->Query(renamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS");
}

int64_t ByteCount(const std::optional<std::string>& text) {
  int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

}  // namespace

Result<LogPosition> EndOfLog(Client* client) {
  bool mariadb = client->server().mariadb;
  LogPosition end;
  end.gtids = GtidSet(mariadb ? Flavor::kMariaDb : Flavor::kMySql);
  ASSIGN_OR_RETURN(Rows rows, LogStatus(client));
  if (rows.empty() || rows[0].size() < 2 || !rows[0][0]) {
    return Status::Config(
        fmt::format("the binary log of {} is off; start the server with log_bin and "
                    "binlog_format=ROW",
                    client->url().Where()));
  }
  end.file = *rows[0][0];
  end.offset = std::stoull(rows[0][1].value_or("4"));
  std::string gtids;
  if (mariadb) {
    // What stands before file and offset, unlike @@gtid_binlog_pos a moment later.
    ASSIGN_OR_RETURN(auto at,
                     client->QueryValue(fmt::format("SELECT BINLOG_GTID_POS({}, {})",
                                                    QuoteText(end.file), end.offset)));
    gtids = at.value_or("");
  } else {
    ASSIGN_OR_RETURN(auto mode, client->QueryValue("SELECT @@global.gtid_mode"));
    end.gtid = mode.value_or("OFF") == "ON";
    if (rows[0].size() > 4) gtids = rows[0][4].value_or("");
  }
  ASSIGN_OR_RETURN(end.gtids, GtidSet::Parse(end.gtids.flavor(), gtids));
  return end;
}

// The list of all logs may be long, so it is asked for only when more than one counts.
Result<int64_t> LogBytesAfter(Client* client, const std::string& file, uint64_t offset) {
  const auto at = static_cast<int64_t>(offset);
  ASSIGN_OR_RETURN(Rows status, LogStatus(client));
  if (status.empty() || status[0].size() < 2) return int64_t{-1};
  if (status[0][0] == file) return std::max<int64_t>(ByteCount(status[0][1]) - at, 0);
  ASSIGN_OR_RETURN(Rows logs, client->Query("SHOW BINARY LOGS"));
  int64_t bytes = 0;
  bool found = false;
  for (const Row& log : logs) {
    if (log.size() < 2 || !log[0]) continue;
    const int order = CompareLogFiles(*log[0], file);
    found = found || order == 0;
    if (order == 0) bytes += std::max<int64_t>(ByteCount(log[1]) - at, 0);
    if (order > 0) bytes += ByteCount(log[1]);
  }
  return found ? bytes : int64_t{-1};
}

std::string DescribeLoss(Client* client, const LogPosition& from) {
  auto logs = client->Query("SHOW BINARY LOGS");
  std::string oldest =
      logs.ok() && !logs->empty() ? (*logs)[0][0].value_or("") : std::string();
  if (!from.gtid) {
    return fmt::format("the pipeline stands at {}:{}, the oldest log left is {}",
                       from.file, from.offset, oldest);
  }
  bool mariadb = client->server().mariadb;
  auto text = client->QueryValue(
      mariadb ? fmt::format("SELECT BINLOG_GTID_POS({}, 4)", QuoteText(oldest))
              : std::string("SELECT @@global.gtid_purged"));
  auto purged =
      GtidSet::Parse(from.gtids.flavor(), text.ok() ? text->value_or("") : std::string());
  std::string lost = purged.ok() ? from.gtids.Missing(*purged) : std::string();
  if (mariadb && !lost.empty()) lost = "everything up to " + lost;
  if (lost.empty()) {
    return fmt::format("the pipeline stands at {}, which this server's log does not have",
                       from.ToString());
  }
  return fmt::format("the pipeline stands at {}, the oldest log left is {}; lost: {}",
                     from.ToString(), oldest, lost);
}

}  // namespace leat::mysql
