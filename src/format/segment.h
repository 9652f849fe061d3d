// Segment: a run of one partition of an embedded topic as it lies in the store. It holds
// either what a pipeline wrote (chunks of rows with their operations, order, time and
// images before, and events), in columns as they came, or records that came as bytes.
//
// Its rows (or records) have offsets: the n-th in the order of seq has the n-th offset
// behind the segment's first, unless `offsets` says otherwise: then some of them were
// compacted away. Values; any thread.
#pragma once

#include <arrow/array/array_binary.h>
#include <arrow/buffer.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.h"
#include "format/records.h"

namespace leat {

struct Segment {
  // The format its writer was told to write; how its rows become bytes.
  std::string format;
  std::vector<Chunk> chunks;
  std::vector<Event> events;
  // One for each chunk, of its rows' keys; empty unless the topic is compacted by key.
  std::vector<std::shared_ptr<arrow::BinaryArray>> keys;
  // Instead of chunks and events.
  std::optional<Records> records;
  // Of each chunk's rows, or of the records as one; counted from the segment's first.
  std::vector<std::vector<int64_t>> offsets;

  int64_t rows() const;
};

// How schemas are kept: once each, outside of segments, under a name.
using KeepSchema = std::function<Result<std::string>(const SchemaRef&)>;
using FindSchema = std::function<Result<SchemaRef>(const std::string& name)>;

// Errors: kData where a row's values cannot be kept, those of `keep`.
Result<std::string> EncodeSegment(const Segment& segment, const KeepSchema& keep);
// Borrows from `bytes` what is not compressed. Errors: kConfig for what EncodeSegment did
// not make, those of `find`.
Result<Segment> DecodeSegment(const std::shared_ptr<arrow::Buffer>& bytes,
                              const FindSchema& find);

// Keeps these rows, which rise, and the images before of the updates among them.
Status TakeRows(const std::vector<int64_t>& rows, Chunk* chunk);
// The same of a column; null where it is null.
Result<std::shared_ptr<arrow::BinaryArray>> TakeRows(
    const std::vector<int64_t>& rows, const std::shared_ptr<arrow::BinaryArray>& column);
Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::vector<int64_t>& rows, const std::shared_ptr<arrow::RecordBatch>& batch);

// Makes one chunk of a table's chunks with the same schema: each costs as much as many
// rows.
Status MergeChunks(Segment* segment);

// The offset of each row of each chunk, or of the records as one.
std::vector<std::vector<int64_t>> OffsetsOf(const Segment& segment);
// Takes away the rows below the offset `first` (counted from the segment's first), and
// the events before them.
Status CutBefore(int64_t first, Segment* segment);
// Keeps the rows whose offsets (counted from the segment's first) are in `keep`, which
// is sorted, and all events.
Status KeepRows(const std::vector<int64_t>& keep, Segment* segment);

}  // namespace leat
