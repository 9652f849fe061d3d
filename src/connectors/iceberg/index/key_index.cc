#include "connectors/iceberg/index/key_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/failpoint.h"

namespace leat::iceberg {
namespace {

constexpr uint64_t kMagic = 0x3278646974616c;  // "latidx2"
constexpr size_t kHeaderBytes = 4096;
constexpr size_t kBatch = 1024;  // keys between two writes of the undo log

Status IndexFailed(const std::filesystem::path& path, const char* doing) {
  return Status::Transient(
      fmt::format("{} key index {}: {}", doing, path.string(), std::strerror(errno)));
}

uint64_t HashOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

// Changes with every boot of the machine.
uint64_t BootId() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return HashOf(id);
}

}  // namespace

enum class Phase : uint64_t { kStill, kOpen, kSealed, kUnknown };

struct KeyIndex::Header {
  uint64_t magic;
  uint64_t table;  // hash of the identity
  uint64_t boot;   // of the machine when it was opened
  uint64_t clean;  // closed, everything on disk
  int64_t snapshot;
  Phase phase;  // kUnknown: while it is built it stands for nothing
  char sealed[64];
  SlotTableState slots;
  // Set aside by Clear: what the index was before, with the undo log up to there.
  SlotTableState shelved;
  uint64_t shelved_undo;
  uint64_t live_at_begin;  // keys, for Undo: a kill in the midst of a change miscounts
};

KeyIndex::Header& KeyIndex::header() const {
  return *reinterpret_cast<Header*>(header_file_.data());
}

Result<std::unique_ptr<KeyIndex>> KeyIndex::Open(std::filesystem::path folder,
                                                 const Identity& identity) {
  static_assert(sizeof(Header) <= kHeaderBytes);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return Status::Config(fmt::format("making folder {} of the key index: {}",
                                      folder.string(), error.message()));
  }
  std::unique_ptr<KeyIndex> index(new KeyIndex(std::move(folder), identity.wide));
  RETURN_IF_ERROR(index->OpenHeader(identity));
  ASSIGN_OR_RETURN(index->files_, FileNumbers::Open(index->folder_ / "files"));
  return index;
}

Status KeyIndex::OpenHeader(const Identity& identity) {
  ASSIGN_OR_RETURN(header_file_, MappedFile::Open(folder_ / "header", kHeaderBytes));
  Header& h = header();
  const uint64_t table =
      HashOf(identity.table_uuid + '\n' + identity.key + (identity.wide ? "\n2" : "\n1"));
  const bool usable = h.magic == kMagic && h.table == table && h.slots.changing == 0 &&
                      h.phase != Phase::kUnknown && (h.clean || h.boot == BootId());
  if (!usable) {
    RETURN_IF_ERROR(StartAnew(identity));
    h.table = table;
  }
  h.boot = BootId();
  h.clean = 0;
  RETURN_IF_ERROR(header_file_.Flush());  // before any slot can reach the disk
  ASSIGN_OR_RETURN(slots_, SlotTable::Open(folder_ / "slots", wide_, &h.slots));
  RETURN_IF_ERROR(OpenUndo());
  if (h.phase == Phase::kStill) DropShelved();
  RemoveStrayFiles();
  return h.phase == Phase::kOpen ? Undo() : Status::Ok();
}

Status KeyIndex::StartAnew(const Identity& identity) {
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().filename() != "header") unlink(entry.path().c_str());
  }
  Header& h = header();
  std::memset(header_file_.data(), 0, kHeaderBytes);
  h.magic = kMagic;
  h.snapshot = kNone;
  return Status::Ok();
}

KeyIndex::~KeyIndex() {
  if (undo_fd_ >= 0) close(undo_fd_);
  // An index with changes under way is believed by the same boot only.
  if (slots_ && files_ && header().phase == Phase::kStill && slots_->Flush().ok() &&
      files_->Flush().ok()) {
    header().clean = 1;
    (void)header_file_.Flush();
  }
}

int64_t KeyIndex::snapshot() const { return header().snapshot; }

