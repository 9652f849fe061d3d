// Source: reads one or several ordered streams (shards) of an outside system.
//
// Life: Open, then Read again and again. The first Read that knows answers kAssigned,
// with no shards when there are none for this process; the runtime recovers each and
// calls Start; only then do rows of it come. More may be assigned later. A shard that is
// taken away is answered as kRevoked. Until the next Read after that the source still
// holds it, unless `lost`, so that the runtime can commit its open epoch. Where it
// cannot, it aborts the epoch and calls Start again for the shards that stay, to read
// them anew from where they are committed. Owned by one pipeline. Open, Start, Read and
// Ack are called by its reader thread only; Reached, GetLag, Lease and Wake by any
// thread. Errors: kTransient (the runtime rebuilds the source and retries), kConfig (the
// user must act: purged log, missing privilege), kCancelled, kBug. A row at fault is not
// an error: it comes in Batch::rejects.
#pragma once

#include <map>
#include <vector>

#include "base/status.h"
#include "core/context.h"
#include "data/batch.h"

namespace leat {

// From where a shard goes on. `resume` empty: from the configured start. A table in
// `floors` already has everything up to its floor in the sink: its rows up to there are
// left out.
struct Resume {
  Position resume;
  std::map<TableId, Position> floors;
};

struct Lag {
  int64_t micros = 0;  // the newest change read is that far behind the source's clock
  int64_t bytes = -1;  // of log not yet read; -1: not known
  int64_t rows = -1;   // of a snapshot not yet read; -1: not known
};

struct ReadResult {
  enum class Kind : uint8_t { kBatch, kIdle, kEnd, kAssigned, kRevoked };
  Kind kind = Kind::kIdle;
  Batch batch;                  // kBatch
  std::vector<ShardId> shards;  // kAssigned, kRevoked
  bool lost = false;            // kRevoked: somebody else may hold them already
};

class Source {
 public:
  virtual ~Source() = default;

  virtual Status Open(const Needs& needs) = 0;
  // The tables known now, for the sink to open; more may come with Event::kSchema.
  virtual Result<std::vector<SchemaRef>> Tables() = 0;
  // The position from which the shard will be read: `resume`; the start it resolved to;
  // or, when somebody reset the shard by hand, where to: it is committed to the sink's
  // tables before a row is read, and floors count no more. Called again, it goes back.
  virtual Result<Position> Start(const ShardId& shard, const Resume& resume) = 0;
  // Waits until `deadline` or Wake at most. kEnd: a source with an end has read it all.
  virtual Result<ReadResult> Read(SteadyTime deadline) = 0;
  // Ends the wait of a Read, or of the next one; any thread. A source that cannot be
  // woken only makes others wait for its deadline.
  virtual void Wake() {}
  // Where the shard's stream ends now: what --until-caught-up waits for.
  virtual Result<Position> End(const ShardId& shard) = 0;
  // True when a shard at `at` has everything up to `target`.
  virtual bool Reached(const Position& at, const Position& target) const = 0;
  virtual Lag GetLag() const = 0;
  // Where shards are dealt to several processes: what proves to a sink that they are
  // still this one's (Kafka: the consumer group's metadata), as of now. Empty: they are
  // not dealt, and a token of somebody else's means a second process by mistake.
  virtual std::string Lease() const { return {}; }
  // Everything up to here is committed: logs and slots may be let go. Says nothing where
  // the shard is somebody else's by now.
  virtual void Ack(const ShardId& shard, const Position& committed) = 0;
};

}  // namespace leat
