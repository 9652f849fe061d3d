#include "connectors/topic/kafka/sink.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/failpoint.h"
#include "connectors/topic/kafka/instance.h"
#include "format/json/text.h"

namespace leat::topic::kafka {
namespace {

constexpr auto kAskOffsetsAgain = Millis(50);
constexpr auto kSayWaitingAfter = std::chrono::seconds(5);
// What a batch and a record of it have around key, value and headers, generously.
constexpr int64_t kOverhead = 128;

int64_t SizeOf(const Records& r, int64_t i) {
  auto length = [&](const std::shared_ptr<arrow::BinaryArray>& column) -> int64_t {
    return column && !column->IsNull(i) ? column->value_length(i) : 0;
  };
  return length(r.keys) + length(r.values) + length(r.headers) + kOverhead;
}

std::string Base64(const std::shared_ptr<arrow::BinaryArray>& column, int64_t i) {
  if (column->IsNull(i)) return "null";
  std::string_view bytes = column->GetView(i);
  std::string out(bytes.size() / 3 * 4 + 8, '"');
  out.resize(static_cast<size_t>(json::WriteBase64(bytes, out.data() + 1) - out.data()));
  return out + '"';
}

DeadLetter TooLarge(const Records& r, int64_t i, int64_t limit) {
  DeadLetter letter;
  letter.table = r.topic;
  letter.reason =
      fmt::format("the record has {} bytes, topic {} takes {} (max.message.bytes)",
                  SizeOf(r, i), r.topic, limit);
  letter.row =
      fmt::format(R"({{"key":{},"value":{}}})", Base64(r.keys, i), Base64(r.values, i));
  return letter;
}

std::string CheckpointName(const Checkpoint& c) {
  return fmt::format("{} {}", c.attempt, c.epoch);
}

}  // namespace

KafkaSink::KafkaSink(SinkOptions options, std::unique_ptr<Encoder> encoder,
                     const Context& context)
    : options_(std::move(options)),
      encoder_(std::move(encoder)),
      context_(context),
      broker_(context.project.broker),
      commits_(broker_, context.pipeline, context.log, context.cancel) {}

KafkaSink::~KafkaSink() = default;

Status KafkaSink::Open(std::span<const SchemaRef> tables) {
  for (const SchemaRef& table : tables) known_.push_back(encoder_->TopicFor(table->id));
  return Status::Ok();
}

Result<std::string> KafkaSink::TransactionalId(const Claim& claim) const {
  if (!options_.transactional) return std::string();
  if (claim.lease.empty()) {
    return fmt::format("leat-{}-{}", context_.pipeline, context_.worker);
  }
  ASSIGN_OR_RETURN(std::string instance, InstanceId(context_.data));
  return fmt::format("leat-{}-{}-{}", context_.pipeline, instance, context_.worker);
}

Status KafkaSink::Take(const Claim& claim) {
  dealt_ = !claim.lease.empty();
  ASSIGN_OR_RETURN(id_, TransactionalId(claim));
  topics_.reset();
  producers_.clear();
  for (const char* turn : {"", "-b"}) {
    const std::string id = options_.transactional ? id_ + turn : std::string();
    ASSIGN_OR_RETURN(auto producer, Producer::Make(broker_, {id, options_.compression},
                                                   context_.log, context_.cancel));
    // One that has to look for its coordinator without a connection waits half a second.
    RETURN_IF_ERROR(producer->client().Connect(kConnectTimeout));
    producers_.push_back(std::move(producer));
    if (!options_.transactional) break;
  }
  topics_ = std::make_unique<SinkTopics>(producer().client(), context_.project,
                                         options_.settings, context_.log);
  RETURN_IF_ERROR(commits_.Prepare(producer().client()));
  for (const std::string& topic : known_) {
    ASSIGN_OR_RETURN(int64_t limit, topics_->Limit(topic));
    (void)limit;
  }
  if (options_.transactional) RETURN_IF_ERROR(ClaimIds(claim));
  claimed_ = claim.attempt;
  return Status::Ok();
}

// The name stands there before the second id is taken: whoever loses one can look.
Status KafkaSink::ClaimIds(const Claim& claim) {
  RETURN_IF_ERROR(failpoint::Durable("kafka.claim.before"));
  RETURN_IF_ERROR(producer().Init());
  RETURN_IF_ERROR(producer().Begin());
  RETURN_IF_ERROR(producer().ProduceOne(CommitLog::kTopic, CommitLog::kPartition,
                                        commits_.OwnerKey(id_), claim.attempt));
  RETURN_IF_ERROR(producer().CommitTransaction());
  RETURN_IF_ERROR(failpoint::Durable("kafka.claim.half"));
  std::ranges::reverse(producers_);
  RETURN_IF_ERROR(producer().Init());
  return failpoint::Durable("kafka.claim.after");
}

Result<ShardTokens> KafkaSink::GetTokens(std::span<const ShardId> shards,
                                         std::span<const SinkTable> tables,
                                         const Claim& claim) {
  if (!claim.attempt.empty() && claimed_ != claim.attempt) RETURN_IF_ERROR(Take(claim));
  RETURN_IF_ERROR(AwaitFormerOwners(shards, claim));
  RETURN_IF_ERROR(commits_.Refresh());
  ShardTokens found;
  for (const ShardId& shard : shards) {
    auto token = commits_.tokens().find(shard);
    if (token == commits_.tokens().end()) continue;
    for (const SinkTable& table : tables) {
      if (table == CommitLog::kTopic) found[shard].emplace(table, token->second);
    }
  }
  return found;
}

// What the partitions' former owners have under way comes to its end first; the broker
// ends what a dead one left.
Status KafkaSink::AwaitFormerOwners(std::span<const ShardId> shards, const Claim& claim) {
  auto lease = Lease::Decode(claim.lease);
  if (!lease) return Status::Ok();
  std::vector<Partition> partitions;
  for (const ShardId& id : shards) {
    if (auto shard = Shard::Parse(id)) partitions.push_back(shard->partition);
  }
  Admin admin(producer().client(), kAskTimeout);
  const SteadyTime say_at = context_.clock.Now() + kSayWaitingAfter;
  for (bool said = false;;) {
    ASSIGN_OR_RETURN(auto offsets,
                     admin.GroupOffsets(lease->group, partitions, /*stable=*/true));
    if (offsets) return Status::Ok();
    if (!said && context_.clock.Now() > say_at) {
      said = true;
      context_.log.Warn(
          "waiting for the open transaction of a former member of the group",
          {{"group", lease->group}});
    }
    if (context_.cancel.WaitFor(kAskOffsetsAgain)) {
      return Status::Cancelled("asked to leave at once");
    }
  }
}

Status KafkaSink::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  return Fenced(encoder_->Encode(
      batch, [&](const Records& records) { return WriteRecords(records, rejects); },
      rejects));
}

