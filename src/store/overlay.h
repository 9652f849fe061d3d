// Overlay: what an open epoch changes in the store, written aside in bounded writes under
// (pipeline, worker, epoch, attempt) while the epoch is staged. Saving the epoch makes it
// valid, folding moves it into the state. Reads look here first, so an epoch sees its own
// changes and nobody else does.
//
// Owned by the epoch; the writer thread only. Errors as Store's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "store/store.h"

namespace leat {

class Overlay {
 public:
  Overlay(Store& store, Owner owner, uint64_t epoch);

  Status AddDeadLetter(const DeadLetter& letter);
  // How many this overlay has.
  int64_t dead_letters() const { return dead_letters_; }
  // Nothing was added.
  bool empty() const { return !changed_; }

  // A step's state, by key.
  Result<std::optional<std::string>> Get(const std::string& key) const;
  Status Put(const std::string& key, std::string_view value);
  Status Delete(const std::string& key);
  // State with this prefix, in the order of the keys, until `visit` answers false.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  Status Scan(const std::string& prefix, const Visit& visit);

  // Hands what is still in memory to the store. The save that follows makes it durable.
  Status Flush();

 private:
  Status Add(std::string key, std::string value);

  Store& store_;
  const Owner owner_;
  const uint64_t epoch_;
  const std::string prefix_;
  std::map<std::string, std::string> pending_;  // at most kPendingBytes
  size_t pending_bytes_ = 0;
  bool changed_ = false;
  uint32_t dead_letters_ = 0;
};

}  // namespace leat
