// KeyIndex: where the row of each key of a table lies, so that an update or delete can
// name the row it replaces. A cache in the pipeline's own folder: it says which snapshot
// of which table it stands for, and can always be rebuilt from the table
// (index_rebuild.h).
//
// Changes are made in place as rows are staged, between Begin and Commit; an undo log
// written ahead of them takes them back on Abort, or when a process that was killed
// starts again. Sealed changes (Seal) survive the process until it is known whether their
// epoch was committed. After a crash of the machine (another boot id, not closed) nothing
// in it is believed.
//
// Files in the folder: header, slots.N (slot_table.h), undo, files (number -> location).
// Memory: the mapped slots (20-26 MB for a million exact keys, 30-39 MB for hashed ones),
// which the system can reclaim. One owner, one thread. Errors: kTransient (disk full),
// kConfig.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "connectors/iceberg/index/file_numbers.h"
#include "connectors/iceberg/index/key_hash.h"
#include "connectors/iceberg/index/mapped_file.h"
#include "connectors/iceberg/index/slot_table.h"

namespace leat::iceberg {

class KeyIndex {
 public:
  // Which index fits: another one in the folder is emptied.
  struct Identity {
    std::string table_uuid;
    std::string key;  // KeyHasher::signature()
    bool wide = false;
  };

  static Result<std::unique_ptr<KeyIndex>> Open(std::filesystem::path folder,
                                                const Identity& identity);
  // Marks the files as clean, so that they are believed after a reboot.
  ~KeyIndex();

  // The snapshot it stands for, kNone: none, it has to be rebuilt.
  static constexpr int64_t kNone = -2;
  static constexpr int64_t kEmptyTable = -1;  // as Table::snapshot_id() has it
  int64_t snapshot() const;
  // What Seal named and nobody has committed or undone since; "": nothing.
  std::string sealed() const;

  // Before the first change of an epoch.
  Status Begin();
  bool open() const;
  // In order: puts each key at its place, or removes it where the place is kNoPlace;
  // answers where each was before.
  Status Exchange(std::span<const KeyHash> keys, std::span<const Place> places,
                  Place* before);
  // Removes every key, as part of the open epoch.
  Status Clear();
  // The open epoch is staged as `name`.
  Status Seal(const std::string& name);
  // The changes since Begin are part of `snapshot`. Without changes: the table moved on,
  // its rows did not.
  Status Commit(int64_t snapshot);
  // Takes back what was done since Begin; harmless when nothing was.
  Status Undo();

  // Empties it for a rebuild: no undo, stands for nothing until Commit.
  Status Reset(uint64_t expected_keys);
  // Puts without undo, after Reset.
  Status Load(std::span<const KeyHash> keys, std::span<const Place> places);
  void Find(std::span<const KeyHash> keys, Place* found) const {
    slots_->Find(keys, found);
  }
  uint64_t size() const;

  // The data files that places name.
  FileNumbers& files() { return *files_; }

 private:
  struct Header;
  KeyIndex(std::filesystem::path folder, bool wide)
      : folder_(std::move(folder)), wide_(wide) {}

  Header& header() const;
  Status OpenHeader(const Identity& identity);
  Status StartAnew(const Identity& identity);
  Status OpenUndo();
  Status LogUndo(std::span<const KeyHash> keys, const Place* before);
  Status Replay();
  Status TruncateUndo();
  void DropShelved();
  void RemoveStrayFiles();

  const std::filesystem::path folder_;
  const bool wide_;
  MappedFile header_file_;
  std::unique_ptr<SlotTable> slots_;
  int undo_fd_ = -1;
  uint64_t undo_bytes_ = 0;
  std::string undo_buffer_;
  std::unique_ptr<FileNumbers> files_;
};

}  // namespace leat::iceberg
