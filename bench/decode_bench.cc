// How fast row images of a binlog file become Arrow columns, from memory, on one thread:
// decode_bench FILE TABLE [none|key|full]. The last: which columns of an update's before
// image are decoded. Prints rows, CPU seconds, and rows a CPU second.
#include <fmt/format.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>

#include "connectors/mysql/log/event.h"
#include "connectors/mysql/log/row_decoder.h"
#include "connectors/mysql/log/table_map.h"

namespace leat::mysql {
namespace {

constexpr size_t kMagicBytes = 4;
constexpr int64_t kBatchRows = 65'536;

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

struct Bench {
  std::string table;
  std::string before_mode;
  FormatDescription format;
  std::optional<TableMap> map;
  std::optional<RowDecoder> decoder;
  std::optional<TableBuilder> after;
  std::optional<TableBuilder> before;
  std::string memory;
  int64_t rows = 0;
  int64_t bytes = 0;

  Status Start(std::string_view body) {
    ASSIGN_OR_RETURN(const TableMapName name, PeekTableMap(body));
    if (name.table != table) return Status::Ok();
    if (map && map->id == name.id) return Status::Ok();
    ASSIGN_OR_RETURN(map, ParseTableMap(body, Flavor::kMariaDb));
    ASSIGN_OR_RETURN(SchemaRef schema, MakeSchema(map->table));
    decoder.emplace(map->table, ValueOptions{});
    after.emplace(schema);
    before.emplace(schema, before_mode == "key" ? map->table.key : std::vector<int>());
    return Status::Ok();
  }

  Status Decode(const LogEvent& event) {
    ASSIGN_OR_RETURN(const RowsEvent rows_event, ParseRows(event, format, &memory));
    if (!map || rows_event.table_id != map->id) return Status::Ok();
    RETURN_IF_ERROR(decoder->SetColumns(rows_event.columns, rows_event.present,
                                        rows_event.present_after));
    ByteReader in(rows_event.rows);
    DeadLetter reject;
    TableBuilder* old = before_mode == "none" ? nullptr : &*before;
    const bool update = rows_event.kind == RowsKind::kUpdate;
    while (in.left() > 0) {
      const int64_t block = decoder->AppendBlock(&in, update, old, &*after);
      rows += block;
      if (block > 0) continue;
      auto done = update ? decoder->AppendUpdate(&in, false, old, &*after, &reject)
                         : decoder->Append(&in, &*after, &reject);
      if (!done.ok()) return done.status();
      rows++;
    }
    return after->rows() >= kBatchRows ? Finish() : Status::Ok();
  }

  Status Finish() {
    bytes += after->bytes();
    ASSIGN_OR_RETURN(auto batch, after->Finish());
    ASSIGN_OR_RETURN(auto old, before->Finish());
    return Status::Ok();
  }

  Status Run(std::string_view log) {
    for (log.remove_prefix(kMagicBytes); log.size() > kEventHeaderSize;) {
      ByteReader header(log);
      header.Skip(9);
      const uint32_t size = header.U32();
      ASSIGN_OR_RETURN(const LogEvent event,
                       ParseEvent(log.substr(0, size), format.checksum));
      log.remove_prefix(size);
      if (event.header.type == EventType::kFormatDescription) {
        ASSIGN_OR_RETURN(format, ParseFormatDescription(event.body));
      } else if (event.header.type == EventType::kTableMap) {
        RETURN_IF_ERROR(Start(event.body));
      } else if (IsRows(event.header.type)) {
        RETURN_IF_ERROR(Decode(event));
      }
    }
    return map ? Finish() : Status::Config("the file has no table " + table);
  }
};

}  // namespace
}  // namespace leat::mysql

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "decode_bench FILE TABLE [none|key|full]\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string log((std::istreambuf_iterator<char>(file)), {});
  for (int round = 0; round < 5; round++) {
    leat::mysql::Bench bench;
    bench.table = argv[2];
    bench.before_mode = argc > 3 ? argv[3] : "none";
    const double start = leat::mysql::CpuSeconds();
    const leat::Status status = bench.Run(log);
    const double seconds = leat::mysql::CpuSeconds() - start;
    if (!status.ok()) {
      fmt::print(stderr, "{}\n", status.ToString());
      return 1;
    }
    fmt::print("{} rows, {} bytes of columns, {:.3f} CPU s, {:.2f}M rows/s\n", bench.rows,
               bench.bytes, seconds, static_cast<double>(bench.rows) / seconds / 1e6);
  }
  return 0;
}
