#include "connectors/iceberg/commit_attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "connectors/iceberg/metadata/uuid.h"
#include "connectors/iceberg/rewritten.h"
#include "connectors/iceberg/token_set.h"
#include "connectors/iceberg/upkeep/expiry.h"

namespace leat::iceberg {
namespace {

// Kept in memory so that merging them needs no reading.
constexpr size_t kSmallManifest = 64;
// A manifest of this size is never merged again.
constexpr int64_t kLargeManifest = 4 << 20;

std::string DescribeToken(const Token* token) {
  if (!token) return "none";
  return fmt::format("epoch {} of attempt {}", token->epoch, token->attempt);
}

const Token* Find(const std::map<ShardId, Token>& tokens, const ShardId& shard) {
  const auto found = tokens.find(shard);
  return found == tokens.end() ? nullptr : &found->second;
}

}  // namespace

void CommitAttempt::Tally::Add(const DataFile& file) {
  if (file.content == DataFile::Content::kData) {
    data_files++;
    records += file.record_count;
  } else {
    delete_files++;
    deletes += file.record_count;
  }
  bytes += file.file_size;
}

CommitAttempt::CommitAttempt(Table& table, const TableChange& change)
    : table_(table), change_(change), snapshot_id_(NewSnapshotId()) {}

// The shards' tokens come in one write, so one of them proves that the epoch is there,
// even where another shard was dealt to another process since, which went on with it.
Result<std::optional<TableCommit>> CommitAttempt::CheckTokens() {
  if (change_.tokens.empty()) return std::optional<TableCommit>();
  const std::string& pipeline = change_.tokens.front().pipeline;
  ASSIGN_OR_RETURN(const auto now, table_.GetTokens(pipeline, change_.shards));
  for (const Token& mine : change_.tokens) {
    const Token* have = Find(now, mine.shard);
    if (!have || !have->SameEpoch(mine)) continue;
    TableCommit there;
    there.outcome = TableCommit::Outcome::kAlreadyThere;
    return std::optional<TableCommit>(std::move(there));
  }
  for (const ShardId& shard : change_.shards) {
    const Token* have = Find(now, shard);
    const Token* expected = Find(change_.expected, shard);
    if (have && expected ? have->SameEpoch(*expected) : have == expected) continue;
    return Status::Fenced(fmt::format(
        "The table has {} of pipeline {}, shard {}, where {} was expected to precede {}. "
        "Another process runs this pipeline, or the checkpoints are older than the table",
        DescribeToken(have), pipeline, shard, DescribeToken(expected),
        DescribeToken(&change_.tokens.front())));
  }
  return std::optional<TableCommit>();
}

Status CommitAttempt::PutTokens(TableMetadata* next) const {
  if (change_.tokens.empty()) return Status::Ok();
  const std::string& pipeline = change_.tokens.front().pipeline;
  const std::string key = TokenSet::Key(pipeline);
  ASSIGN_OR_RETURN(TokenSet all, TokenSet::FromJson(pipeline, next->Property(key, "")));
  for (const Token& token : change_.tokens) all.Put(token, snapshot_id_);
  next->SetProperty(key, all.ToJson());
  return Status::Ok();
}

Result<std::optional<TableCommit>> CommitAttempt::CheckBase() {
  const bool depends =
      !change_.required.empty() || !change_.removed.empty() || change_.replace;
  if (!depends || change_.base_snapshot == table_.snapshot_id()) {
    return std::optional<TableCommit>();
  }
  return FindRewritten(table_, table_.files_, change_);
}

Result<std::optional<TableCommit>> CommitAttempt::Try() {
  tries_++;
  ASSIGN_OR_RETURN(std::optional<TableCommit> known, CheckTokens());
  if (known) return known;
  ASSIGN_OR_RETURN(known, CheckBase());
  if (known) return known;
  RETURN_IF_ERROR(WriteAdded());
  left_table_.clear();
  removed_tally_ = Tally();
  ASSIGN_OR_RETURN(std::vector<ManifestFile> manifests, Remaining());
  // A merge that lost a race would have to be made again.
  if (tries_ == 1) RETURN_IF_ERROR(Merge(&manifests));
  manifests.insert(manifests.end(), added_.begin(), added_.end());
  ASSIGN_OR_RETURN(Snapshot snapshot, MakeSnapshot(&manifests));

  TableMetadata next = table_.loaded_.metadata;
  next.AddSnapshot(std::move(snapshot));
  RETURN_IF_ERROR(PutTokens(&next));
  const int64_t now = table_.clock_.WallMicros();
  next.Touch(now / 1000);
  std::vector<const Snapshot*> expired =
      ExpiredSnapshots(table_.metadata(), table_.upkeep_, now / 1000);
  std::set<int64_t> ids;
  for (const Snapshot* s : expired) ids.insert(s->id);
  next.RemoveSnapshots(ids);

  ASSIGN_OR_RETURN(std::optional<LoadedTable> landed,
                   table_.catalog_.Commit(table_.name_, table_.loaded_, std::move(next)));
  if (!landed) return std::optional<TableCommit>();
  Landed(*std::move(landed), std::move(manifests), expired);
  return std::optional<TableCommit>(TableCommit());
}

Status CommitAttempt::WriteAdded() {
  if (wrote_added_) return Status::Ok();
  RETURN_IF_ERROR(WriteAddedOf(ManifestContent::kData, change_.added_data));
  RETURN_IF_ERROR(WriteAddedOf(ManifestContent::kDeletes, change_.added_deletes));
  wrote_added_ = true;
  return Status::Ok();
}

Status CommitAttempt::WriteAddedOf(ManifestContent content,
                                   const std::vector<DataFile>& files) {
  std::map<int, std::vector<ManifestEntry>> by_spec;
  for (const DataFile& file : files) {
    added_tally_.Add(file);
    std::string partition = std::to_string(file.spec_id);
    for (const auto& value : file.partition) partition += value ? "," + *value : ",-";
    partitions_.insert(std::move(partition));
    ManifestEntry entry;
    entry.snapshot_id = snapshot_id_;
    entry.file = file;
    by_spec[file.spec_id].push_back(std::move(entry));
  }
  for (auto& [spec_id, entries] : by_spec) {
    ASSIGN_OR_RETURN(ManifestFile manifest,
                     WriteManifest(spec_id, content, std::move(entries)));
    added_.push_back(std::move(manifest));
  }
  return Status::Ok();
}

Result<ManifestFile> CommitAttempt::WriteManifest(int spec_id, ManifestContent content,
                                                  std::vector<ManifestEntry> entries) {
  const PartitionSpec* spec = table_.metadata().FindSpec(spec_id);
  if (!spec) {
    return Status::Bug(fmt::format("a file of the unknown partition spec {}", spec_id));
  }
  ManifestFile manifest;
  ASSIGN_OR_RETURN(std::string bytes,
                   EncodeManifest(table_.schema(), *spec, content, entries, &manifest));
  manifest.path =
      fmt::format("{}/{}-m.avro", table_.metadata().metadata_folder(), NewUuid());
  manifest.added_snapshot_id = snapshot_id_;
  RETURN_IF_ERROR(table_.files_.Write(manifest.path, bytes));
  written_.push_back(manifest.path);
  if (entries.size() <= kSmallManifest) {
    small_[manifest.path] =
        std::make_shared<const std::vector<ManifestEntry>>(std::move(entries));
  }
  return manifest;
}

Result<std::vector<ManifestFile>> CommitAttempt::Remaining() {
  std::vector<ManifestFile> remaining;
  std::set<std::string> left(change_.removed.begin(), change_.removed.end());
  for (const ManifestFile& manifest : table_.manifests_) {
    if (manifest.live_files() == 0) {
      left_table_.push_back(manifest.path);
      continue;  // told what an earlier snapshot deleted, and nothing else
    }
    if (!change_.truncate && left.empty()) {
      remaining.push_back(manifest);
      continue;
    }
    ASSIGN_OR_RETURN(std::optional<ManifestFile> rewritten,
                     WithoutRemoved(manifest, &left));
    if (rewritten) left_table_.push_back(manifest.path);
    remaining.push_back(rewritten ? *std::move(rewritten) : manifest);
  }
  if (left.empty() || change_.truncate) return remaining;
  return Status::Bug(
      fmt::format("a file to remove is not in the table: {}", *left.begin()));
}

// Nothing when none of its files is removed.
Result<std::optional<ManifestFile>> CommitAttempt::WithoutRemoved(
    const ManifestFile& manifest, std::set<std::string>* left) {
  ASSIGN_OR_RETURN(auto entries, table_.Entries(manifest));
  std::vector<ManifestEntry> rewritten;
  bool touched = false;
  for (const ManifestEntry& entry : *entries) {
    if (!entry.live()) continue;
    ManifestEntry& copy = rewritten.emplace_back(entry);
    copy.status = ManifestEntry::Status::kExisting;
    const bool gone = left->erase(entry.file.path) > 0 || change_.truncate;
    if (!gone) continue;
    touched = true;
    copy.status = ManifestEntry::Status::kDeleted;
    copy.snapshot_id = snapshot_id_;
    removed_tally_.Add(entry.file);
    left_table_.push_back(entry.file.path);
  }
  if (!touched) return std::optional<ManifestFile>();
  ASSIGN_OR_RETURN(ManifestFile made, WriteManifest(manifest.spec_id, manifest.content,
                                                    std::move(rewritten)));
  return std::optional<ManifestFile>(std::move(made));
}

// Like the levels of a log-structured merge tree: manifests of one size class become one
// of the next when there are enough, so that each entry is rewritten a few times in all
// and the manifest list stays short.
Status CommitAttempt::Merge(std::vector<ManifestFile>* manifests) {
  const int factor = table_.upkeep_.merge_manifests;
  std::map<std::tuple<ManifestContent, int, int>, std::vector<const ManifestFile*>>
      classes;
  for (const ManifestFile& m : *manifests) {
    if (m.added_snapshot_id == snapshot_id_ || m.length >= kLargeManifest) continue;
    int size_class = static_cast<int>(std::log(m.live_files()) / std::log(factor));
    classes[{m.content, m.spec_id, size_class}].push_back(&m);
  }
  std::set<std::string> merged;
  std::vector<ManifestFile> made;
  for (const auto& [key, group] : classes) {
    if (static_cast<int>(group.size()) < factor) continue;
    ASSIGN_OR_RETURN(std::optional<ManifestFile> one, MergeGroup(group));
    if (!one) continue;
    for (const ManifestFile* m : group) merged.insert(m->path);
    made.push_back(*std::move(one));
  }
  std::erase_if(*manifests,
                [&](const ManifestFile& m) { return merged.contains(m.path); });
  manifests->insert(manifests->end(), made.begin(), made.end());
  left_table_.insert(left_table_.end(), merged.begin(), merged.end());
  return Status::Ok();
}

// Nothing when their partition spec can no longer be written.
Result<std::optional<ManifestFile>> CommitAttempt::MergeGroup(
    const std::vector<const ManifestFile*>& group) {
  const ManifestFile& first = *group.front();
  const PartitionSpec* spec = table_.metadata().FindSpec(first.spec_id);
  if (!spec || !spec->ResultTypes(table_.schema()).ok()) {
    return std::optional<ManifestFile>();
  }
  std::vector<ManifestEntry> all;
  for (const ManifestFile* manifest : group) {
    ASSIGN_OR_RETURN(auto entries, table_.Entries(*manifest));
    for (const ManifestEntry& entry : *entries) {
      if (!entry.live()) continue;
      all.push_back(entry);
      all.back().status = ManifestEntry::Status::kExisting;
    }
  }
  ASSIGN_OR_RETURN(ManifestFile made,
                   WriteManifest(first.spec_id, first.content, std::move(all)));
  return std::optional<ManifestFile>(std::move(made));
}

Result<Snapshot> CommitAttempt::MakeSnapshot(std::vector<ManifestFile>* manifests) {
  const TableMetadata& metadata = table_.metadata();
  const Snapshot* parent = metadata.current_snapshot();
  Snapshot snapshot;
  snapshot.id = snapshot_id_;
  snapshot.parent_id = parent ? parent->id : -1;
  snapshot.sequence_number = metadata.last_sequence_number() + 1;
  snapshot.timestamp_ms =
      std::max(table_.clock_.WallMicros() / 1000, metadata.last_updated_ms());
  snapshot.schema_id = metadata.schema().id;
  snapshot.summary = Summary(parent);
  for (ManifestFile& m : *manifests) {
    if (m.added_snapshot_id == snapshot_id_) m.sequence_number = snapshot.sequence_number;
    if (m.min_sequence_number < 0) m.min_sequence_number = snapshot.sequence_number;
  }
  ASSIGN_OR_RETURN(std::string bytes,
                   EncodeManifestList(snapshot.id, snapshot.parent_id,
                                      snapshot.sequence_number, *manifests));
  snapshot.manifest_list =
      fmt::format("{}/snap-{}-{}-{}.avro", metadata.metadata_folder(), snapshot.id,
                  tries_, NewUuid());
  RETURN_IF_ERROR(table_.files_.Write(snapshot.manifest_list, bytes));
  written_.push_back(snapshot.manifest_list);
  return snapshot;
}

std::map<std::string, std::string> CommitAttempt::Summary(const Snapshot* parent) const {
  std::map<std::string, std::string> summary = change_.summary;
  const Tally& added = added_tally_;
  const Tally& removed = removed_tally_;
  const bool removes = removed.data_files > 0 || added.delete_files > 0;
  summary["operation"] = change_.replace                       ? "replace"
                         : removes && added.data_files > 0     ? "overwrite"
                         : removes || removed.delete_files > 0 ? "delete"
                                                               : "append";
  summary["engine-name"] = "leat";
  auto count = [&](const char* name, int64_t value) {
    if (value > 0) summary[name] = std::to_string(value);
  };
  count("added-data-files", added.data_files);
  count("added-delete-files", added.delete_files);
  count("added-position-delete-files", added.delete_files);
  count("added-records", added.records);
  count("added-position-deletes", added.deletes);
  count("added-files-size", added.bytes);
  count("deleted-data-files", removed.data_files);
  count("removed-delete-files", removed.delete_files);
  count("removed-position-delete-files", removed.delete_files);
  count("deleted-records", removed.records);
  count("removed-position-deletes", removed.deletes);
  count("removed-files-size", removed.bytes);
  count("changed-partition-count", static_cast<int64_t>(partitions_.size()));
  auto total = [&](const char* name, int64_t change) {
    int64_t before = parent ? parent->Number(name) : 0;
    summary[name] = std::to_string(std::max<int64_t>(0, before + change));
  };
  total("total-data-files", added.data_files - removed.data_files);
  total("total-delete-files", added.delete_files - removed.delete_files);
  total("total-records", added.records - removed.records);
  total("total-files-size", added.bytes - removed.bytes);
  total("total-position-deletes", added.deletes - removed.deletes);
  total("total-equality-deletes", 0);
  if (!change_.tokens.empty()) {
    TokenSet tokens;
    for (const Token& token : change_.tokens) tokens.Put(token, snapshot_id_);
    summary[TokenSet::Key(change_.tokens.front().pipeline)] = tokens.ToJson();
  }
  return summary;
}

void CommitAttempt::Landed(LoadedTable loaded, std::vector<ManifestFile> manifests,
                           const std::vector<const Snapshot*>& expired) {
  const int64_t sequence = loaded.metadata.last_sequence_number();
  const int64_t grace = table_.clock_.WallMicros() + table_.upkeep_.grace.count();
  // `expired` points into the metadata that is replaced below.
  for (const Snapshot* s : expired) {
    table_.expired_lists_.push_back({s->manifest_list, 0, grace});
  }
  for (std::string& path : left_table_) {
    table_.cache_.erase(path);
    table_.retired_.push_back({std::move(path), sequence, grace});
  }
  std::set<std::string> used = {loaded.metadata.current_snapshot()->manifest_list};
  for (const ManifestFile& m : manifests) used.insert(m.path);
  for (auto& [path, entries] : small_) {
    if (!used.contains(path)) continue;
    // What they inherit is known now.
    auto filled = std::make_shared<std::vector<ManifestEntry>>(*entries);
    for (ManifestEntry& e : *filled) {
      if (!e.sequence_number) e.sequence_number = sequence;
      if (!e.file_sequence_number) e.file_sequence_number = sequence;
    }
    table_.cache_[path] = std::move(filled);
  }
  // Lists and manifests of tries that lost.
  for (const std::string& location : written_) {
    if (!used.contains(location)) (void)table_.files_.Remove(location);
  }
  table_.loaded_ = std::move(loaded);
  table_.manifests_ = std::move(manifests);
  table_.RemoveRetired();
}

void CommitAttempt::Discard() {
  for (const std::string& location : written_) (void)table_.files_.Remove(location);
  written_.clear();
}

}  // namespace leat::iceberg
