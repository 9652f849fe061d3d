// EmbeddedSource: the partitions of embedded topics as shards. Rows that a pipeline wrote
// come as they were written, in columns; records that came as bytes are decoded by the
// format. Partitions and topics that come up later are assigned when they do.
//
// Worker i of N has the partitions p with p mod N = i. The group's offsets are published
// when they are committed; one that was reset by hand is gone to at once. Threads and
// errors: core/source.h.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "connectors/topic/embedded/place.h"
#include "connectors/topic/options.h"
#include "core/source.h"
#include "format/codec.h"
#include "store/topics/topic_log.h"

namespace leat::topic::embedded {

class EmbeddedSource final : public Source {
 public:
  // Borrows what `context` lends; its store is there.
  EmbeddedSource(SourceOptions options, const Context& context);
  ~EmbeddedSource() override;

  Status Open(const Needs& needs) override;
  Result<std::vector<SchemaRef>> Tables() override { return decoder_->Tables(); }
  Result<Position> Start(const ShardId& shard, const Resume& resume) override;
  Result<ReadResult> Read(SteadyTime deadline) override;
  Result<Position> End(const ShardId& shard) override;
  bool Reached(const Position& at, const Position& target) const override;
  Lag GetLag() const override;
  void Ack(const ShardId& shard, const Position& committed) override;

 private:
  struct Cursor {
    TopicPartition partition;
    bool started = false;
    Place at;
    std::map<TableId, SchemaRef> announced;  // as the sink was told of them
    std::map<TableId, Place> floors;
  };

  // Partitions that came up or went away; nothing where none did.
  Result<std::optional<ReadResult>> Look();
  std::vector<TopicPartition> Mine() const;
  Status Join(const std::string& topic);
  // A batch that moves to where somebody reset the group to.
  Result<std::optional<ReadResult>> GoWhereReset();
  Result<std::optional<Batch>> ReadShard(const ShardId& shard, Cursor* cursor);
  Status Append(FetchedSegment fetched, Cursor* cursor, Batch* batch);
  static bool ChangesTables(const Segment& segment, const Cursor& cursor);
  void AppendRows(Segment segment, Cursor* cursor, Batch* batch);
  Status Decode(FetchedSegment* fetched, Cursor* cursor, Batch* batch);
  Result<Place> FirstPlace(const TopicPartition& partition) const;
  // Where records are, at or behind the place.
  Result<Place> Within(const TopicPartition& partition, Place place) const;

  const SourceOptions options_;
  const Context context_;
  const std::string group_;
  TopicLog& log_;
  const std::optional<std::regex> pattern_;
  std::unique_ptr<Decoder> decoder_;

  std::map<ShardId, Cursor> shards_;
  std::set<std::string> joined_;     // topics
  bool assigned_ = false;            // the first answer was given
  ShardId last_;                     // read from; the next one's turn comes first
  uint64_t looked_ = 0;              // shape of the log at the last Look
  uint64_t resets_ = 0;              // of the groups, when they were last asked
  std::atomic<int64_t> newest_ = 0;  // time of the newest change read, microseconds
  std::atomic<bool> behind_ = false;
};

}  // namespace leat::topic::embedded
