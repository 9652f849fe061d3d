// Steps: the steps of a pipeline as one, each with its state in the open epoch. What a
// step emits goes through those after it, the last one's into the epoch.
//
// Lives for one attempt; the writer thread only. Errors: the steps' and the store's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/step.h"
#include "runtime/epoch.h"

namespace leat {

class Steps {
 public:
  Steps(std::vector<std::unique_ptr<Step>> steps, Clock& clock);

  bool empty() const { return steps_.empty(); }
  Needs needs() const;
  // Some step keeps state.
  bool stateful() const;
  Result<SchemaRef> Shape(SchemaRef schema) const;

  Status Apply(Batch batch, EpochWriter& epoch);
  // When the next timer is due; max: never.
  SteadyTime due() const;
  // Runs those that are due.
  Status RunTimers(EpochWriter& epoch);
  Status Finish(EpochWriter& epoch);

 private:
  class Call;
  struct Entry {
    std::unique_ptr<Step> step;
    std::string state;  // the prefix of its keys; empty: it has none
    SteadyTime due = SteadyTime::max();
  };
  // Hands a batch to the steps from that one on, then to the epoch.
  Status Pass(size_t from, Batch batch, EpochWriter& epoch);
  Status Drain(size_t step, const Position& at, Call& call, EpochWriter& epoch);

  Clock& clock_;
  std::vector<Entry> steps_;
};

}  // namespace leat