Status KafkaSink::WriteRecords(const Records& records, std::vector<DeadLetter>* rejects) {
  ASSIGN_OR_RETURN(int64_t limit, topics_->Limit(records.topic));
  RETURN_IF_ERROR(producer().Begin());
  int64_t first = 0;
  for (int64_t i = 0; i < records.size(); i++) {
    if (SizeOf(records, i) <= limit) continue;
    rejects->push_back(TooLarge(records, i, limit));
    RETURN_IF_ERROR(WriteRun(records, first, i, limit));
    first = i + 1;
  }
  return WriteRun(records, first, records.size(), limit);
}

Status KafkaSink::WriteRun(const Records& records, int64_t first, int64_t last,
                           int64_t limit) {
  if (first == last) return Status::Ok();
  staged_any_ = true;
  if (limit >= kBatchBytes) {
    staged_bytes_ += records.bytes() * (last - first) / records.size();
    return producer().Produce(records.topic, records, first, last);
  }
  // The client knows one size of a batch for all topics: here it must not fill it.
  while (first < last) {
    int64_t bytes = 0;
    int64_t end = first;
    while (end < last && (end == first || bytes + SizeOf(records, end) <= limit)) {
      bytes += SizeOf(records, end++);
    }
    RETURN_IF_ERROR(producer().Produce(records.topic, records, first, end));
    RETURN_IF_ERROR(producer().Flush());
    staged_bytes_ += bytes;
    first = end;
  }
  return Status::Ok();
}

Result<Prepared> KafkaSink::Prepare() {
  Prepared prepared;
  if (!staged_any_) return prepared;
  RETURN_IF_ERROR(failpoint::Durable("kafka.prepare.before"));
  // Of a transaction nothing counts before its commit, which waits for all of it.
  if (!options_.transactional) RETURN_IF_ERROR(producer().Flush());
  prepared.tables = {CommitLog::kTopic};
  return prepared;
}

