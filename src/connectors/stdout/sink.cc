#include "connectors/stdout/sink.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "connectors/stdout/json_line.h"
#include "format/record_rows.h"

namespace leat::standard_output {
namespace {

constexpr size_t kFlushBytes = size_t{256} << 10;

}  // namespace

Needs StdoutSink::needs() const {
  Needs needs;
  needs.before = Needs::Before::kKey;
  if (encoder_) needs.Add(encoder_->needs());
  return needs;
}

Status StdoutSink::WriteRecords(const Batch& batch, std::vector<DeadLetter>* rejects) {
  const auto take = [&](const Records& records) {
    for (int64_t i = 0; i < records.size(); i++) {
      lines_ += RecordText(records, i);
      lines_ += '\n';
    }
    bytes_ += records.bytes();
    return lines_.size() >= kFlushBytes ? Flush() : Status::Ok();
  };
  return encoder_->Encode(batch, take, rejects);
}

// Merges rows and events by seq, so that lines stand in the source's order.
Status StdoutSink::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  if (encoder_) return WriteRecords(batch, rejects);
  struct Line {
    uint32_t seq;
    const Chunk* chunk;  // null: an event
    int64_t row;
    int64_t update;
    const Event* event;
  };
  std::vector<Line> order;
  for (const Chunk& chunk : batch.chunks) {
    int64_t update = 0;
    for (int64_t i = 0; i < chunk.size(); i++) {
      const auto at = static_cast<size_t>(i);
      order.push_back({chunk.seq[at], &chunk, i, update, nullptr});
      if (chunk.ops[at] == Op::kUpdate) update++;
    }
  }
  for (const Event& event : batch.events) {
    if (events_) order.push_back({event.seq, nullptr, 0, 0, &event});
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Line& a, const Line& b) { return a.seq < b.seq; });
  for (const Line& line : order) {
    const size_t before = lines_.size();
    if (line.chunk) {
      AppendRow(*line.chunk, line.row, line.update, &lines_);
    } else {
      AppendEvent(*line.event, &lines_);
    }
    bytes_ += static_cast<int64_t>(lines_.size() - before);
    if (lines_.size() >= kFlushBytes) RETURN_IF_ERROR(Flush());
  }
  return Status::Ok();
}

Status StdoutSink::Flush() {
  std::string_view left = lines_;
  while (!left.empty()) {
    const ssize_t n = write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return Status::Config(std::string("standard output cannot be written: ") +
                            std::strerror(errno));
    }
    left.remove_prefix(static_cast<size_t>(n));
  }
  lines_.clear();
  return Status::Ok();
}

Result<Prepared> StdoutSink::Prepare() {
  RETURN_IF_ERROR(Flush());
  return Prepared{};
}

Result<Committed> StdoutSink::Commit(const Checkpoint& checkpoint) {
  bytes_ = 0;
  return Committed{};
}

// What has left the process cannot be taken back: it comes again.
Status StdoutSink::Abort() {
  if (encoder_) encoder_->Abort();
  lines_.clear();
  bytes_ = 0;
  return Status::Ok();
}

}  // namespace leat::standard_output
