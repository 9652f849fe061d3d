// For tests on real servers: the rows of a table as a snapshot reads them and as the log
// has them, through the two decoders. LEAT_TEST_MARIADB_URL and LEAT_TEST_MYSQL_URL say
// where the servers are (mysql://root@127.0.0.1:3306); without one its tests are skipped.
#pragma once

#include <arrow/api.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mysql.h>

#include <cstdlib>
#include <map>
#include <optional>

#include "connectors/mysql/client/client.h"
#include "connectors/mysql/client/packet_reader.h"
#include "connectors/mysql/log/event.h"
#include "connectors/mysql/log/row_decoder.h"
#include "connectors/mysql/log/table_map.h"
#include "connectors/mysql/values/text_decoder.h"

namespace leat::mysql {

// The rows of one table, one way.
struct TableRows {
  TableDef def;
  std::shared_ptr<arrow::RecordBatch> rows;
  std::shared_ptr<arrow::RecordBatch> before;  // of updates, from the log only
  std::vector<DeadLetter> rejects;
  int64_t zero_dates = 0;
  Status error;  // of the log: why the rest of its rows was left out
};

class LiveServer {
 public:
  static const char* Variable(Flavor flavor) {
    return flavor == Flavor::kMariaDb ? "LEAT_TEST_MARIADB_URL" : "LEAT_TEST_MYSQL_URL";
  }
  static bool Given(Flavor flavor) { return std::getenv(Variable(flavor)) != nullptr; }

  // Connects, and makes an empty database of the given name.
  LiveServer(Flavor flavor, std::string database)
      : flavor_(flavor), database_(std::move(database)) {
    client_ = Connect();
    Run("DROP DATABASE IF EXISTS " + database_);
    Run("CREATE DATABASE " + database_);
    Run("USE " + database_);
    const Rows status =
        Query(client_->server().mariadb || !client_->server().AtLeast(80200)
                  ? "SHOW MASTER STATUS"
                  : "SHOW BINARY LOG STATUS");
    file_ = status.at(0).at(0).value();
    offset_ = std::stoul(status.at(0).at(1).value());
  }
  ~LiveServer() { Run("DROP DATABASE " + database_); }

  Flavor flavor() const { return flavor_; }

  void Run(const std::string& sql) {
    const Status status = client_->Execute(sql);
    ASSERT_TRUE(status.ok()) << sql << ": " << status.ToString();
  }
  Rows Query(const std::string& sql) {
    auto rows = client_->Query(sql);
    EXPECT_TRUE(rows.ok()) << sql << ": " << rows.status().ToString();
    return rows.ok() ? *std::move(rows) : Rows();
  }

  TableDef Describe(const std::string& table) {
    TableDef def;
    def.id = {database_, "", table};
    for (const Row& row : Query(fmt::format(
             "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, "
             "CHARACTER_OCTET_LENGTH FROM information_schema.COLUMNS WHERE "
             "TABLE_SCHEMA='{}' AND TABLE_NAME='{}' ORDER BY ORDINAL_POSITION",
             database_, table))) {
      auto column =
          FromInformationSchema({*row[0], *row[1], *row[2], row[3].value_or(""),
                                 *row[4] == "YES", row[5] ? std::stol(*row[5]) : -1},
                                flavor_);
      EXPECT_TRUE(column.ok()) << column.status().ToString();
      if (column.ok()) def.columns.push_back(*std::move(column));
    }
    for (const Row& row : Query(fmt::format(
             "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE "
             "TABLE_SCHEMA='{}' AND TABLE_NAME='{}' AND INDEX_NAME='PRIMARY' ORDER BY "
             "SEQ_IN_INDEX",
             database_, table))) {
      for (size_t i = 0; i < def.columns.size(); i++) {
        if (def.columns[i].name == *row[0]) def.key.push_back(static_cast<int>(i));
      }
    }
    return def;
  }

  // In the order of the first column.
  TableRows Snapshot(const std::string& table, const ValueOptions& options = {}) {
    TableRows out;
    out.def = Describe(table);
    auto schema = MakeSchema(out.def);
    EXPECT_TRUE(schema.ok()) << schema.status().ToString();
    TextDecoder decoder(out.def, options);
    TableBuilder builder(*schema);
    std::string select;
    for (const ColumnDef& column : out.def.columns) {
      select += (select.empty() ? "SELECT " : ", ") + SelectExpression(column);
    }
    const Status started = client_->StartRows(select + " FROM " + table + " ORDER BY 1");
    EXPECT_TRUE(started.ok()) << started.ToString();
    while (true) {
      const unsigned long* lengths = nullptr;
      auto row = client_->NextRow(&lengths);
      if (!row.ok() || !*row) break;
      DeadLetter reject;
      auto appended = decoder.Append(*row, lengths, &builder, &reject);
      EXPECT_TRUE(appended.ok()) << appended.status().ToString();
      if (appended.ok() && !*appended) out.rejects.push_back(std::move(reject));
    }
    EXPECT_TRUE(client_->EndRows().ok());
    out.rows = *builder.Finish();
    out.zero_dates = decoder.zero_dates();
    return out;
  }

