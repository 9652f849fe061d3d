#include "store/overlay.h"

#include <rocksdb/write_batch.h>

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

Status Overlay::Add(std::string key, std::string value) {
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
