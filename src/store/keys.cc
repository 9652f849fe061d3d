#include "store/keys.h"

#include <fmt/format.h>

namespace leat::keys {
namespace {

template <typename... Names>
std::string Key(char kind, Names... names) {
  std::string key(1, kind);
  ((key += names, key += '\0'), ...);
  return key;
}

}  // namespace

std::string Attempt(std::string_view pipeline, std::string_view worker) {
  return Key(kAttempts, pipeline, worker);
}
std::string Saved(std::string_view pipeline, std::string_view worker) {
  return Key(kCheckpoints, pipeline, worker);
}
std::string Folded(std::string_view pipeline, std::string_view worker) {
  return Key('F', pipeline, worker);
}
std::string Range(std::string_view pipeline, std::string_view worker,
                  std::string_view shard) {
  return Key('P', pipeline, worker, shard);
}
std::string State(std::string_view pipeline, std::string_view worker) {
  return Key('S', pipeline, worker);
}
std::string Overlays(std::string_view pipeline, std::string_view worker) {
  return Key('O', pipeline, worker);
}
std::string Overlay(const Owner& owner, uint64_t epoch) {
  std::string key = Overlays(owner.pipeline, owner.worker);
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(epoch >> shift);
  key += owner.attempt;
  return key += '\0';
}
std::string DeadLetters(std::string_view pipeline) { return Key('D', pipeline); }
std::string DeadLetterCount(std::string_view pipeline) { return Key('N', pipeline); }

std::string Reset(std::string_view pipeline, std::string_view worker) {
  return Key('R', pipeline, worker);
}
std::string Paused(std::string_view pipeline) { return Key(kPaused, pipeline); }

std::string DeadLetterId(uint64_t epoch, std::string_view attempt, uint32_t number) {
  return fmt::format("{:016x}-{}-{:08x}", epoch, attempt, number);
}

std::string After(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) {
    prefix.pop_back();
  }
  if (!prefix.empty()) prefix.back()++;
  return prefix;
}

}  // namespace leat::keys
