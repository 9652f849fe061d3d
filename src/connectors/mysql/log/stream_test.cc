// Captured logs of both servers through the whole of LogStream, without a server.
#include "connectors/mysql/log/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "connectors/mysql/log/batch_testing.h"
#include "connectors/mysql/log/checksum.h"

namespace leat::mysql {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kLogs = std::string(LEAT_TESTDATA) + "/logs/";

// The column's new name stands in the log only by its shape.
const std::vector<std::string> kMariadbLines = {
    "schema t",
    "schema u",
    "insert t 1|one",
    "insert t 2|null",
    "update t 2|zwei",
    "insert u 9",
    "delete t 1|one",
    "insert t 3|" + std::string(300, 'c'),
    "update t 3|" + std::string(300, 'd'),
    "delete t 3|" + std::string(300, 'd'),
    "insert t 5|after",
    "insert t 4|xa",
    "truncate u",
    "schema t",
    "insert t 6|renamed",
    "drop u",
};

class StreamTest : public ::testing::Test {
 protected:
  StreamOptions Options(Flavor flavor) {
    StreamOptions options;
    options.shard = "log";
    options.follow.flavor = flavor;
    options.follow.follows = [](const TableId& id) { return id.database == "cap"; };
    options.follow.describe = [](const TableId&) -> Result<std::optional<TableDef>> {
      return std::optional<TableDef>();
    };
    options.open = [this](const LogPosition& from) -> Result<std::unique_ptr<EventFeed>> {
      opened_.push_back(from.offset);
      // A dump begins with the file's description, wherever it starts.
      return std::unique_ptr<EventFeed>(std::make_unique<FileFeed>(log_));
    };
    return options;
  }

  void Make(const std::string& name, StreamOptions options) {
    log_ = ReadFile(kLogs + name);
    ASSERT_GT(log_.size(), 1000u);
    LogPosition from;
    from.gtids = GtidSet(options.follow.flavor);
    from.file = "binlog.000005";
    from.offset = 4;
    stream_ = std::make_unique<LogStream>(std::move(options), from, &logger_);
  }

  // Lines of all batches; stops at the first error, which is the last line.
  std::vector<std::string> ReadAll(EventFeed* feed) {
    std::vector<std::string> lines;
    while (true) {
      auto batch = stream_->Read(feed, SteadyTime{});
      if (!batch.ok()) {
        lines.push_back(batch.status().ToString());
        return lines;
      }
      if (!*batch) return lines;
      batches_.push_back(**batch);
      for (std::string& line : Lines(**batch)) lines.push_back(std::move(line));
    }
  }
  std::vector<std::string> ReadAll() {
    FileFeed feed(log_);
    return ReadAll(&feed);
  }
  // Of a log of MariaDB from its begin.
  std::vector<std::string> ReadLines(const StreamOptions& options) {
    Make("mariadb-10.11.binlog", options);
    batches_.clear();
    return ReadAll();
  }

