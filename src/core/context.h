// What the runtime lends to a source, step or sink for as long as it lives.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "core/project_settings.h"

namespace leat {

class Store;

// What a sink (and the steps before it) needs beyond `rows`; a source leaves out the work
// for what nobody asked.
struct Needs {
  enum class Before : uint8_t { kNone, kKey, kFull };
  Before before = Before::kNone;  // of updates
  bool meta = false;              // Chunk::meta
  bool statements = false;        // Event::kStatement, Event::change
  // How often a sink is to be written an empty batch, whether or not rows come; 0: never.
  Micros heartbeat{0};

  void Add(const Needs& other) {
    if (other.before > before) before = other.before;
    meta = meta || other.meta;
    statements = statements || other.statements;
    if (heartbeat.count() == 0) {
      heartbeat = other.heartbeat;
    } else if (other.heartbeat.count() > 0) {
      heartbeat = std::min(heartbeat, other.heartbeat);
    }
  }
};

struct Context {
  std::string pipeline;
  std::filesystem::path data;  // this pipeline's own folder for caches; it may be lost
  Clock& clock;
  Logger& log;
  const CancelToken& cancel;  // set when the pipeline should leave now
  const ProjectSettings& project;
  // The project's store: embedded topics. Null where another process may own it
  // (a part's `check`).
  Store* store;
  // Which of the pipeline's workers this is; each has its part of the shards.
  int worker = 0;
  int workers = 1;
};

}  // namespace leat