  // Every followed table's changes since the start of this object; inserts and updates
  // add the row after, deletes the row that was.
  std::map<std::string, TableRows> Log(const ValueOptions& options = {}) {
    struct Table {
      explicit Table(SchemaRef schema) : after(schema), before(schema) {}
      TableMap map;
      std::optional<RowDecoder> decoder;
      TableBuilder after;
      TableBuilder before;
      std::vector<DeadLetter> rejects;
      Status error;
    };
    std::map<std::string, Table> tables;
    std::map<uint64_t, Table*> by_id;
    FormatDescription format;
    std::string memory;
    ForEachEvent([&](std::string_view bytes) {
      auto event = ParseEvent(bytes, format.checksum);
      ASSERT_TRUE(event.ok()) << event.status().ToString();
      if (event->header.type == EventType::kFormatDescription) {
        format = *ParseFormatDescription(event->body);
      } else if (event->header.type == EventType::kTableMap) {
        auto map = ParseTableMap(event->body, flavor_);
        ASSERT_TRUE(map.ok()) << map.status().ToString();
        if (map->table.id.database != database_) return;
        AdoptNativeTypes(Describe(map->table.id.table), &map->table);
        auto schema = MakeSchema(map->table);
        ASSERT_TRUE(schema.ok()) << schema.status().ToString();
        Table& table = tables.try_emplace(map->table.id.table, *schema).first->second;
        table.map = *map;
        if (!table.decoder) table.decoder.emplace(map->table, options);
        by_id[map->id] = &table;
      } else if (IsRows(event->header.type)) {
        auto rows = ParseRows(*event, format, &memory);
        ASSERT_TRUE(rows.ok()) << rows.status().ToString();
        if (!by_id.count(rows->table_id)) return;
        Table& t = *by_id[rows->table_id];
        const Status fits =
            t.decoder->SetColumns(rows->columns, rows->present, rows->present_after);
        if (!fits.ok()) t.error = fits;
        if (!t.error.ok()) return;
        ByteReader in(rows->rows);
        while (in.left() > 0) {
          DeadLetter reject;
          const bool partial = rows->kind == RowsKind::kPartialUpdate;
          const bool update = partial || rows->kind == RowsKind::kUpdate;
          auto done =
              update ? t.decoder->AppendUpdate(&in, partial, &t.before, &t.after, &reject)
                     : t.decoder->Append(&in, &t.after, &reject);
          ASSERT_TRUE(done.ok()) << done.status().ToString();
          if (!*done) t.rejects.push_back(std::move(reject));
        }
      }
    });
    std::map<std::string, TableRows> out;
    for (auto& [name, table] : tables) {
      out[name] = {
          table.map.table,          *table.after.Finish(),       *table.before.Finish(),
          std::move(table.rejects), table.decoder->zero_dates(), table.error};
    }
    return out;
  }

 private:
  template <typename Each>
  void ForEachEvent(Each each) {
    constexpr uint8_t kComBinlogDump = 18;
    auto client = Connect();
    EXPECT_TRUE(client
                    ->Execute("SET @master_binlog_checksum=@@global.binlog_checksum, "
                              "@source_binlog_checksum=@@global.binlog_checksum, "
                              "@mariadb_slave_capability=4")
                    .ok());
    std::string payload(10, '\0');
    for (size_t i = 0; i < 4; i++) payload[i] = static_cast<char>(offset_ >> 8 * i);
    payload[4] = 1;  // ends at the end of the log
    payload[6] = 77;
    payload[9] = 77;
    payload += file_;
    MYSQL* raw = client->raw();
    ASSERT_EQ(
        0, raw->methods->db_command(raw, static_cast<enum_server_command>(kComBinlogDump),
                                    payload.data(), payload.size(), 1, nullptr));
    PacketReader reader(raw);
    while (true) {
      std::string_view packet;
      auto have = reader.Next(std::chrono::steady_clock::now() + std::chrono::seconds(20),
                              &packet);
      ASSERT_TRUE(have.ok()) << have.status().ToString();
      ASSERT_TRUE(*have) << "no end of the log";
      if (packet.front() != '\0') {
        ASSERT_EQ('\xfe', packet.front()) << packet;
        return;
      }
      each(packet.substr(1));
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  std::unique_ptr<Client> Connect() {
    auto url = Url::Parse(std::getenv(Variable(flavor_)));
    EXPECT_TRUE(url.ok()) << url.status().ToString();
    auto client = Client::Connect(*url);
    EXPECT_TRUE(client.ok()) << client.status().ToString();
    return *std::move(client);
  }

  Flavor flavor_;
  std::string database_;
  std::unique_ptr<Client> client_;
  std::string file_;
  uint64_t offset_ = 0;
};

// A text for each value of a column, "null" for null.
inline std::vector<std::string> Texts(const arrow::RecordBatch& batch, int column) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < batch.num_rows(); i++) {
    const auto scalar = *batch.column(column)->GetScalar(i);
    texts.push_back(scalar->ToString());
  }
  return texts;
}

}  // namespace leat::mysql
