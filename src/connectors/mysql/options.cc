#include "connectors/mysql/options.h"

namespace leat::mysql {
namespace {

constexpr std::string_view kSourceExample = R"(mysql:
  url: mysql://leat:${SHOP_PASSWORD}@127.0.0.1:3306/shop
  tables: [orders, "cust*"]
)";

Field PollField() {
  return Field::Object(
      "poll",
      "With `read: poll`: which table, and by which column its new rows are found.",
      {Field::String("table", "The table, or database.table.").Required(),
       Field::String("cursor",
                     "A column that grows with each row, or with each change of one.")
           .Required()
           .Example("updated_at"),
       Field::Duration("every", "How often to ask.")
           .Default("10s")
           .Between(1000, 86'400'000'000),
       Field::Int("limit", "Rows of one query.").Default("1000").Between(1, 1'000'000),
       Field::Duration("settle",
                       "How late a transaction may commit rows under a cursor that was "
                       "passed already; so long they are looked for again.")
           .Default("0s")
           .Between(0, 3'600'000'000)});
}

Field TablesField() {
  return Field::Strings(
             "tables",
             "Tables to read: table (of the url's database) or database.table; * "
             "stands for any characters, ? for one. Needed unless `read` is "
             "poll.")
      .Example("[orders, \"cust*\"]");
}

Field MetadataField() {
  return Field::String(
             "metadata",
             "What describes the log's columns: full needs "
             "binlog_row_metadata=FULL; minimal asks information_schema, and stops "
             "at any change of a followed table's definition.")
      .Default("full")
      .OneOf({"full", "minimal"});
}

Field DroppedPartitionsField() {
  return Field::String(
             "dropped_partitions",
             "Rows that leave a table by DROP or TRUNCATE PARTITION are not in "
             "the log: delete reads the table anew without them, keep leaves them "
             "in the target, as one that appends does.")
      .Default("delete")
      .OneOf({"delete", "keep"});
}

std::vector<Field> Fields() {
  return {
      Field::String("url",
                    "The server: mysql://user:password@host:port/database, with options "
                    "tls=off|prefer|verify, ca=FILE, socket=PATH, connect_timeout=10s.")
          .Required()
          .Secret()
          .Example("mysql://leat:${SHOP_PASSWORD}@127.0.0.1:3306/shop?tls=verify"),
      TablesField(),
      Field::String(
          "read",
          "How changes are found: cdc reads the binary log, poll asks one table "
          "for new rows by a column, once reads the tables as of one moment, without a "
          "log, and ends.")
          .Default("cdc")
          .OneOf({"cdc", "poll", "once"}),
      PollField(),
      Field::String("snapshot",
                    "Rows that are there before the log: initial reads them first, never "
                    "leaves them out, only ends after them.")
          .Default("initial")
          .OneOf({"initial", "never", "only"}),
      Field::Int("snapshot_workers", "Connections that read the snapshot.")
          .Default("1")
          .Between(1, 64),
      Field::Int("snapshot_chunk_rows",
                 "Rows of one chunk of a snapshot, after which it can go on when it was "
                 "stopped; fewer where rows are large.")
          .Default("100000")
          .Between(1, 10'000'000),
      Field::Map("where",
                 "For a table (database.table) the SQL condition on the rows that its "
                 "snapshot reads; the log is not filtered.")
          .Example("{shop.orders: \"created_at > '2024-01-01'\"}"),
      MetadataField(),
      DroppedPartitionsField(),
      Field::Int("server_id",
                 "The id to register with as a replica; 0: a random one that is free.")
          .Default("0")
          .Between(0, UINT32_MAX),
      Field::Duration("heartbeat",
                      "How often a silent server says that it lives; after three without "
                      "a word the connection is made anew.")
          .Default("5s")
          .Between(100'000, 3'600'000'000),
      Field::String(
          "zero_dates",
          "What becomes of dates that no calendar has, 0000-00-00 and the like.")
          .Default("null")
          .OneOf({"null", "dead_letter"}),
      Field::Bytes("batch_bytes",
                   "Log read into one batch; a larger transaction comes in several.")
          .Default("4MiB")
          .Between(64 << 10, 256 << 20),
  };
}

}  // namespace

Spec SourceSpec() {
  Spec spec;
  spec.name = "mysql";
  spec.summary =
      "Rows of MySQL 8+ and MariaDB 10.6+ tables: a snapshot, then every change from the "
      "binary log.";
  spec.fields = Fields();
  spec.example = kSourceExample;
  return spec;
}

void ValidateSource(const Config& config, Diagnostics* diagnostics) {
  auto complain = [&](std::string_view field, std::string message, std::string remedy) {
    diagnostics->push_back({config.At(field), std::move(message), std::move(remedy)});
  };
  auto url = Url::Parse(config.String("url"));
  if (!url.ok()) complain("url", url.status().message(), "");
  const bool poll = config.String("read") == "poll";
  if (poll != config.Has("poll")) {
    complain(poll ? "read" : "poll", "`poll` and `read: poll` go together",
             "say read: poll, and poll: {table: ..., cursor: ...}");
  }
  if (poll && !config.Strings("tables").empty()) {
    complain("tables", "`read: poll` reads the one table that `poll` names",
             "remove `tables`");
  }
  if (url.ok() && !poll) {
    auto tables = TablePatterns::Parse(config.Strings("tables"), url->database);
    if (!tables.ok()) complain("tables", tables.status().message(), "");
  }
  if (config.String("read") == "once" && config.String("snapshot") == "never") {
    complain("snapshot", "`read: once` reads the tables, `snapshot: never` does not",
             "remove `snapshot`");
  }
}

Result<SourceOptions> ReadSourceOptions(const Config& config) {
  SourceOptions out;
  ASSIGN_OR_RETURN(out.url, Url::Parse(config.String("url")));
  if (config.String("read") == "poll") {
    const Config& poll = config.Object("poll");
    out.read = SourceOptions::Read::kPoll;
    out.poll.table = poll.String("table");
    out.poll.cursor = poll.String("cursor");
    out.poll.every = poll.Duration("every");
    out.poll.limit = poll.Int("limit");
    out.poll.settle = poll.Duration("settle");
  }
  bool polls = out.read == SourceOptions::Read::kPoll;
  ASSIGN_OR_RETURN(out.tables, TablePatterns::Parse(polls ? std::vector{out.poll.table}
                                                          : config.Strings("tables"),
                                                    out.url.database));
  using Mode = SourceOptions::SnapshotMode;
  if (config.String("read") == "once") out.read = SourceOptions::Read::kOnce;
  const std::string& snapshot = config.String("snapshot");
  if (snapshot == "never") out.snapshot = Mode::kNever;
  if (snapshot == "only") out.snapshot = Mode::kOnly;
  out.snapshot_workers = static_cast<int>(config.Int("snapshot_workers"));
  out.snapshot_chunk_rows = config.Int("snapshot_chunk_rows");
  out.where = config.Map("where");
  out.minimal_metadata = config.String("metadata") == "minimal";
  out.keep_dropped_partitions = config.String("dropped_partitions") == "keep";
  out.server_id = static_cast<uint32_t>(config.Int("server_id"));
  out.heartbeat = config.Duration("heartbeat");
  out.batch_bytes = config.Bytes("batch_bytes");
  if (config.String("zero_dates") == "dead_letter") {
    out.values.zero_dates = ValueOptions::ZeroDates::kDeadLetter;
  }
  out.poll.values = out.values;
  return out;
}

}  // namespace leat::mysql
