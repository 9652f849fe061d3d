// How fast topics take and give the benchmark's rows (bench/workloads.py): the topic
// connector's own sink and source, committing as a pipeline would. On Kafka beside
// Kafka's own client, which gets the same bytes.
//   leat_topic_bench FOLDER ROWS [kafka://...]
#include <arrow/builder.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ctime>

#include "base/testing.h"
#include "connectors/topic/embedded/sink.h"
#include "connectors/topic/embedded/source.h"
#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/client.h"
#include "connectors/topic/kafka/kafka.h"
#include "connectors/topic/kafka/producer.h"
#include "store/store.h"

namespace leat {
namespace {

constexpr int64_t kBatchRows = 10'000;
constexpr int64_t kEpochRows = 50'000;
constexpr auto kWait = Millis(10'000);

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

// A name for each run: a broker keeps its topics.
std::string TopicOf(int partitions) {
  return fmt::format("orders-{}-{}", getpid(), partitions);
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

// The position of an epoch: how many rows were before and behind it.
void Move(const ShardId& shard, int64_t at, Checkpoint* checkpoint) {
  const Position from = {std::to_string(at + kBatchRows - kEpochRows)};
  Tokens previous;
  if (!checkpoint->shards.empty())
    previous = checkpoint->After(checkpoint->shards.front());
  checkpoint->tables = {"leat-commits"};
  checkpoint->shards = {{shard, from, {std::to_string(at + kBatchRows)}, previous, {}}};
}

void Write(const Context& context, int64_t rows, int partitions) {
  const bool kafka = !context.project.broker.embedded();
  topic::SinkOptions options;
  options.topic = TopicOf(partitions);
  options.settings.partitions = partitions;
  options.compression = "lz4";
  auto sink = Must(kafka ? topic::kafka::MakeSink(options, context)
                         : topic::embedded::EmbeddedSink::Make(options, context));
  const Batch batch = MakeBatch();
  std::vector<DeadLetter> rejects;
  Must(sink->Open({}));
  Checkpoint checkpoint;
  checkpoint.pipeline = context.pipeline;
  checkpoint.attempt = "bench";
  Must(context.store->Begin({context.pipeline, "0", "bench"}));
  const std::vector<ShardId> shards = {fmt::format("bench-{}-{}", getpid(), partitions)};
  const std::vector<SinkTable> tables = {sink->TableFor({})};
  (void)Must(sink->GetTokens(shards, tables, {"bench", ""}));
  Watch watch;
  for (int64_t at = 0; at < rows; at += kBatchRows) {
    Must(sink->Write(batch, &rejects));
    if ((at + kBatchRows) % kEpochRows != 0) continue;
    checkpoint.epoch++;
    if (kafka) Move(shards.front(), at, &checkpoint);
    checkpoint.manifest = Must(sink->Prepare()).manifest;
    Must(context.store->Save({context.pipeline, "0", "bench"}, checkpoint));
    Must(sink->Commit(checkpoint));
  }
  watch.Report(fmt::format("write, {} partitions", partitions).c_str(), rows);
}

Result<std::unique_ptr<Source>> Embedded(topic::SourceOptions options,
                                         const Context& context) {
  return std::unique_ptr<Source>(
      std::make_unique<topic::embedded::EmbeddedSource>(std::move(options), context));
}

// The same records by Kafka's client alone: idempotent, without transactions, and read
// message by message.
void Raw(const Context& context, int64_t rows) {
  namespace kafka = topic::kafka;
  const std::string topic = fmt::format("raw-{}", getpid());
  auto encoder = Must(MakeEncoder({{}, topic, &context.clock, &context.log}));
  std::vector<Records> records;
  std::vector<DeadLetter> rejects;
  const auto keep = [&](Records run) {
    records.push_back(std::move(run));
    return Status::Ok();
  };
  Must(encoder->Encode(MakeBatch(), keep, &rejects));
  auto producer = Must(kafka::Producer::Make(context.project.broker, {"", "lz4"},
                                             context.log, context.cancel));
  Must(producer->client().Connect(kWait));
  Must(kafka::Admin(producer->client(), kWait).Create(topic, 1, 0, {}));
  Watch watch;
  for (int64_t at = 0; at < rows; at += kBatchRows) {
    for (const Records& run : records) Must(producer->Produce(topic, run, 0, run.size()));
  }
  Must(producer->Flush());
  watch.Report("librdkafka alone, write", rows);
  auto consumer = Must(kafka::Client::Make(context.project.broker, kafka::Role::kConsumer,
                                           {{"group.id", "bench"}}, context.log));
  auto list = kafka::NewList(1);
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = 0;
  rd_kafka_assign(consumer->handle(), list.get());
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer->handle());
  std::vector<rd_kafka_message_t*> messages(10'000);
  Watch again;
  for (int64_t read = 0; read < rows;) {
    const size_t count = kafka::TakeMessages(queue, kWait, &messages);
    for (size_t i = 0; i < count; i++) rd_kafka_message_destroy(messages[i]);
    read += static_cast<int64_t>(count);
  }
  again.Report("librdkafka alone, read", rows);
  rd_kafka_queue_destroy(queue);
}

void Read(const Context& context, int64_t written, int partitions) {
  const bool kafka = !context.project.broker.embedded();
  topic::SourceOptions options;
  options.topics.names = {TopicOf(partitions)};
  options.static_assignment = true;
  auto source = Must(kafka ? topic::kafka::MakeSource(options, context)
                           : Embedded(options, context));
  Must(source->Open({}));
  const auto wait = std::chrono::milliseconds(kafka ? 100 : 0);
  for (const ShardId& shard : Must(source->Read({})).shards) {
    (void)Must(source->Start(shard, {}));
  }
  Watch watch;
  int64_t rows = 0;
  while (rows < written) {
    const ReadResult read = Must(source->Read(std::chrono::steady_clock::now() + wait));
    if (!kafka && read.kind == ReadResult::Kind::kIdle) break;
    rows += read.batch.rows();
  }
  Must(rows == written ? Status::Ok() : Status::Bug("rows are missing"));
  watch.Report(fmt::format("read, {} partitions", partitions).c_str(), rows);
}

}  // namespace
}  // namespace leat

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int64_t rows = std::atoll(argv[2]);
  auto store = leat::Must(leat::Store::Open(argv[1]));
  leat::Logger log(STDERR_FILENO);
  leat::CancelToken cancel;
  leat::ProjectSettings project;
  if (argc > 3) project.broker = leat::Must(leat::Broker::Parse(argv[3]));
  leat::Context context{"bench", "",         leat::Clock::System(), log, cancel,
                        project, store.get()};
  for (const int partitions : {1, 4}) {
    leat::Write(context, rows, partitions);
    leat::Read(context, rows, partitions);
  }
  if (!project.broker.embedded()) leat::Raw(context, rows);
  return 0;
}
