// Attempt: one life of a pipeline's parts, under an attempt id of its own, from recovery
// to the first error or the end. The pipeline makes another one after an error that a
// retry may mend. The writer thread only.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "runtime/board.h"
#include "runtime/breaker.h"
#include "runtime/epoch.h"
#include "runtime/pipeline.h"
#include "runtime/reader.h"
#include "runtime/steps.h"
#include "runtime/watched_sink.h"

namespace leat {

struct Recovered;

// What outlives an attempt in the same process.
struct PipelineMemory {
  std::map<ShardId, Position> ends;     // as of the start, for until_caught_up
  std::map<TableId, SchemaRef> tables;  // that came up while running
};

struct AttemptParts {
  const PipelineSettings& settings;
  const PipelineParts& parts;
  Store& store;
  Clock& clock;
  Logger& log;
  StatsBoard& board;
  PipelineMemory& memory;
  Breakers& breakers;
  const std::atomic<bool>& stop;  // finish the epoch and leave
  const CancelToken& cancel;      // leave now
};

class Attempt {
 public:
  explicit Attempt(const AttemptParts& parts);
  ~Attempt();

  // OK: the source ended, it has caught up, or it was asked to stop.
  Status Run();
  // It closed an epoch that moved a position, or has run for some time.
  bool progressed() const { return progressed_; }
  // Of the error that ended it.
  Side failed_side() const { return failed_side_; }

 private:
  Status Make();
  Status Loop();
  Status Handle(ReadItem item);
  Status HandleBatch(Batch batch);
  EpochParts Parts() const;
  Status Assign(const std::vector<ShardId>& shards);
  Status Revoke(const std::vector<ShardId>& shards, bool lost);
  Status StartShards(const Recovered& recovered);
  Status AskIfUnexpected(const Recovered& recovered);
  // Drops the open epoch; what it had of the shards that stay is read again.
  Status AbortAndReread(const std::vector<ShardId>& gone);
  void NoteBehind(const ShardId& shard);
  void ShowShards();
  Status OpenSink();
  Status NoteTable(const SchemaRef& schema);
  Status NoteTables(const Batch& batch);
  Status RunTimers();
  std::map<TableId, Position> Floors(const ShardState& state) const;
  std::vector<SinkTable> SinkTables() const;
  Status Close(bool into_sink = false);
  Status CloseIfOpen();
  bool CaughtUp() const;
  Status Upkeep(bool idle);
  SteadyTime WaitUntil() const;
  void Note();
  // Reader::Call; what fails is the source's failure.
  Status AskSource(std::function<Status(Source&)> call);
  void Progressed();

  const AttemptParts p_;
  const Owner owner_;
  const Context context_;
  std::unique_ptr<Steps> steps_;
  std::unique_ptr<WatchedSink> sink_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<EpochWriter> epochs_;  // from the first assignment on

  std::map<TableId, SinkTable> tables_;  // every table of the source known
  std::set<ShardId> behind_;             // until_caught_up: have not reached their ends
  Micros heartbeat_{0};
  SteadyTime next_beat_ = SteadyTime::max();
  bool finishing_ = false;
  bool done_ = false;
  bool progressed_ = false;
  Side failed_side_ = Side::kNeither;
  const SteadyTime started_;
  SteadyTime upkeep_time_;
  int commits_since_upkeep_ = 0;
  double noted_cpu_;
};

}  // namespace leat