  Logger logger_{2, LogLevel::kError};
  std::string log_;
  std::unique_ptr<LogStream> stream_;
  std::vector<Batch> batches_;
  std::vector<uint64_t> opened_;
};

TEST_F(StreamTest, MariadbLogWithCompressionXaAndDefinitions) {
  Make("mariadb-10.11.binlog", Options(Flavor::kMariaDb));
  EXPECT_THAT(ReadAll(), ElementsAreArray(kMariadbLines));
  EXPECT_EQ(stream_->resume_from().gtids.ToString(), "0-1-215");
  EXPECT_EQ(stream_->resume_from().file, "binlog.000006");
  EXPECT_EQ(stream_->resume_from().offset, 4u);
  EXPECT_THAT(stream_->resume_from().prepared, IsEmpty());
  // The transaction was read again from where it was prepared.
  EXPECT_THAT(opened_, ElementsAreArray({2057u}));
  for (const Batch& batch : batches_) EXPECT_TRUE(batch.boundary);
}

TEST_F(StreamTest, ARenamedColumnSaysItsOldName) {
  Make("mariadb-10.11.binlog", Options(Flavor::kMariaDb));
  ReadAll();
  std::vector<std::vector<std::string>> renames;
  for (const Batch& batch : batches_) {
    for (const Event& event : batch.events) {
      if (!event.renamed_from.empty()) renames.push_back(event.renamed_from);
    }
  }
  ASSERT_EQ(renames.size(), 1u);
  EXPECT_THAT(renames[0], ElementsAreArray({"id", "v"}));
}

TEST_F(StreamTest, Scar_11_MysqlLogWithPayloadsPartialJsonTagsAndXa) {
  Make("mysql-9.7.binlog", Options(Flavor::kMySql));
  std::vector<std::string> lines = ReadAll();
  EXPECT_THAT(lines, Contains("insert t 3|" + std::string(300, 'c')));
  EXPECT_THAT(lines, Contains("delete t 3|" + std::string(300, 'd')));
  EXPECT_THAT(lines, Contains(HasSubstr("update j 1|{\"a\": 2, \"b\": [1, 2, 3]")));
  EXPECT_THAT(lines, Contains("insert t 7|tagged"));
  EXPECT_THAT(lines, Contains("insert s 1"));
  auto at = [&](const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) - lines.begin();
  };
  EXPECT_LT(at("insert t 5|after"), at("insert t 4|xa"));
  EXPECT_LT(at("insert t 4|xa"), at("insert t 8|one phase"));
  EXPECT_EQ(lines.back(), "drop u");
  EXPECT_THAT(stream_->resume_from().gtids.ToString(), HasSubstr(":blue:1"));
}

TEST_F(StreamTest, OneRowABatchIsTheSame) {
  for (auto flavor : {Flavor::kMariaDb, Flavor::kMySql}) {
    StreamOptions options = Options(flavor);
    std::string name =
        flavor == Flavor::kMariaDb ? "mariadb-10.11.binlog" : "mysql-9.7.binlog";
    Make(name, options);
    std::vector<std::string> whole = ReadAll();
    options.batch_bytes = 1;
    Make(name, options);
    std::vector<std::string> pieces = ReadAll();
    std::sort(whole.begin(), whole.end());
    std::sort(pieces.begin(), pieces.end());
    EXPECT_EQ(whole, pieces);
  }
}

TEST_F(StreamTest, Scar_04_RewoundInsideATransactionItGoesOnBehindWhatWasDelivered) {
  StreamOptions options = Options(Flavor::kMySql);
  options.batch_bytes = 1;
  Make("mysql-9.7.binlog", options);
  std::vector<std::string> whole = ReadAll();
  // Lose the connection after each batch in turn.
  for (size_t lose = 1; lose < batches_.size(); lose++) {
    Make("mysql-9.7.binlog", options);
    std::vector<std::string> lines;
    auto feed = std::make_unique<FileFeed>(log_);
    for (size_t i = 0;; i++) {
      if (i == lose) {
        stream_->Rewind();
        // The file's description, then what follows the place to go on from.
        std::string rest =
            log_.substr(0, 127) + log_.substr(stream_->resume_from().offset);
        feed = std::make_unique<FileFeed>(
            stream_->resume_from().file == "binlog.000005" ? rest : log_.substr(0, 127));
      }
      auto batch = stream_->Read(feed.get(), SteadyTime{});
      ASSERT_TRUE(batch.ok()) << batch.status().ToString() << " after batch " << lose
                              << " at " << stream_->resume_from().ToString();
      if (!*batch) break;
      for (std::string& line : Lines(**batch)) lines.push_back(std::move(line));
    }
    auto is_schema = [](const std::string& line) { return line.starts_with("schema"); };
    std::vector<std::string> expected = whole;
    std::erase_if(expected, is_schema);
    std::erase_if(lines, is_schema);
    EXPECT_EQ(lines, expected) << "connection lost after batch " << lose << " at "
                               << stream_->resume_from().ToString();
  }
}

