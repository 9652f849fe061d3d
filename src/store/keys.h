// The keys of the store. One letter for the kind, then names ended by a zero byte, then
// numbers in big-endian, so that RocksDB's order is the order wanted:
//
//   A pipeline worker                         the worker's attempt
//   C pipeline worker                         its saved epoch, JSON
//   F pipeline worker                         "epoch attempt" of the newest folded epoch
//   O pipeline worker epoch attempt d|s KEY   overlay: a dead letter, or a state's key
//   P pipeline worker shard                   the shard's newest folded range, JSON
//   S pipeline worker KEY                     state
//   D pipeline ID                             dead letter
//   N pipeline                                how many of those there are
//   R pipeline worker                         it is to start over
//   Z pipeline                                it is paused
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/store.h"

namespace leat::keys {

std::string Attempt(std::string_view pipeline, std::string_view worker);
std::string Saved(std::string_view pipeline, std::string_view worker);
std::string Folded(std::string_view pipeline, std::string_view worker);
std::string Range(std::string_view pipeline, std::string_view worker,
                  std::string_view shard);
// Prefixes; a KEY or ID follows.
std::string State(std::string_view pipeline, std::string_view worker);
std::string Overlays(std::string_view pipeline, std::string_view worker);
std::string Overlay(const Owner& owner, uint64_t epoch);
std::string DeadLetters(std::string_view pipeline);
std::string DeadLetterCount(std::string_view pipeline);
std::string Reset(std::string_view pipeline, std::string_view worker);
std::string Paused(std::string_view pipeline);

inline constexpr char kAttempts = 'A';
inline constexpr char kCheckpoints = 'C';
inline constexpr char kPaused = 'Z';
inline constexpr char kDeadLetterEntry = 'd';
inline constexpr char kStateEntry = 's';
// The first byte of a state's value in an overlay.
inline constexpr char kPut = '+';
inline constexpr char kDeleted = '-';

// "epoch-attempt-number", all fixed width but the attempt.
std::string DeadLetterId(uint64_t epoch, std::string_view attempt, uint32_t number);
// The first key that has not this prefix.
std::string After(std::string prefix);

}  // namespace leat::keys
