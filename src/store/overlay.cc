#include "store/overlay.h"

#include <rocksdb/iterator.h>
#include <rocksdb/status.h>
#include <rocksdb/write_batch.h>

#include "store/database.h"
#include "store/dead_letter.h"
#include "store/keys.h"

namespace leat {
namespace {

constexpr size_t kPendingBytes = 256 << 10;

}  // namespace

Overlay::Overlay(Store& store, Owner owner, uint64_t epoch)
    : store_(store),
      owner_(std::move(owner)),
      epoch_(epoch),
      prefix_(keys::Overlay(owner_, epoch)) {}

Status Overlay::AddDeadLetter(const DeadLetter& letter) {
  std::string id = keys::DeadLetterId(epoch_, owner_.attempt, dead_letters_++);
  return Add(prefix_ + keys::kDeadLetterEntry + id, EncodeDeadLetter(letter));
}

Result<std::optional<std::string>> Overlay::Get(const std::string& key) const {
  std::string mine = prefix_ + keys::kStateEntry + key;
  std::optional<std::string> entry;
  if (auto found = pending_.find(mine); found != pending_.end()) {
    entry = found->second;
  } else {
    ASSIGN_OR_RETURN(entry, store_.Get(mine));
  }
  if (!entry) return store_.Get(keys::State(owner_.pipeline, owner_.worker) + key);
  if (entry->front() == keys::kDeleted) return std::optional<std::string>();
  return std::optional(entry->substr(1));
}

Status Overlay::Put(const std::string& key, std::string_view value) {
  return Add(prefix_ + keys::kStateEntry + key, keys::kPut + std::string(value));
}

Status Overlay::Delete(const std::string& key) {
  return Add(prefix_ + keys::kStateEntry + key, std::string(1, keys::kDeleted));
}

// Two sorted lists become one; the overlay's entry of a key goes before the state's.
Status Overlay::Scan(const std::string& prefix, const Visit& visit) {
  RETURN_IF_ERROR(Flush());
  const std::string mine = prefix_ + keys::kStateEntry;
  const std::string state = keys::State(owner_.pipeline, owner_.worker);
  auto key = [&](const rocksdb::Iterator& it, const std::string& names) {
    if (!it.Valid() || !it.key().starts_with(names + prefix)) {
      return std::optional<std::string_view>();
    }
    return std::optional(it.key().ToStringView().substr(names.size()));
  };
  auto changed = store_.db_->Seek(mine + prefix);
  auto kept = store_.db_->Seek(state + prefix);
  for (;;) {
    const auto a = key(*changed, mine);
    const auto b = key(*kept, state);
    if (!a && !b) break;
    const bool overlaid = a && (!b || *a <= *b);
    std::string_view value = (overlaid ? changed : kept)->value().ToStringView();
    const bool deleted = overlaid && value.front() == keys::kDeleted;
    if (overlaid) value.remove_prefix(1);
    if (!deleted && !visit(overlaid ? *a : *b, value)) break;
    const bool both = a && b && *a == *b;
    if (overlaid) changed->Next();
    if (!overlaid || both) kept->Next();
  }
  for (const auto& it : {&changed, &kept}) {
    if (!(*it)->status().ok()) return store_.db_->ReadError((*it)->status());
  }
  return Status::Ok();
}

Status Overlay::Add(std::string key, std::string value) {
  changed_ = true;
  pending_bytes_ += key.size() + value.size();
  pending_.insert_or_assign(std::move(key), std::move(value));
  return pending_bytes_ < kPendingBytes ? Status::Ok() : Flush();
}

Status Overlay::Flush() {
  if (pending_.empty()) return Status::Ok();
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : pending_) batch.Put(key, value);
  {
    std::lock_guard lock(store_.mutex_);
    RETURN_IF_ERROR(store_.WriteAs(owner_, &batch, /*sync=*/false));
  }
  pending_.clear();
  pending_bytes_ = 0;
  return Status::Ok();
}

}  // namespace leat
