// Step: turns batches into others on the writer thread.
//
// What a step remembers from batch to batch it keeps in its state, never in members: an
// epoch that is aborted takes its changes of the state back, and its batches come again.
// Apply is deterministic: the same batches on the same state give the same rows, whatever
// the time is (rows have times of their own).
//
// Owned by one pipeline; called by its writer thread only. Errors as Source's; a row at
// fault is rejected.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "core/context.h"
#include "data/batch.h"

namespace leat {

// What the runtime lends to a step for one call.
class StepContext {
 public:
  virtual ~StepContext() = default;

  // Rows and events for the next step, in the order emitted. Its position and boundary
  // do not matter: those of what came in count.
  virtual void Emit(Batch batch) = 0;
  virtual void Reject(DeadLetter letter) = 0;

  // The state of a step that has some, by key: as the open epoch sees it, committed with
  // the epoch. Keys and values are any bytes.
  virtual Result<std::optional<std::string>> Get(std::string_view key) = 0;
  virtual Status Put(std::string_view key, std::string_view value) = 0;
  virtual Status Delete(std::string_view key) = 0;
  // Entries with this prefix in the order of their keys, until `visit` answers false.
  // `visit` does not change the state.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Status Scan(std::string_view prefix, const Visit& visit) = 0;
};

class Step {
 public:
  virtual ~Step() = default;

  virtual Needs needs() const = 0;
  // Under which name its state is kept, and found again when steps around it change.
  // Empty: it has none.
  virtual std::string state() const { return {}; }
  // How often OnTimer is wanted. Nothing: never.
  virtual std::optional<Micros> timer() const { return std::nullopt; }

  // The shape its output has for an input of this shape.
  virtual Result<SchemaRef> Shape(const SchemaRef& input) = 0;
  virtual Status Apply(Batch batch, StepContext& context) = 0;
  // Time passes, also without rows. `now`: microseconds since 1970 UTC.
  virtual Status OnTimer(int64_t now, StepContext& context) { return Status::Ok(); }
  // The source has an end, and this is it.
  virtual Status Finish(StepContext& context) { return Status::Ok(); }
};

}  // namespace leat