std::string KeyIndex::sealed() const {
  return header().phase == Phase::kSealed ? header().sealed : "";
}

bool KeyIndex::open() const { return header().phase == Phase::kOpen; }

uint64_t KeyIndex::size() const { return header().slots.live; }

Status KeyIndex::Begin() {
  Header& h = header();
  if (h.phase != Phase::kStill) return Status::Bug("the key index is in use already");
  RETURN_IF_ERROR(TruncateUndo());
  h.live_at_begin = h.slots.live;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  h.phase = Phase::kOpen;
  return Status::Ok();
}

Status KeyIndex::Exchange(std::span<const KeyHash> keys, std::span<const Place> places,
                          Place* before) {
  if (!open()) return Status::Bug("the key index changes outside an epoch");
  for (size_t at = 0; at < keys.size(); at += kBatch) {
    const size_t n = std::min(kBatch, keys.size() - at);
    const auto batch = keys.subspan(at, n);
    slots_->Find(batch, before + at);
    RETURN_IF_ERROR(LogUndo(batch, before + at));
    RETURN_IF_ERROR(failpoint::Durable("iceberg.index.logged"));
    RETURN_IF_ERROR(slots_->Put(batch, places.subspan(at, n), before + at));
  }
  return Status::Ok();
}

Status KeyIndex::Clear() {
  Header& h = header();
  if (!open()) return Status::Bug("the key index changes outside an epoch");
  RETURN_IF_ERROR(slots_->FinishGrowth());
  SlotTableState before = h.slots;
  if (h.shelved.generation != 0) {
    RETURN_IF_ERROR(slots_->StartEmpty(0));
    slots_->RemoveFile(before.generation);
    return Status::Ok();
  }
  const uint64_t generation = std::exchange(before.generation, 0);
  h.shelved_undo = undo_bytes_;
  h.shelved = before;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  h.shelved.generation = generation;  // from here on Undo goes back to it
  RETURN_IF_ERROR(failpoint::Durable("iceberg.index.shelved"));
  return slots_->StartEmpty(0);
}

Status KeyIndex::Seal(const std::string& name) {
  Header& h = header();
  if (!open()) return Status::Bug("the key index has no open epoch to seal");
  std::memset(h.sealed, 0, sizeof(h.sealed));
  std::memcpy(h.sealed, name.data(), std::min(name.size(), sizeof(h.sealed) - 1));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  h.phase = Phase::kSealed;
  return failpoint::Durable("iceberg.index.sealed");
}

Status KeyIndex::Commit(int64_t snapshot) {
  Header& h = header();
  // In this order: killed in between, it stands for the older snapshot and is rebuilt.
  h.phase = Phase::kStill;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  RETURN_IF_ERROR(failpoint::Durable("iceberg.index.still"));
  h.snapshot = snapshot;
  RETURN_IF_ERROR(failpoint::Durable("iceberg.index.committed"));
  DropShelved();
  return TruncateUndo();
}

Status KeyIndex::Undo() {
  Header& h = header();
  if (h.phase == Phase::kStill || h.phase == Phase::kUnknown) return Status::Ok();
  h.phase = Phase::kOpen;
  if (h.shelved.generation != 0) {
    const uint64_t dropped = h.slots.generation;
    const SlotTableState& to = h.shelved;
    if (dropped != to.generation) {
      RETURN_IF_ERROR(slots_->Reopen(to.generation, to.capacity, to.live));
      slots_->RemoveFile(dropped);
    }
    undo_bytes_ = h.shelved_undo;
    h.shelved.generation = 0;
  }
  RETURN_IF_ERROR(Replay());
  h.slots.live = h.live_at_begin;
  RETURN_IF_ERROR(failpoint::Durable("iceberg.index.replayed"));
  h.phase = Phase::kStill;
  return TruncateUndo();
}

void KeyIndex::DropShelved() {
  SlotTableState& shelved = header().shelved;
  if (shelved.generation == 0) return;
  slots_->RemoveFile(shelved.generation);
  shelved.generation = 0;
}