TEST_F(StreamTest, FloorsLeaveOutWhatATableHas) {
  StreamOptions options = Options(Flavor::kMariaDb);
  LogPosition floor;
  floor.gtids = *GtidSet::Parse(Flavor::kMariaDb, "0-1-206");
  options.floors[{"cap", "", "t"}] = floor;
  Make("mariadb-10.11.binlog", options);
  std::vector<std::string> lines = ReadAll();
  EXPECT_THAT(lines, Not(Contains("insert t 1|one")));
  EXPECT_THAT(lines, Contains("insert u 9"));
  EXPECT_THAT(lines, Contains("update t 3|" + std::string(300, 'd')));
}

TEST_F(StreamTest, ALimitIsNotPassed) {
  Make("mariadb-10.11.binlog", Options(Flavor::kMariaDb));
  stream_->SetLimit("binlog.000005", 864);
  EXPECT_THAT(ReadAll(), ElementsAreArray({"schema t", "insert t 1|one",
                                           "insert t 2|null", "update t 2|zwei"}));
  EXPECT_TRUE(stream_->AtLimit());
  EXPECT_EQ(stream_->resume_from().offset, 864u);
}

TEST_F(StreamTest, MetaSaysWhereARowStood) {
  StreamOptions options = Options(Flavor::kMariaDb);
  options.follow.needs.meta = true;
  Make("mariadb-10.11.binlog", options);
  ReadAll();
  ASSERT_FALSE(batches_.empty());
  const auto& meta = batches_[0].chunks[0].meta;
  ASSERT_TRUE(meta);
  EXPECT_EQ(RowText(*meta, 0), "0-1-202|binlog.000005|545|0|1|null");
  EXPECT_EQ(RowText(*meta, 1), "0-1-202|binlog.000005|545|1|1|null");
}

// What was told of definitions: "ALTER t: ALTER TABLE ..." of statements, "ALTER t id w"
// of shapes.
std::vector<std::string> Told(const std::vector<Batch>& batches) {
  static constexpr const char* kChanges[] = {"", "CREATE", "ALTER", "DROP"};
  std::vector<std::string> told;
  for (const Batch& batch : batches) {
    for (const Event& event : batch.events) {
      if (event.change == Event::Change::kNone) continue;
      std::string line = kChanges[static_cast<int>(event.change)];
      line += " " + event.table.table;
      if (event.kind == Event::Kind::kStatement) {
        line += ": " + event.statement;
      } else {
        for (const Column& column : event.schema->columns) line += " " + column.name;
      }
      told.push_back(std::move(line));
    }
  }
  return told;
}

TEST_F(StreamTest, DefinitionsAreToldToWhoAsks) {
  StreamOptions options = Options(Flavor::kMariaDb);
  ASSERT_THAT(ReadLines(options), ElementsAreArray(kMariadbLines));
  EXPECT_THAT(Told(batches_), IsEmpty());
  options.follow.needs.statements = options.follow.needs.meta = true;
  std::vector<std::string> lines = ReadLines(options);
  EXPECT_THAT(Told(batches_),
              ElementsAreArray(
                  {"ALTER t: ALTER TABLE t CHANGE v w VARCHAR(500) CHARACTER SET utf8mb4",
                   "ALTER t id w", "DROP u: DROP TABLE `cap`.`u`"}));
  std::erase_if(lines, [](const auto& line) { return line.starts_with("statement"); });
  EXPECT_THAT(lines, ElementsAreArray(kMariadbLines));
}

// A process that ends between a definition and the first row of the new shape leaves in
// its position that the shape is still to be told.
TEST_F(StreamTest, AShapeThatIsStillToBeToldIsInThePosition) {
  StreamOptions options = Options(Flavor::kMariaDb);
  options.follow.needs.statements = true;
  ReadLines(options);
  const std::vector<std::string> whole = Told(batches_);
  const size_t count = batches_.size();
  for (size_t end = 1; end < count; end++) {
    Make("mariadb-10.11.binlog", options);
    batches_.clear();
    FileFeed feed(log_);
    for (size_t i = 0; i < end; i++) {
      batches_.push_back(**stream_->Read(&feed, SteadyTime{}));
    }
    const LogPosition at = *LogPosition::Parse(stream_->resume_from().ToPosition());
    stream_ = std::make_unique<LogStream>(options, at, &logger_);
    FileFeed rest(at.file == "binlog.000005"
                      ? log_.substr(0, 256) + log_.substr(at.offset)
                      : log_.substr(0, 256));
    ReadAll(&rest);
    EXPECT_EQ(Told(batches_), whole) << "ended after batch " << end;
  }
}

