// What each event of a log means: the second half of LogStream.
#include <fmt/format.h>

#include <algorithm>

#include "connectors/mysql/log/stream.h"
#include "connectors/mysql/values/temporal.h"

namespace leat::mysql {
namespace {

std::string Shortened(std::string_view statement) {
  constexpr size_t kMost = 200;
  if (statement.size() <= kMost) return std::string(statement);
  return std::string(statement.substr(0, kMost)) + "...";
}

}  // namespace

Result<LogStream::Step> LogStream::Handle(const LogEvent& event) {
  Status status;
  if (replay_ && !ReplayPasses(event, &status)) {
    if (!status.ok()) return status;
    return Step::kMore;
  }
  switch (event.header.type) {
    case EventType::kTableMap:
    case EventType::kQuery:
    case EventType::kQueryCompressed: {
      // These may ask for a flush before they take effect; the position waits for it.
      ASSIGN_OR_RETURN(Step step, event.header.type == EventType::kTableMap
                                      ? HandleTableMap(event)
                                      : HandleQuery(event));
      return step;
    }
    default: break;
  }
  if (IsRows(event.header.type)) return HandleRows(event);
  MovePosition(event.header);
  switch (event.header.type) {
    case EventType::kFormatDescription: {
      ASSIGN_OR_RETURN(format_, ParseFormatDescription(event.body));
      format_known_ = true;
      tables_.ForgetIds();
      break;
    }
    case EventType::kRotate: RETURN_IF_ERROR(HandleRotate(event)); break;
    case EventType::kGtid:
    case EventType::kAnonymousGtid:
    case EventType::kGtidTagged:
    case EventType::kMariadbGtid: RETURN_IF_ERROR(HandleGtid(event)); break;
    case EventType::kXid: EndTransaction(); break;
    case EventType::kXaPrepare: RETURN_IF_ERROR(HandleXaPrepare(event)); break;
    case EventType::kTransactionPayload: {
      ASSIGN_OR_RETURN(payload_, PayloadReader::Open(event.body));
      break;
    }
    case EventType::kHeartbeat:
    case EventType::kHeartbeatV2: RETURN_IF_ERROR(HandleHeartbeat(event)); break;
    case EventType::kExecuteLoadQuery:
      return Status::Config(
          "LOAD DATA was logged as a statement; run SET GLOBAL binlog_format=ROW on the "
          "server (for sessions that are open, too) and take a new snapshot");
    case EventType::kIncident:
      return Status::Config(
          "the server reports that changes are missing from its log (an INCIDENT event); "
          "take a new snapshot");
    default: break;  // nothing that changes rows or position
  }
  // Between transactions every event's end is a place to go on from.
  if (!transaction_.open && !replay_) {
    at_.file = file_;
    at_.offset = offset_;
  }
  return Step::kMore;
}

Result<LogStream::Step> LogStream::HandleTableMap(const LogEvent& event) {
  if (transaction_.xa && !replay_) {
    ASSIGN_OR_RETURN(TableMapName name, PeekTableMap(event.body));
    TableId id{std::string(name.database), "", std::string(name.table)};
    transaction_.xa_rows = transaction_.xa_rows || tables_.Follows(id);
  } else {
    ASSIGN_OR_RETURN(bool taken,
                     tables_.OnTableMap(event.body, ContextOf(event.header), &events_));
    if (!taken) return Step::kFlush;
  }
  MovePosition(event.header);
  return Step::kMore;
}

Result<LogStream::Step> LogStream::HandleRows(const LogEvent& event) {
  uint64_t start = offset_;
  MovePosition(event.header);
  if (transaction_.xa && !replay_) return Step::kMore;
  ASSIGN_OR_RETURN(RowsEvent rows,
                   ParseRows(event, replay_ ? replay_->format : format_, &rows_memory_));
  auto found = tables_.Find(rows.table_id);
  if (!found) {
    return Status::Data(
        fmt::format("a row event is for table id {}, which no table map "
                    "before it has",
                    rows.table_id));
  }
  FollowedTables::Table* table = *found;
  if (table == nullptr || BelowFloor(table)) return Step::kMore;
  if (Empty()) batch_started_ = std::chrono::steady_clock::now();
  RowContext context = ContextOf(event.header);
  context.offset = start;
  uint32_t first = seq_;
  ASSIGN_OR_RETURN(int64_t count,
                   table->stream->Append(rows, context, skip_rows_, &seq_, &rejects_));
  if (skip_rows_ > 0 && count >= skip_rows_ && transaction_.gtid != delivered_gtid_) {
    return Status::Transient(
        "after the reconnect the log has other transactions than before it: starting "
        "again from the last commit");
  }
  skip_rows_ -= std::min(skip_rows_, count);
  rows_after_ += count;
  transaction_.rows += count;
  rows_in_batch_ += seq_ - first;
  if (seq_ != first) bytes_in_batch_ += static_cast<int64_t>(rows.rows.size());
  batch_time_ = std::max(batch_time_, context.time);
  newest_time_ = std::max(newest_time_, context.time);
  return Step::kMore;
}

RowContext LogStream::ContextOf(const EventHeader& header) const {
  RowContext context;
  context.time =
      transaction_.time != 0 ? transaction_.time : int64_t{header.time} * kMicros;
  context.gtid = transaction_.gtid_text;
  context.file = file_;
  context.offset = offset_;
  context.server = header.server_id;
  context.thread = transaction_.thread;
  return context;
}

bool LogStream::BelowFloor(FollowedTables::Table* table) {
  if (!table->floor) return false;
  const LogPosition& floor = *table->floor;
  if (at_.Reached(floor)) {
    table->floor.reset();
    return false;
  }
  if (floor.gtid && transaction_.has_gtid) return floor.gtids.Contains(transaction_.gtid);
  int order = CompareLogFiles(file_, floor.file);
  return order < 0 || (order == 0 && offset_ <= floor.offset);
}

Result<LogStream::Step> LogStream::HandleQuery(const LogEvent& event) {
  ASSIGN_OR_RETURN(QueryEvent query, ParseQuery(event));
  if (event.header.type == EventType::kQueryCompressed) {
    query.statement = query.statement_memory;
  }
  Statement statement = ParseStatement(query.statement, query.database);
  if (statement.kind == Statement::Kind::kDefinition) {
    RowContext context = ContextOf(event.header);
    context.thread = 0;  // that of a transaction before it
    ASSIGN_OR_RETURN(Step step, HandleDefinition(statement, query, context));
    if (step == Step::kFlush) return step;
    MovePosition(event.header);
    // MySQL's CREATE TABLE ... SELECT goes on with rows.
    bool rows_follow = query.statement.ends_with("START TRANSACTION");
    if (rows_follow) transaction_.begun = true;
    if (!transaction_.begun) EndTransaction();
    return step;
  }
  MovePosition(event.header);
  bool had_rows = transaction_.rows > 0;
  switch (statement.kind) {
    case Statement::Kind::kBegin:
      transaction_.open = true;
      transaction_.thread = query.thread;
      return Step::kMore;
    case Statement::Kind::kCommit: EndTransaction(); return Step::kMore;
    case Statement::Kind::kRollback:
    case Statement::Kind::kRollbackToSavepoint:
      if (had_rows) {
        return Status::Config(fmt::format(
            "the log takes back rows of a followed table ({}), which happens when a "
            "transaction mixes InnoDB and other engines; take a new snapshot",
            query.statement));
      }
      if (statement.kind == Statement::Kind::kRollback) EndTransaction();
      return Step::kMore;
    case Statement::Kind::kXaStart:
      transaction_.open = transaction_.begun = true;
      transaction_.xa = true;
      return Step::kMore;
    case Statement::Kind::kXaCommit:
    case Statement::Kind::kXaRollback: {
      bool commit = statement.kind == Statement::Kind::kXaCommit;
      RETURN_IF_ERROR(DecideXa(statement.xid, commit));
      return Step::kMore;
    }
    case Statement::Kind::kXaEnd:
    case Statement::Kind::kXaPrepare:
    case Statement::Kind::kSavepoint: return Step::kMore;
    case Statement::Kind::kData: RETURN_IF_ERROR(RejectStatementData(query)); break;
    default: break;
  }
  // Outside BEGIN a statement is a group of its own.
  if (!transaction_.begun) EndTransaction();
  return Step::kMore;
}

Result<LogStream::Step> LogStream::HandleDefinition(const Statement& statement,
                                                    const QueryEvent& query,
                                                    const RowContext& context) {
  const bool tell = options_.follow.needs.statements && !statement.changes.empty();
  if (query.error_code != 0 || !(tell || tables_.Concerns(statement))) return Step::kMore;
  if (rows_in_batch_ > 0) return Step::kFlush;
  if (events_.empty()) batch_started_ = std::chrono::steady_clock::now();
  if (tell) {
    ASSIGN_OR_RETURN(const bool told,
                     tables_.Tell(statement, query.statement, context, &events_));
    if (!told && !tables_.Concerns(statement)) return Step::kMore;
  }
  RETURN_IF_ERROR(tables_.OnDefinition(statement, query.statement, &events_));
  end_batch_ = true;
  return Step::kMore;
}

// A change logged as a statement cannot be followed: it must not be of a followed table.
Status LogStream::RejectStatementData(const QueryEvent& query) {
  for (const TableId& name : ChangedTables(query.statement, query.database)) {
    if (!tables_.Follows(name)) continue;
    return Status::Config(fmt::format(
        "a change of {} was logged as a statement, not as rows: {}; run SET GLOBAL "
        "binlog_format=ROW on the server, let open sessions reconnect, and take a new "
        "snapshot",
        name.ToString(), Shortened(query.statement)));
  }
  return Status::Ok();
}

Status LogStream::HandleRotate(const LogEvent& event) {
  ASSIGN_OR_RETURN(RotateEvent rotate, ParseRotate(event.body));
  // MariaDB passes over what comes before a GTID position in silence: in the file where
  // we stand we stand where we stood.
  bool same_place = (event.header.flags & kFlagArtificial) != 0 && at_.gtid &&
                    options_.follow.flavor == Flavor::kMariaDb && !transaction_.open &&
                    rotate.file == file_ && rotate.offset < offset_;
  if (!same_place) {
    file_ = rotate.file;
    offset_ = rotate.offset;
  }
  tables_.ForgetIds();
  return Status::Ok();
}

Status LogStream::HandleGtid(const LogEvent& event) {
  ASSIGN_OR_RETURN(GtidEvent gtid, ParseGtid(event));
  transaction_.Clear();
  transaction_.open = true;
  // MariaDB sends no BEGIN: its GTID event says whether one statement stands alone.
  bool mariadb = gtid.gtid.flavor == Flavor::kMariaDb;
  transaction_.begun = mariadb && !gtid.standalone;
  transaction_.xa = gtid.prepared_xa;
  transaction_.time = gtid.commit_micros;
  transaction_.has_gtid = !gtid.anonymous;
  if (gtid.anonymous && at_.gtid) {
    return Status::Config(
        "a transaction without GTID is in the log although the server had GTIDs on when "
        "the pipeline started; set gtid_mode=ON and take a new snapshot");
  }
  transaction_.gtid = std::move(gtid.gtid);
  if (options_.follow.needs.meta && transaction_.has_gtid) {
    transaction_.gtid_text = transaction_.gtid.ToString();
  }
  return Status::Ok();
}

Status LogStream::HandleHeartbeat(const LogEvent& event) {
  ASSIGN_OR_RETURN(HeartbeatEvent beat, ParseHeartbeat(event));
  if (transaction_.open || replay_) return Status::Ok();
  if (!beat.file.empty()) file_ = beat.file;
  if (event.header.type == EventType::kHeartbeatV2) {
    offset_ = std::max(offset_, beat.offset);
  } else if (beat.offset > offset_) {
    offset_ = beat.offset;
  }
  return Status::Ok();
}

Status LogStream::HandleXaPrepare(const LogEvent& event) {
  ASSIGN_OR_RETURN(XaPrepareEvent xa, ParseXaPrepare(event.body));
  PreparedXa prepared;
  prepared.xid = xa.xid;
  prepared.rows = transaction_.xa_rows;
  prepared.gtids = at_.gtids;
  prepared.file = at_.file;
  prepared.offset = at_.offset;
  if (!xa.one_phase) {
    at_.prepared.push_back(std::move(prepared));
    EndTransaction();
    return Status::Ok();
  }
  if (!prepared.rows) {
    EndTransaction();
    return Status::Ok();
  }
  return StartReplay(prepared);
}

Status LogStream::DecideXa(const std::string& xid, bool commit) {
  auto found = std::find_if(at_.prepared.begin(), at_.prepared.end(),
                            [&](const PreparedXa& xa) { return xa.xid == xid; });
  if (found == at_.prepared.end()) {
    if (commit) {
      return Status::Config(
          fmt::format("XA COMMIT {}: it was prepared before the pipeline's start, so its "
                      "rows are not "
                      "in the log from here on; take a new snapshot",
                      xid));
    }
    EndTransaction();
    return Status::Ok();
  }
  PreparedXa prepared = *found;
  at_.prepared.erase(found);
  if (commit && prepared.rows) return StartReplay(prepared);
  EndTransaction();
  return Status::Ok();
}

Status LogStream::StartReplay(const PreparedXa& xa) {
  LogPosition from;
  from.gtids = xa.gtids;
  from.gtid = at_.gtid;
  from.file = xa.file;
  from.offset = xa.offset;
  auto replay = std::make_unique<Replay>();
  replay->xid = xa.xid;
  ASSIGN_OR_RETURN(replay->feed, options_.open(from));
  replay_ = std::move(replay);
  tables_.ForgetIds();
  transaction_.xa = false;
  return Status::Ok();
}

// Of a log that is read again only the rows of one transaction count.
bool LogStream::ReplayPasses(const LogEvent& event, Status* status) {
  switch (event.header.type) {
    case EventType::kFormatDescription: {
      auto format = ParseFormatDescription(event.body);
      *status = format.status();
      if (format.ok()) replay_->format = *format;
      replay_->format_known = true;
      return false;
    }
    case EventType::kQuery:
    case EventType::kQueryCompressed: {
      auto query = ParseQuery(event);
      *status = query.status();
      if (!query.ok()) return false;
      Statement statement = ParseStatement(query->statement, query->database);
      if (statement.kind == Statement::Kind::kXaStart && statement.xid == replay_->xid) {
        replay_->inside = true;
      }
      return false;
    }
    case EventType::kMariadbGtid: {
      auto gtid = ParseGtid(event);
      *status = gtid.status();
      replay_->inside = gtid.ok() && gtid->xid == replay_->xid;
      return false;
    }
    case EventType::kHeartbeat:
    case EventType::kHeartbeatV2: {
      auto beat = ParseHeartbeat(event);
      *status = beat.status();
      if (!beat.ok() || replay_->inside) return false;
      int order = CompareLogFiles(beat->file, file_);
      if (order < 0 || (order == 0 && beat->offset < offset_)) return false;
      *status = Status::Config(fmt::format(
          "the rows of the prepared transaction {} are no longer in the log; take a new "
          "snapshot",
          replay_->xid));
      return false;
    }
    case EventType::kXaPrepare:
      if (replay_->inside) {
        replay_.reset();
        tables_.ForgetIds();
        EndTransaction();
      }
      return false;
    default:
      return replay_->inside &&
             (event.header.type == EventType::kTableMap || IsRows(event.header.type));
  }
}

}  // namespace leat::mysql
