// Decoders and encoders: records of topics into batches and back. A format is a pair of
// them, found by its name (format/options.h). Owned by one source or sink; one thread.
//
// Errors: kConfig where the user has to act (a schema the format cannot write, a registry
// that refuses), kTransient from a registry that cannot be reached. A record or row at
// fault is not an error: it is a dead letter with its reason, its place and its bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "core/context.h"
#include "data/batch.h"
#include "format/options.h"
#include "format/records.h"

namespace leat {

class Decoder {
 public:
  virtual ~Decoder() = default;

  // Appends what the records say: chunks, schema events (before the rows they are about)
  // and rejects. `seq` goes on where `out` ends; its bytes and source_time are added to.
  // The dead letters' `position` is left for the source to fill.
  virtual Status Decode(const Records& records, Batch* out) = 0;

  // The tables it knows now: those declared, and those announced so far.
  virtual std::vector<SchemaRef> Tables() const = 0;

  // What it has learnt of schemas and must be kept with the position of the records it
  // has read, so that a restart does not infer anew what the sink has already: "" where
  // nothing was inferred. Restore before the first Decode; several states (of several
  // partitions) are merged.
  virtual std::string State() const { return {}; }
  virtual Status Restore(std::string_view state) { return Status::Ok(); }
};

// The plans of so many schemas an encoder keeps; those that are no longer used are
// forgotten.
constexpr size_t kMaxPlans = 1024;

// Where an encoder's records go, a run of one topic at a time.
using TakeRecords = std::function<Status(Records)>;

class Encoder {
 public:
  virtual ~Encoder() = default;

  virtual Needs needs() const = 0;
  // Where a table's rows go.
  virtual std::string TopicFor(const TableId& table) const = 0;

  // Gives the records of the batch, in the order of seq within each topic. A run is
  // handed on as soon as it is of some size (TopicWriter): the batch is never there as
  // records as a whole. An error of `take` ends it. The rows it cannot write go to
  // `rejects`.
  virtual Status Encode(const Batch& batch, const TakeRecords& take,
                        std::vector<DeadLetter>* rejects) = 0;
  // Of those the records that are no row's, such as heartbeats: for a sink that keeps
  // rows as they are and calls this instead.
  virtual Status EncodeNotes(const Batch& batch, const TakeRecords& take) {
    return Status::Ok();
  }
  // What Encode remembers of the transaction it stands in is forgotten: the epoch was
  // aborted.
  virtual void Abort() {}

  // The key bytes of each row of the chunk alone, as Encode writes them; null where a
  // record has none. `before`: of the rows that updates had before, one for each update.
  virtual Result<std::shared_ptr<arrow::BinaryArray>> Keys(const Chunk& chunk,
                                                           bool before) = 0;
};

struct DecoderOptions {
  FormatOptions format;
  std::vector<std::string> topics;  // known before the first record; may be empty
  bool meta = false;      // fill Chunk::meta with _key, _headers, _partition, _offset
  Logger* log = nullptr;  // borrowed
};
Result<std::unique_ptr<Decoder>> MakeDecoder(DecoderOptions options);

struct EncoderOptions {
  FormatOptions format;
  // The topic of a table, with {database}, {schema} and {table}.
  std::string topic;
  Clock* clock = nullptr;  // borrowed
  Logger* log = nullptr;   // borrowed
};
Result<std::unique_ptr<Encoder>> MakeEncoder(EncoderOptions options);

}  // namespace leat