TEST_F(StreamTest, ACorruptEventIsSeenAndPlaced) {
  Make("mariadb-10.11.binlog", Options(Flavor::kMariaDb));
  const std::string good = log_;
  int checked = 0;
  for (size_t at = 421; at < good.size(); at += 37) {
    Make("mariadb-10.11.binlog", Options(Flavor::kMariaDb));
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    FileFeed feed(bad);
    std::vector<std::string> lines = ReadAll(&feed);
    ASSERT_FALSE(lines.empty());
    EXPECT_THAT(lines.back(), HasSubstr("config: log binlog.000005:")) << at;
    checked++;
  }
  EXPECT_GT(checked, 50);
}

TEST_F(StreamTest, ATruncatedEventIsSeen) {
  Make("mysql-9.7.binlog", Options(Flavor::kMySql));
  FileFeed feed(log_.substr(0, 3300));
  EXPECT_THAT(ReadAll(&feed).back(), HasSubstr("says it has"));
}

TEST_F(StreamTest, StatementsOnFollowedTablesStop) {
  Make("mariadb-10.11.binlog", Options(Flavor::kMariaDb));
  // An event QUERY "INSERT INTO t VALUES (1)" with database cap, without a checksum.
  auto event = [](EventType type, const std::string& body) {
    std::string out(kEventHeaderSize, '\0');
    out[4] = static_cast<char>(type);
    auto size = static_cast<uint32_t>(kEventHeaderSize + body.size());
    std::memcpy(out.data() + 9, &size, sizeof size);
    return out + body;
  };
  auto query = [&](const std::string& sql) {
    return event(EventType::kQuery, std::string(8, '\0') + "\x03" + std::string(4, '\0') +
                                        "cap" + '\0' + sql);
  };
  FileFeed other(query("INSERT INTO x.t VALUES (1)"), 0);
  EXPECT_THAT(ReadAll(&other), IsEmpty());
  FileFeed ours(query("INSERT INTO t VALUES (1)"), 0);
  EXPECT_THAT(ReadAll(&ours).back(), HasSubstr("SET GLOBAL binlog_format=ROW"));
}

// Logs of many versions that MariaDB's test suite keeps: none may crash or be misread in
// silence.
TEST_F(StreamTest, LogsOfOtherVersionsNeverCrash) {
  const std::filesystem::path folder = "/usr/share/mysql/mysql-test/std_data";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "mariadb-test-data is not installed";
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::string log = ReadFile(entry.path());
    if (!log.starts_with("\xfe"
                         "bin"))
      continue;
    files++;
    for (auto flavor : {Flavor::kMariaDb, Flavor::kMySql}) {
      StreamOptions options = Options(flavor);
      options.follow.follows = [](const TableId&) { return true; };
      Make("mariadb-10.11.binlog", options);
      log_ = log;
      std::vector<std::string> lines = ReadAll();
      if (lines.empty()) continue;
      EXPECT_THAT(lines.back(), Not(HasSubstr("bug:"))) << entry.path();
    }
  }
  EXPECT_GT(files, 5);
}

TEST(Checksum, IsZlibs) {
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926U);
  std::string bytes;
  for (int i = 0; i < 1000; i++) {
    // By the definition, a bit at a time.
    uint32_t crc = 0xffffffffU;
    for (unsigned char byte : bytes) {
      crc ^= byte;
      for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
    }
    ASSERT_EQ(Crc32(bytes), ~crc) << bytes.size();
    bytes += static_cast<char>(i * 37);
  }
}

}  // namespace
}  // namespace leat::mysql