// All of its tokens came in one transaction: one that still stands tells of it.
bool KafkaSink::IsHere(const Checkpoint& c) const {
  return std::ranges::any_of(c.shards, [&](const ShardRange& range) {
    auto now = commits_.tokens().find(range.shard);
    return now != commits_.tokens().end() && now->second.SameEpoch(c.TokenOf(range));
  });
}

Status KafkaSink::CheckPrevious(const Checkpoint& c) const {
  for (const ShardRange& range : c.shards) {
    auto now = commits_.tokens().find(range.shard);
    const Token* expected = FindToken(range.previous, CommitLog::kTopic);
    const bool none = now == commits_.tokens().end();
    if (none ? !expected : expected && now->second.SameEpoch(*expected)) continue;
    return Status(dealt_ ? ErrorKind::kTransient : ErrorKind::kFenced,
                  fmt::format("shard {} of pipeline {} was carried on by another process",
                              range.shard, c.pipeline));
  }
  return Status::Ok();
}

Status KafkaSink::WriteTokens(const Checkpoint& c) {
  RETURN_IF_ERROR(producer().Begin());
  std::map<Partition, int64_t> offsets;
  for (const Token& token : c.TokensFor(CommitLog::kTopic)) {
    RETURN_IF_ERROR(producer().ProduceOne(CommitLog::kTopic, CommitLog::kPartition,
                                          commits_.TokenKey(token.shard),
                                          token.ToJson()));
    auto shard = Shard::Parse(token.shard);
    auto place = Place::Parse(token.to);
    if (shard && place) offsets[shard->partition] = place->offset;
  }
  auto lease = Lease::Decode(c.lease);
  if (!lease || !options_.transactional) return Status::Ok();
  Status sent = producer().SendOffsets(*lease, offsets);
  if (sent.ok()) return sent;
  // The group does not know this member any more; or it is the producer that is fenced,
  // which then cannot abort either.
  RETURN_IF_ERROR(producer().AbortTransaction());
  return Status::Transient(sent.message());
}

Result<Committed> KafkaSink::Commit(const Checkpoint& c) {
  if (IsHere(c)) return Committed{};
  if (committing_ != CheckpointName(c)) {
    RETURN_IF_ERROR(CheckPrevious(c));
    RETURN_IF_ERROR(failpoint::Durable("kafka.tokens.before"));
    RETURN_IF_ERROR(Fenced(WriteTokens(c)));
    committing_ = CheckpointName(c);
  }
  RETURN_IF_ERROR(failpoint::Durable("kafka.commit.before"));
  Status done =
      options_.transactional ? producer().CommitTransaction() : producer().Flush();
  if (done.kind() == ErrorKind::kUnknownOutcome) return done;
  committing_.clear();
  RETURN_IF_ERROR(Fenced(std::move(done)));
  RETURN_IF_ERROR(failpoint::Durable("kafka.commit.after"));
  std::ranges::reverse(producers_);
  for (const Token& token : c.TokensFor(CommitLog::kTopic)) commits_.Note(token);
  staged_bytes_ = 0;
  staged_any_ = false;
  return Committed{};
}

Status KafkaSink::Abort() {
  staged_bytes_ = 0;
  staged_any_ = false;
  committing_.clear();
  encoder_->Abort();
  if (producers_.empty() || !options_.transactional) return Status::Ok();
  return producer().AbortTransaction();
}

Status KafkaSink::Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) {
  for (const auto& producer : producers_) RETURN_IF_ERROR(producer->Poll());
  return Status::Ok();
}

Status KafkaSink::Fenced(Status status) {
  if (status.kind() != ErrorKind::kFenced) return status;
  RETURN_IF_ERROR(commits_.Refresh());
  if (commits_.Owner(id_) != claimed_) {
    return Status::Fenced(fmt::format("another process writes for pipeline {} now ({})",
                                      context_.pipeline, status.message()));
  }
  return Status::Transient(fmt::format(
      "the transaction was open for longer than transaction.timeout.ms, and the broker "
      "aborted it; reading again from the last commit. Should it come again, let an "
      "epoch "
      "be shorter (commit.every, commit.rows) or the time-out longer ({})",
      status.message()));
}

}  // namespace leat::topic::kafka
