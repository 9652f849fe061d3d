// A pipeline file's `mysql` mapping as the connector's parts use it. A value.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "connectors/mysql/client/catalog.h"
#include "connectors/mysql/client/checks.h"
#include "connectors/mysql/client/url.h"
#include "connectors/mysql/poll.h"
#include "core/config.h"
#include "core/spec.h"

namespace leat::mysql {

struct SourceOptions {
  enum class Read : uint8_t { kCdc, kPoll, kOnce };
  enum class SnapshotMode : uint8_t { kInitial, kNever, kOnly };

  Url url;
  TablePatterns tables;
  Read read = Read::kCdc;
  SnapshotMode snapshot = SnapshotMode::kInitial;
  int snapshot_workers = 1;
  int64_t snapshot_chunk_rows = 0;
  std::map<std::string, std::string> where;
  bool minimal_metadata = false;
  bool keep_dropped_partitions = false;
  uint32_t server_id = 0;
  Micros heartbeat{};
  int64_t batch_bytes = 0;
  ValueOptions values;
  PollOptions poll;  // kPoll

  ServerNeeds server_needs() const { return {read == Read::kCdc, !minimal_metadata}; }
  // The log's source ends behind its snapshot.
  bool ends() const { return snapshot == SnapshotMode::kOnly; }
};

Spec SourceSpec();
void ValidateSource(const Config& config, Diagnostics* diagnostics);
// kConfig: url or tables are malformed.
Result<SourceOptions> ReadSourceOptions(const Config& config);

}  // namespace leat::mysql
