#include "connectors/mysql/poll.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <deque>

#include "connectors/mysql/client/catalog.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/poll_position.h"
#include "connectors/mysql/snapshot/chunk_key.h"
#include "connectors/mysql/values/column_builder.h"
#include "connectors/mysql/values/text_decoder.h"
#include "core/suggest.h"

namespace leat::mysql {
namespace {

// Rows remembered at the floor; they are read again with each query.
constexpr int64_t kMostGiven = 5000;

uint64_t HashRow(char** values, const unsigned long* lengths, unsigned columns) {
  uint64_t hash = 0;
  for (unsigned i = 0; i < columns; i++) {
    // A length no value has stands for NULL.
    uint64_t length = values[i] ? lengths[i] : UINT64_MAX;
    hash = XXH3_64bits_withSeed(&length, sizeof length, hash);
    if (values[i]) hash = XXH3_64bits_withSeed(values[i], lengths[i], hash);
  }
  return hash;
}

class PollSource final : public Source {
 public:
  PollSource(const Url& url, const PollOptions& options, TableId id,
             const Context& context)
      : url_(url), options_(options), context_(context), id_(std::move(id)) {}

  Status Open(const Needs& needs) override;
  Result<std::vector<SchemaRef>> Tables() override;
  Result<Position> Start(const ShardId& shard, const Resume& resume) override;
  Result<ReadResult> Read(SteadyTime deadline) override;
  Result<Position> End(const ShardId& shard) override;
  bool Reached(const Position& at, const Position& target) const override;
  Lag GetLag() const override { return {}; }
  void Ack(const ShardId& shard, const Position& committed) override {}

 private:
  // What one query brought.
  struct Page {
    int64_t rows = 0;
    std::map<uint64_t, int64_t> seen;
    std::vector<uint64_t> fresh;  // of the rows in `batch`
    std::vector<uint64_t> rejected;
    bool top_is_fresh = false;  // the page's last row is the last of `batch`
    std::shared_ptr<arrow::RecordBatch> batch;
    std::vector<DeadLetter> rejects;
  };

  ShardId shard() const { return "poll:" + id_.ToString(); }
  Status Describe(bool* changed);
  std::string Sql() const;
  Result<Page> ReadPage();
  Result<std::optional<Batch>> Poll();
  Status MoveFloor(const Page& page);

