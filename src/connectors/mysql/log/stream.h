// Log events into batches: transactions, XA, compressed payloads, definitions, positions.
// Knows no socket: events come from an EventFeed. Owned by a LogSource; one thread.
//
// A batch ends between transactions, except that a transaction larger than `batch_bytes`
// is cut into several (boundary=false but for the last). After a lost connection Rewind
// and a feed from resume_from() go on where the last batch ended: rows of the open
// transaction that were delivered are skipped.
//
// XA: what XA PREPARE logs is passed over and its place remembered in the position; when
// XA COMMIT comes, that transaction is read again from there. So nothing is held, neither
// in memory nor on disk, however long a transaction stays prepared.
//
// Errors: kConfig (the user has to act), kData (corrupt event, with file and offset),
// kTransient (from the feed).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "connectors/mysql/client/dump.h"
#include "connectors/mysql/log/followed_tables.h"
#include "connectors/mysql/log/payload.h"
#include "data/batch.h"

namespace leat::mysql {

struct StreamOptions {
  FollowOptions follow;
  ShardId shard;
  int64_t batch_bytes = 4 << 20;  // of row events, roughly
  // A batch is handed on when nothing has come for as long as `gap`, or when it is as old
  // as `linger`.
  std::chrono::microseconds gap{200};
  std::chrono::microseconds linger{4000};
  std::map<TableId, LogPosition> floors;
  // A second feed, for prepared transactions.
  std::function<Result<std::unique_ptr<EventFeed>>(const LogPosition&)> open;
};

// All events of a batch stand before its rows: none is about a table that has rows of an
// older shape in it. Gives both their numbers.
void NumberEvents(Batch* batch);

class LogStream {
 public:
  LogStream(StreamOptions options, LogPosition from, Logger* log);
  ~LogStream();

  // The next batch, but for its `end`, which is resume_from() after the call; nothing
  // when the deadline came first or the limit was reached with nothing to hand on. An
  // empty batch moves the position.
  Result<std::optional<Batch>> Read(EventFeed* feed, SteadyTime deadline);

  // Stop before the first transaction that ends behind `file`:`offset`.
  void SetLimit(std::string file, uint64_t offset);
  void ClearLimit() { limited_ = false; }
  // Everything up to the limit was handed on.
  bool AtLimit() const;

  // Where the log goes on after the last batch that was a boundary.
  const LogPosition& resume_from() const { return delivered_; }
  // Drops what was not handed on; the next feed starts at resume_from().
  void Rewind();
  // In the middle of a transaction, part of which was handed on.
  bool mid_transaction() const { return delivered_rows_ > 0; }

  // Of definitions in the batches handed on.
  std::vector<SnapshotRequest> TakeSnapshotRequests() {
    return tables_.TakeSnapshotRequests();
  }
  // A snapshot announces this shape: see FollowedTables::TakeRenames.
  std::vector<std::string> TakeRenames(const TableSchema& schema);
  // The same: see FollowedTables::TakeChange.
  Event::Change TakeChange(const TableId& id);
  // The next feed comes from another server: its files are others.
  void ForgetPlace();

  // What is being read: the end of the last event.
  const std::string& file() const { return file_; }
  uint64_t offset() const { return offset_; }
  int64_t newest_time() const { return newest_time_; }
  int64_t zero_dates() const { return tables_.zero_dates(); }

 private:
  // A transaction (or a statement on its own) between its first and last event.
  struct Transaction {
    bool open = false;
    bool has_gtid = false;
    bool begun = false;    // ends with COMMIT or XID, not with one statement
    bool xa = false;       // between XA START and XA PREPARE
    bool xa_rows = false;  // it changed a followed table
    Gtid gtid;
    std::string gtid_text;  // when meta is needed
    int64_t time = 0;       // microseconds; 0: each event's own
    uint32_t thread = 0;    // that of its BEGIN; 0: the log does not say
    int64_t rows = 0;       // of followed tables, those delivered and skipped included

    // As if newly made, but that its texts keep their memory.
    void Clear() {
      open = has_gtid = begun = xa = xa_rows = false;
      gtid.Clear();
      gtid_text.clear();
      time = rows = 0;
    }
  };

  enum class Step : uint8_t { kMore, kFlush };

  // stream.cc: batches and positions
  // False: the deadline came first.
  Result<bool> NextEvent(EventFeed* feed, SteadyTime deadline, LogEvent* event);
  Result<bool> WaitForEvent(EventFeed* feed, SteadyTime deadline, LogEvent* event);
  Result<bool> NextBytes(EventFeed* feed, SteadyTime deadline, std::string_view* bytes);
  Result<std::optional<Batch>> TakeBatch();
  bool Empty() const {
    return rows_in_batch_ == 0 && events_.empty() && rejects_.empty();
  }
  SteadyTime LingerUntil(SteadyTime deadline) const;
  void MovePosition(const EventHeader& header);
  void EndTransaction();
  Status AtPlace(Status status) const;

  // stream_events.cc: what each event does. kFlush: take the batch, then offer the same
  // event again.
  Result<Step> Handle(const LogEvent& event);
  Result<Step> HandleRows(const LogEvent& event);
  Result<Step> HandleTableMap(const LogEvent& event);
  Result<Step> HandleQuery(const LogEvent& event);
  Result<Step> HandleDefinition(const Statement& statement, const QueryEvent& query,
                                const RowContext& context);
  // Of the event that is at hand.
  RowContext ContextOf(const EventHeader& header) const;
  Status RejectStatementData(const QueryEvent& query);
  Status HandleRotate(const LogEvent& event);
  Status HandleGtid(const LogEvent& event);
  Status HandleHeartbeat(const LogEvent& event);
  Status HandleXaPrepare(const LogEvent& event);
  Status DecideXa(const std::string& xid, bool commit);
  Status StartReplay(const PreparedXa& xa);
  bool ReplayPasses(const LogEvent& event, Status* status);
  bool BelowFloor(FollowedTables::Table* table);

  const StreamOptions options_;
  Logger* const log_;
  FollowedTables tables_;

  LogPosition at_;              // after the last transaction read
  LogPosition delivered_;       // after the last boundary handed on
  int64_t rows_after_ = 0;      // read after it, whether handed on or not
  int64_t delivered_rows_ = 0;  // handed on after it
  Gtid delivered_gtid_;         // of the transaction the last of them is in
  FollowedTables::Pending delivered_pending_;  // after them
  int64_t skip_rows_ = 0;   // still to be skipped of them, after Rewind
  bool end_batch_ = false;  // a definition was read: nothing may join it

  bool limited_ = false;
  std::string limit_file_;
  uint64_t limit_offset_ = 0;

  std::string file_;     // being read
  uint64_t offset_ = 0;  // after the last event read
  FormatDescription format_;
  bool format_known_ = false;
  Transaction transaction_;
  std::unique_ptr<PayloadReader> payload_;

  // A prepared transaction that is read again.
  struct Replay {
    std::unique_ptr<EventFeed> feed;
    std::string xid;
    FormatDescription format;
    bool format_known = false;
    bool inside = false;  // its XA START was seen
  };
  std::unique_ptr<Replay> replay_;

  std::optional<LogEvent> held_;  // to be offered again after the batch was taken
  std::string rows_memory_;
  std::vector<Event> events_;
  std::vector<DeadLetter> rejects_;
  uint32_t seq_ = 0;
  int64_t rows_in_batch_ = 0;
  int64_t bytes_in_batch_ = 0;
  int64_t batch_time_ = 0;  // of the newest row in the batch
  int64_t newest_time_ = 0;
  SteadyTime batch_started_{};
};

}  // namespace leat::mysql
