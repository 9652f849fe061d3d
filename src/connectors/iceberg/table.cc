#include "connectors/iceberg/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "connectors/iceberg/commit_attempt.h"
#include "connectors/iceberg/metadata/uuid.h"
#include "connectors/iceberg/token_set.h"

namespace leat::iceberg {
namespace {

// Each round somebody else committed; more in a row means that two pipelines fight.
constexpr int kMaxRounds = 20;

std::string AbsoluteLocation(const std::string& location) {
  if (location.find("://") != std::string::npos) return location;
  return "file://" + std::filesystem::absolute(location).lexically_normal().string();
}

}  // namespace

Result<std::unique_ptr<Table>> Table::Load(Catalog& catalog, FileIo& files, Clock& clock,
                                           const TableName& name) {
  ASSIGN_OR_RETURN(std::optional<LoadedTable> loaded, catalog.Load(name));
  std::unique_ptr<Table> table;
  if (!loaded) return table;
  table.reset(new Table(catalog, files, clock, name));
  RETURN_IF_ERROR(table->Adopt(*std::move(loaded)));
  return table;
}

Result<std::unique_ptr<Table>> Table::Create(Catalog& catalog, FileIo& files,
                                             Clock& clock, const TableName& name,
                                             const NewTable& shape) {
  std::string location = shape.location.empty() ? catalog.DefaultLocation(name)
                                                : AbsoluteLocation(shape.location);
  std::map<std::string, std::string> properties = {
      {"write.metadata.delete-after-commit.enabled", "true"},
      {"write.metadata.previous-versions-max", "20"},
  };
  for (const auto& [key, value] : shape.properties) properties[key] = value;
  auto made = catalog.Create(
      name, TableMetadata::New(shape.schema, shape.spec, std::move(location),
                               std::move(properties), clock.WallMicros() / 1000));
  // Creating it is harmless to repeat: whoever was first, there is one table now.
  if (!made.ok() && made.status().kind() == ErrorKind::kUnknownOutcome) {
    return Status::Transient(made.status().message());
  }
  if (!made.ok()) return made.status();
  if (!*made) {
    ASSIGN_OR_RETURN(*made, catalog.Load(name));
    if (!*made) return Status::Transient("the table " + name.ToString() + " was dropped");
  }
  std::unique_ptr<Table> table(new Table(catalog, files, clock, name));
  RETURN_IF_ERROR(table->Adopt(**std::move(made)));
  return table;
}

// Takes over what the catalog has; the manifest list is read.
Status Table::Adopt(LoadedTable loaded) {
  std::vector<ManifestFile> manifests;
  if (const Snapshot* current = loaded.metadata.current_snapshot()) {
    ASSIGN_OR_RETURN(std::string bytes, files_.Read(current->manifest_list));
    auto decoded = DecodeManifestList(bytes);
    if (!decoded.ok())
      return decoded.status().Within("reading " + current->manifest_list);
    manifests = *std::move(decoded);
  }
  loaded_ = std::move(loaded);
  manifests_ = std::move(manifests);
  stale_ = false;
  // Somebody else's history (a rollback, a branch) may need what left ours.
  retired_.clear();
  std::set<std::string> listed;
  for (const ManifestFile& m : manifests_) listed.insert(m.path);
  std::erase_if(cache_, [&](const auto& item) { return !listed.contains(item.first); });
  return Status::Ok();
}

Result<bool> Table::Refresh() {
  ASSIGN_OR_RETURN(std::optional<std::string> location, catalog_.Locate(name_));
  if (!location) {
    return Status::Config(fmt::format(
        "The Iceberg table {} is gone from the catalog while this pipeline writes it; "
        "start the pipeline again to make a new one",
        name_.ToString()));
  }
  if (*location == loaded_.metadata_location) {
    stale_ = false;
    return false;
  }
  ASSIGN_OR_RETURN(std::optional<LoadedTable> loaded, catalog_.Load(name_));
  if (!loaded) return Status::Transient("the table " + name_.ToString() + " was dropped");
  if (loaded->metadata.uuid() != loaded_.metadata.uuid()) {
    return Status::Config(fmt::format(
        "The Iceberg table {} was dropped and made anew by somebody else; start the "
        "pipeline again",
        name_.ToString()));
  }
  RETURN_IF_ERROR(Adopt(*std::move(loaded)));
  return true;
}

Result<std::map<ShardId, Token>> Table::GetTokens(const std::string& pipeline,
                                                  std::span<const ShardId> shards) const {
  const std::string key = TokenSet::Key(pipeline);
  auto parse = [&](const std::string& text) -> Result<TokenSet> {
    auto set = TokenSet::FromJson(pipeline, text);
    if (!set.ok()) return set.status().Within("the table " + name_.ToString());
    return set;
  };
  std::map<ShardId, Token> tokens;
  std::set<ShardId> wanted(shards.begin(), shards.end());
  std::set<int64_t> ancestors;
  for (const Snapshot* at = metadata().current_snapshot(); at && !wanted.empty();
       at = metadata().FindSnapshot(at->parent_id)) {
    ancestors.insert(at->id);
    auto found = at->summary.find(key);
    if (found == at->summary.end()) continue;
    ASSIGN_OR_RETURN(const TokenSet set, parse(found->second));
    std::erase_if(wanted, [&](const ShardId& shard) {
      const TokenSet::Entry* entry = set.Find(shard);
      if (entry) tokens[shard] = entry->token;
      return entry != nullptr;
    });
  }
  if (wanted.empty()) return tokens;
  ASSIGN_OR_RETURN(const TokenSet all, parse(metadata().Property(key, "")));
  for (const ShardId& shard : wanted) {
    const TokenSet::Entry* entry = all.Find(shard);
    if (!entry) continue;
    if (metadata().FindSnapshot(entry->snapshot) &&
        !ancestors.contains(entry->snapshot)) {
      return Status::Config(fmt::format(
          "The table {} was rolled back behind snapshot {}, which has the newest rows of "
          "{}; what the table had of it before is no longer known. Bring the table "
          "forward to that snapshot again, or drop it and start over",
          name_.ToString(), entry->snapshot, shard));
    }
    tokens[shard] = entry->token;
  }
  return tokens;
}

Result<TableCommit> Table::Commit(const TableChange& change) {
  if (stale_) RETURN_IF_ERROR(Refresh().status());
  CommitAttempt attempt(*this, change);
  for (int round = 0; round < kMaxRounds; round++) {
    auto done = attempt.Try();
    if (!done.ok()) {
      if (done.status().kind() == ErrorKind::kUnknownOutcome) {
        stale_ = true;
      } else {
        attempt.Discard();
      }
      return done.status().Within("committing to the table " + name_.ToString());
    }
    if (*done) {
      if ((*done)->outcome != TableCommit::Outcome::kCommitted) attempt.Discard();
      return **std::move(done);
    }
    RETURN_IF_ERROR(Refresh().status());
  }
  attempt.Discard();
  return Status::Transient(
      fmt::format("Somebody else commits to the table {} all the time; it is tried again",
                  name_.ToString()));
}

Status Table::CommitMetadata(const std::function<Result<bool>(TableMetadata*)>& change) {
  if (stale_) RETURN_IF_ERROR(Refresh().status());
  for (int round = 0; round < kMaxRounds; round++) {
    TableMetadata next = loaded_.metadata;
    ASSIGN_OR_RETURN(bool changed, change(&next));
    if (!changed) return Status::Ok();
    next.Touch(clock_.WallMicros() / 1000);
    auto done = catalog_.Commit(name_, loaded_, std::move(next));
    if (!done.ok()) {
      stale_ = true;
      // Not an epoch: made again after a look at what is there, it changes nothing twice.
      if (done.status().kind() == ErrorKind::kUnknownOutcome) {
        return Status::Transient(done.status().message());
      }
      return done.status();
    }
    if (*done) {
      loaded_ = **std::move(done);
      return Status::Ok();
    }
    RETURN_IF_ERROR(Refresh().status());
  }
  return Status::Transient("Somebody else commits to the table " + name_.ToString() +
                           " all the time; it is tried again");
}

Status Table::EvolveSchema(const SchemaChange& change) {
  return CommitMetadata([&](TableMetadata* next) -> Result<bool> {
    int last_column_id = next->last_column_id();
    auto evolved = Evolve(next->schema(), change, &last_column_id);
    if (!evolved.ok()) return evolved.status().Within("the table " + name_.ToString());
    if (evolved->SameShape(next->schema())) return false;
    for (const PartitionField& field : next->spec().fields) {
      if (evolved->FindId(field.source_id)) continue;
      const NestedField* gone = next->schema().FindId(field.source_id);
      return Status::Config(fmt::format(
          "The column '{}' was dropped, but the Iceberg table {} is partitioned by it; "
          "give the table another partition spec first, or drop it and let it be read "
          "anew",
          gone ? gone->name : field.name, name_.ToString()));
    }
    next->SetSchema(*std::move(evolved), last_column_id);
    return true;
  });
}

Status Table::SetProperties(const std::map<std::string, std::string>& properties) {
  return CommitMetadata([&](TableMetadata* next) -> Result<bool> {
    bool changed = false;
    for (const auto& [key, value] : properties) {
      auto found = next->properties().find(key);
      if (found != next->properties().end() && found->second == value) continue;
      next->SetProperty(key, value);
      changed = true;
    }
    return changed;
  });
}

Result<std::shared_ptr<const std::vector<ManifestEntry>>> Table::Entries(
    const ManifestFile& manifest) {
  auto cached = cache_.find(manifest.path);
  if (cached != cache_.end()) return cached->second;
  ASSIGN_OR_RETURN(std::vector<ManifestEntry> entries, ReadManifest(files_, manifest));
  return std::make_shared<const std::vector<ManifestEntry>>(std::move(entries));
}

Status Table::ForEachFile(const std::function<Status(const ManifestEntry&)>& visit) {
  for (const ManifestFile& manifest : manifests_) {
    if (manifest.live_files() == 0) continue;
    ASSIGN_OR_RETURN(auto entries, Entries(manifest));
    for (const ManifestEntry& entry : *entries) {
      if (entry.live()) RETURN_IF_ERROR(visit(entry));
    }
  }
  return Status::Ok();
}

std::string Table::NewDataPath(std::string_view partition_path,
                               std::string_view suffix) const {
  return fmt::format("{}/{}{}{}{}", metadata().data_folder(), partition_path,
                     partition_path.empty() ? "" : "/", NewUuid(), suffix);
}

void Table::RemoveRetired() {
  int64_t oldest = INT64_MAX;
  for (const Snapshot& s : metadata().snapshots()) {
    oldest = std::min(oldest, s.sequence_number);
  }
  // A branch has a history of its own, whose files this order says nothing about; the
  // orphan sweep looks at every snapshot.
  if (metadata().refs().size() > 1) retired_.clear();
  const int64_t now = clock_.WallMicros();
  for (std::deque<Retired>* queue : {&retired_, &expired_lists_}) {
    while (!queue->empty()) {
      const Retired& first = queue->front();
      if (first.sequence > oldest || first.not_before > now) break;
      (void)files_.Remove(first.location);
      queue->pop_front();
    }
  }
}

}  // namespace leat::iceberg
