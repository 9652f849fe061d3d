// What encoders share: one builder of records a topic, and the batch put in order topic
// by topic. Owned by an encoder; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "format/batch_order.h"
#include "format/codec.h"
#include "format/records.h"

namespace leat {

class TopicWriter {
 public:
  // The builder of a topic's records; valid until Flush.
  RecordsBuilder& To(const std::string& topic);
  // A builder that has grown large is handed on before more is written to it.
  Status Cut(RecordsBuilder* builder, const TakeRecords& take);
  // Everything that was written.
  Status Flush(const TakeRecords& take);

 private:
  std::map<std::string, RecordsBuilder> builders_;
};

// Chunks and events by the topic they go to, in the order of the batch.
struct TopicParts {
  std::vector<const Chunk*> chunks;
  std::vector<const Event*> events;
};

// The time of a change in milliseconds, or `now` where the source did not say.
inline int64_t MillisOf(const Chunk& chunk, int64_t row, int64_t now) {
  const auto at = static_cast<size_t>(row);
  return at < chunk.time.size() ? chunk.time[at] / 1000 : now;
}

}  // namespace leat