Status KeyIndex::Reset(uint64_t expected_keys) {
  Header& h = header();
  h.phase = Phase::kUnknown;
  h.snapshot = kNone;
  const uint64_t old = h.slots.generation;
  RETURN_IF_ERROR(slots_->FinishGrowth());
  RETURN_IF_ERROR(slots_->StartEmpty(expected_keys));
  RETURN_IF_ERROR(failpoint::Durable("iceberg.index.reset"));
  slots_->RemoveFile(old);
  DropShelved();
  return TruncateUndo();
}

Status KeyIndex::Load(std::span<const KeyHash> keys, std::span<const Place> places) {
  for (size_t at = 0; at < keys.size(); at += kBatch) {
    const size_t n = std::min(kBatch, keys.size() - at);
    RETURN_IF_ERROR(slots_->Put(keys.subspan(at, n), places.subspan(at, n), nullptr));
  }
  return Status::Ok();
}

Status KeyIndex::OpenUndo() {
  const auto path = folder_ / "undo";
  undo_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (undo_fd_ < 0) return IndexFailed(path, "opening");
  struct stat info {};
  if (fstat(undo_fd_, &info) != 0) return IndexFailed(path, "opening");
  undo_bytes_ = static_cast<uint64_t>(info.st_size);
  return Status::Ok();
}

// A record is the hash (one or two words) and the place before. What is written ahead and
// not followed by its change is harmless to undo.
Status KeyIndex::LogUndo(std::span<const KeyHash> keys, const Place* before) {
  if (header().shelved.generation != 0) return Status::Ok();  // undone as a whole
  undo_buffer_.clear();
  undo_buffer_.reserve(keys.size() * 24);
  for (size_t i = 0; i < keys.size(); i++) {
    const uint64_t words[] = {keys[i].high, wide_ ? keys[i].low : before[i], before[i]};
    undo_buffer_.append(reinterpret_cast<const char*>(words), wide_ ? 24 : 16);
  }
  RETURN_IF_ERROR(AppendAll(undo_fd_, undo_buffer_, folder_ / "undo"));
  undo_bytes_ += undo_buffer_.size();
  return Status::Ok();
}

// Puts every place of the undo log back, the last first.
Status KeyIndex::Replay() {
  const size_t record = wide_ ? 24 : 16;
  uint64_t left = undo_bytes_ / record;
  std::vector<char> bytes(kBatch * record);
  std::vector<KeyHash> keys;
  std::vector<Place> places;
  while (left > 0) {
    const size_t n = std::min<uint64_t>(kBatch, left);
    left -= n;
    const ssize_t got =
        pread(undo_fd_, bytes.data(), n * record, static_cast<off_t>(left * record));
    if (got != static_cast<ssize_t>(n * record)) {
      return IndexFailed(folder_ / "undo", "reading");
    }
    keys.clear();
    places.clear();
    for (size_t i = n; i-- > 0;) {
      uint64_t words[3] = {};
      std::memcpy(words, bytes.data() + i * record, record);
      keys.push_back({words[0], wide_ ? words[1] : 0});
      places.push_back(wide_ ? words[2] : words[1]);
    }
    RETURN_IF_ERROR(slots_->Put(keys, places, nullptr));
  }
  return Status::Ok();
}

Status KeyIndex::TruncateUndo() {
  undo_bytes_ = 0;
  if (ftruncate(undo_fd_, 0) != 0) return IndexFailed(folder_ / "undo", "emptying");
  return Status::Ok();
}

void KeyIndex::RemoveStrayFiles() {
  const Header& h = header();
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("slots.")) continue;
    const uint64_t generation = std::strtoull(name.c_str() + 6, nullptr, 10);
    const bool next = h.slots.next_capacity && generation == h.slots.generation + 1;
    if (generation != h.slots.generation && generation != h.shelved.generation && !next) {
      unlink(entry.path().c_str());
    }
  }
}

}  // namespace leat::iceberg