  const Url url_;
  const PollOptions options_;
  const Context context_;
  const TableId id_;
  std::unique_ptr<Client> client_;
  CatalogTable table_;
  ChunkKey cursor_;  // the cursor alone
  ChunkKey order_;   // cursor, then the key
  SchemaRef schema_;
  std::unique_ptr<TextDecoder> decoder_;
  std::unique_ptr<TableBuilder> builder_;
  bool has_key_ = false;
  bool assigned_ = false;
  bool whole_ = true;       // the last query reached the end
  bool end_asked_ = false;  // somebody waits for the next pass
  SteadyTime next_{};
  PollPosition at_;
  // Cursors reached in the last `settle`, with the time, oldest first.
  std::deque<std::pair<SteadyTime, std::string>> recent_;
};

Status PollSource::Describe(bool* changed) {
  TablePatterns pattern = *TablePatterns::Parse({id_.ToString()}, id_.database);
  ASSIGN_OR_RETURN(std::vector<CatalogTable> found, FindTables(client_.get(), pattern));
  *changed = schema_ == nullptr || !found[0].SameShape(table_);
  if (!*changed) return Status::Ok();
  table_ = std::move(found[0]);
  const KeyColumn* cursor = table_.FindOrderable(options_.cursor);
  if (!cursor) {
    std::vector<std::string> names;
    for (const ColumnDef& column : table_.def.columns) names.push_back(column.name);
    return Status::Config(fmt::format(
        "poll: table {} has no column \"{}\" that can be the cursor; {}", id_.ToString(),
        options_.cursor, Suggest(options_.cursor, names, "there are")));
  }
  std::vector<KeyColumn> order = {*cursor};
  cursor_ = ChunkKey(table_, order);
  has_key_ = !table_.order.empty();
  order.insert(order.end(), table_.order.begin(), table_.order.end());
  order_ = ChunkKey(table_, order);
  ASSIGN_OR_RETURN(schema_, MakeSchema(table_.def));
  decoder_ = std::make_unique<TextDecoder>(table_.def, options_.values);
  builder_ = std::make_unique<TableBuilder>(schema_);
  return Status::Ok();
}

Status PollSource::Open(const Needs& needs) {
  ASSIGN_OR_RETURN(client_, Client::Connect(url_));
  bool changed = false;
  return Describe(&changed);
}

Result<std::vector<SchemaRef>> PollSource::Tables() {
  return std::vector<SchemaRef>{schema_};
}

Result<Position> PollSource::Start(const ShardId& shard, const Resume& resume) {
  auto floor = resume.floors.find(id_);
  ASSIGN_OR_RETURN(
      at_,
      PollPosition::Parse(floor == resume.floors.end() ? resume.resume : floor->second));
  if (!at_.floor.empty()) RETURN_IF_ERROR(cursor_.Check({at_.floor}));
  if (!at_.passed.empty()) RETURN_IF_ERROR(order_.Check(at_.passed));
  if (!at_.floor.empty()) recent_.emplace_back(context_.clock.Now(), at_.floor);
  return at_.ToPosition();
}

Result<Position> PollSource::End(const ShardId& shard) {
  end_asked_ = true;
  next_ = context_.clock.Now();
  PollPosition target;
  target.passes = at_.passes + 1;
  return target.ToPosition();
}

bool PollSource::Reached(const Position& at, const Position& target) const {
  Result<PollPosition> here = PollPosition::Parse(at);
  Result<PollPosition> there = PollPosition::Parse(target);
  return here.ok() && there.ok() && here->passes >= there->passes;
}

std::string PollSource::Sql() const {
  std::string columns;
  for (const ColumnDef& column : table_.def.columns) {
    columns += (columns.empty() ? "" : ", ") + SelectExpression(column);
  }
  std::string after;
  if (!at_.passed.empty()) {
    after = " AND (" + order_.After(at_.passed) + ")";
  } else if (!at_.floor.empty()) {
    after = " AND (" + cursor_.From({at_.floor}) + ")";
  }
  return fmt::format("SELECT {} FROM {} WHERE {} IS NOT NULL{} ORDER BY {} LIMIT {}",
                     columns, QuoteTable(id_.database, id_.table),
                     QuoteName(options_.cursor), after, order_.OrderBy(),
                     options_.limit + at_.given_rows());
}

Result<PollSource::Page> PollSource::ReadPage() {
  Page page;
  RETURN_IF_ERROR(client_->StartRows(Sql()));
  const unsigned columns = client_->row_columns();
  for (;;) {
    const unsigned long* lengths = nullptr;
    ASSIGN_OR_RETURN(char** row, client_->NextRow(&lengths));
    if (!row) break;
    page.rows++;
    uint64_t hash = HashRow(row, lengths, columns);
    auto given = at_.given.find(hash);
    int64_t known = given == at_.given.end() ? 0 : given->second;
    page.top_is_fresh = ++page.seen[hash] > known;
    if (!page.top_is_fresh) continue;
    DeadLetter reject;
    ASSIGN_OR_RETURN(bool good, decoder_->Append(row, lengths, builder_.get(), &reject));
    if (good) {
      page.fresh.push_back(hash);
    } else {
      page.rejected.push_back(hash);
      page.rejects.push_back(std::move(reject));
      page.top_is_fresh = false;
    }
  }
  RETURN_IF_ERROR(client_->EndRows());
  ASSIGN_OR_RETURN(page.batch, builder_->Finish());
  return page;
}

// Takes the page's rows as given and moves the floor as far as `settle` lets it.
Status PollSource::MoveFloor(const Page& page) {
  const int64_t fresh = page.batch->num_rows();
  KeyValues top;
  if (page.top_is_fresh) {
    ASSIGN_OR_RETURN(top, order_.Of(*page.batch, fresh - 1));
  }
  const SteadyTime now = context_.clock.Now();
  const bool rises = !top.empty() && (at_.floor.empty() || top[0] != at_.floor);
  if (options_.settle.count() == 0 && rises) {
    // Of what was given only the rows that share the new floor can come again.
    at_.given.clear();
    for (int64_t i = fresh - 1; i >= 0; i--) {
      ASSIGN_OR_RETURN(KeyValues key, order_.Of(*page.batch, i));
      if (key[0] != top[0]) break;
      at_.given[page.fresh[static_cast<size_t>(i)]]++;
    }
    at_.floor = top[0];
    at_.passed.clear();
  } else if (whole_) {
    at_.given = page.seen;
  } else {
    for (uint64_t hash : page.fresh) at_.given[hash]++;
  }
  for (uint64_t hash : page.rejected) at_.given.try_emplace(hash, page.seen.at(hash));
  if (options_.settle.count() > 0) {
    if (!top.empty()) recent_.emplace_back(now, top[0]);
    while (!recent_.empty() && recent_.front().first + options_.settle <= now) {
      at_.floor = recent_.front().second;
      at_.passed.clear();
      recent_.pop_front();
    }
  }
  if (at_.given_rows() <= kMostGiven || top.empty()) return Status::Ok();
  if (!has_key_) {
    return Status::Config(fmt::format(
        "poll: more than {} rows of {} share the cursor {} = {} or lie within `settle`, "
        "and the table has no key to tell them apart: give it a primary key, or poll by "
        "a finer cursor",
        kMostGiven, id_.ToString(), options_.cursor, top[0]));
  }
  at_.floor = top[0];
  at_.passed = top;
  at_.given.clear();
  recent_.clear();
  return Status::Ok();
}

Result<std::optional<Batch>> PollSource::Poll() {
  bool changed = false;
  if (whole_) RETURN_IF_ERROR(Describe(&changed));
  const int64_t asked = options_.limit + at_.given_rows();
  ASSIGN_OR_RETURN(Page page, ReadPage());
  whole_ = page.rows < asked;
  RETURN_IF_ERROR(MoveFloor(page));
  if (whole_) at_.passes++;
  next_ = context_.clock.Now();
  if (whole_) next_ += options_.every;
  Batch batch;
  batch.shard = shard();
  batch.rejects = std::move(page.rejects);
  uint32_t seq = 0;
  if (changed) {
    Event event;
    event.seq = seq++;
    event.table = id_;
    event.schema = schema_;
    batch.events.push_back(std::move(event));
  }
  const bool told = whole_ && end_asked_;
  if (page.batch->num_rows() > 0) {
    Chunk chunk;
    chunk.schema = schema_;
    auto rows = static_cast<size_t>(page.batch->num_rows());
    chunk.rows = std::move(page.batch);
    chunk.ops.assign(rows, Op::kRead);
    chunk.time.assign(rows, context_.clock.WallMicros());
    for (size_t i = 0; i < rows; i++) chunk.seq.push_back(seq++);
    batch.chunks.push_back(std::move(chunk));
  }
  if (batch.empty() && !told) return std::optional<Batch>();
  if (whole_) end_asked_ = false;
  batch.end = at_.ToPosition();
  batch.boundary = true;
  return std::optional<Batch>(std::move(batch));
}

Result<ReadResult> PollSource::Read(SteadyTime deadline) {
  ReadResult result;
  if (!assigned_) {
    assigned_ = true;
    result.kind = ReadResult::Kind::kAssigned;
    result.shards = {shard()};
    return result;
  }
  SteadyTime now = context_.clock.Now();
  if (now < next_ &&
      context_.clock.Sleep(std::min(deadline, next_) - now, context_.cancel)) {
    return Status::Cancelled("asked to stop");
  }
  if (context_.clock.Now() < next_) return result;
  ASSIGN_OR_RETURN(std::optional<Batch> batch, Poll());
  if (!batch) return result;
  result.kind = ReadResult::Kind::kBatch;
  result.batch = *std::move(batch);
  return result;
}

}  // namespace

Result<std::unique_ptr<Source>> MakePollSource(const Url& url, const PollOptions& options,
                                               const Context& context) {
  ASSIGN_OR_RETURN(TablePatterns parsed,
                   TablePatterns::Parse({options.table}, url.database));
  const TablePatterns::Pattern& pattern = parsed.patterns()[0];
  if ((pattern.database + pattern.table).find_first_of("*?") != std::string::npos) {
    return Status::Config("poll: `table` names one table, without * and ?");
  }
  return std::unique_ptr<Source>(std::make_unique<PollSource>(
      url, options, TableId{pattern.database, "", pattern.table}, context));
}

}  // namespace leat::mysql
