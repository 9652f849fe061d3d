// How fast embedded topics take and give the benchmark's rows (bench/workloads.py): the
// topic connector's own sink and source, committing as a pipeline would.
//   leat_topic_bench FOLDER ROWS
#include <arrow/builder.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ctime>

#include "base/testing.h"
#include "connectors/topic/embedded/sink.h"
#include "connectors/topic/embedded/source.h"
#include "store/store.h"

namespace leat {
namespace {

constexpr int64_t kBatchRows = 10'000;
constexpr int64_t kEpochRows = 50'000;

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Column(Builder builder, const Value& value) {
  for (int64_t i = 0; i < kBatchRows; i++)
    Must(builder.Append(value(i)).ok() ? Status::Ok() : Status::Bug("append"));
  return builder.Finish().ValueOrDie();
}

Batch MakeBatch() {
  const auto decimal = arrow::decimal128(10, 2);
  const auto time = arrow::timestamp(arrow::TimeUnit::MICRO);
  Chunk chunk;
  chunk.schema = TableSchema::Make({"shop", "", "orders"},
                                   {{"id", arrow::int64(), false, "bigint"},
                                    {"customer_id", arrow::int32(), true, "int"},
                                    {"status", arrow::utf8(), true, "varchar(20)"},
                                    {"amount", decimal, true, "decimal(10,2)"},
                                    {"note", arrow::utf8(), true, "varchar(100)"},
                                    {"created_at", time, true, "datetime(3)"}},
                                   {0});
  auto mixed = [](int64_t i) { return i * 2654435761 % 1'000'003; };
  auto* pool = arrow::default_memory_pool();
  chunk.rows = arrow::RecordBatch::Make(
      chunk.schema->arrow, kBatchRows,
      {Column(arrow::Int64Builder(), [](int64_t i) { return i; }),
       Column(arrow::Int32Builder(), [&](int64_t i) { return int32_t(mixed(i)); }),
       Column(arrow::StringBuilder(),
              [](int64_t i) { return std::string(i % 3 ? "shipped" : "processing"); }),
       Column(arrow::Decimal128Builder(decimal, pool),
              [&](int64_t i) { return arrow::Decimal128(mixed(i)); }),
       Column(arrow::StringBuilder(),
              [&](int64_t i) {
                return fmt::format("note {} for customer {}", mixed(i), mixed(i * 7));
              }),
       Column(arrow::TimestampBuilder(time, pool),
              [&](int64_t i) { return 1'700'000'000'000'000 + mixed(i) * 1000; })});
  for (uint32_t i = 0; i < kBatchRows; i++) {
    chunk.ops.push_back(Op::kInsert);
    chunk.seq.push_back(i);
    chunk.time.push_back(1'700'000'000'000'000 + i);
  }
  Batch batch;
  batch.bytes = kBatchRows * 75;
  batch.chunks.push_back(std::move(chunk));
  return batch;
}

class Watch {
 public:
  void Report(const char* what, int64_t rows) const {
    const double wall =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double cpu = double(std::clock() - cpu_) / CLOCKS_PER_SEC;
    fmt::print("{}: {:.2f} M rows/s, {:.3f} CPU s per 1M rows\n", what,
               double(rows) / wall / 1e6, cpu / double(rows) * 1e6);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

void Write(const Context& context, int64_t rows, int partitions) {
  topic::SinkOptions options;
  options.topic = fmt::format("orders-{}", partitions);
  options.settings.partitions = partitions;
  auto sink = Must(topic::embedded::EmbeddedSink::Make(options, context));
  const Batch batch = MakeBatch();
  std::vector<DeadLetter> rejects;
  Must(sink->Open({}));
  Checkpoint checkpoint;
  checkpoint.pipeline = context.pipeline;
  checkpoint.attempt = "bench";
  Must(context.store->Begin({context.pipeline, "0", "bench"}));
  Watch watch;
  for (int64_t at = 0; at < rows; at += kBatchRows) {
    Must(sink->Write(batch, &rejects));
    if ((at + kBatchRows) % kEpochRows != 0) continue;
    checkpoint.epoch++;
    checkpoint.manifest = Must(sink->Prepare()).manifest;
    Must(context.store->Save({context.pipeline, "0", "bench"}, checkpoint));
    Must(sink->Commit(checkpoint));
  }
  watch.Report(fmt::format("write, {} partitions", partitions).c_str(), rows);
}

void Read(const Context& context, int64_t written, int partitions) {
  topic::SourceOptions options;
  options.topics.names = {fmt::format("orders-{}", partitions)};
  topic::embedded::EmbeddedSource source(options, context);
  Must(source.Open({}));
  const auto now = std::chrono::steady_clock::now();
  for (const ShardId& shard : Must(source.Read(now)).shards) {
    Must(source.Start(shard, {}));
  }
  Watch watch;
  int64_t rows = 0;
  for (;;) {
    const ReadResult read = Must(source.Read(now));
    if (read.kind == ReadResult::Kind::kIdle) break;
    rows += read.batch.rows();
  }
  Must(rows == written ? Status::Ok() : Status::Bug("rows are missing"));
  watch.Report(fmt::format("read, {} partitions", partitions).c_str(), rows);
}

}  // namespace
}  // namespace leat

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int64_t rows = std::atoll(argv[2]);
  auto store = leat::Must(leat::Store::Open(argv[1]));
  leat::Logger log(STDERR_FILENO);
  leat::CancelToken cancel;
  leat::ProjectSettings project;
  leat::Context context{"bench", "",         leat::Clock::System(), log, cancel,
                        project, store.get()};
  for (const int partitions : {1, 4}) {
    leat::Write(context, rows, partitions);
    leat::Read(context, rows, partitions);
  }
  return 0;
}
