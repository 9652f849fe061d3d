#include "runtime/steps.h"

#include <algorithm>
#include <set>

namespace leat {

// One call of one step.
class Steps::Call final : public StepContext {
 public:
  Call(const std::string& state, EpochWriter& epoch) : state_(state), epoch_(epoch) {}

  void Emit(Batch batch) override { emitted_.push_back(std::move(batch)); }
  void Reject(DeadLetter letter) override { rejects_.push_back(std::move(letter)); }

  Result<std::optional<std::string>> Get(std::string_view key) override {
    RETURN_IF_ERROR(CheckState());
    return epoch_.overlay().Get(state_ + std::string(key));
  }
  Status Put(std::string_view key, std::string_view value) override {
    RETURN_IF_ERROR(CheckState());
    return epoch_.overlay().Put(state_ + std::string(key), value);
  }
  Status Delete(std::string_view key) override {
    RETURN_IF_ERROR(CheckState());
    return epoch_.overlay().Delete(state_ + std::string(key));
  }
  Status Scan(std::string_view prefix, const Visit& visit) override {
    RETURN_IF_ERROR(CheckState());
    return epoch_.overlay().Scan(state_ + std::string(prefix),
                                 [&](std::string_view key, std::string_view value) {
                                   return visit(key.substr(state_.size()), value);
                                 });
  }

  std::vector<Batch> TakeEmitted() { return std::move(emitted_); }
  std::vector<DeadLetter> TakeRejects() { return std::move(rejects_); }

 private:
  Status CheckState() const {
    if (!state_.empty()) return Status::Ok();
    return Status::Bug("a step used state and says that it has none");
  }

  const std::string& state_;
  EpochWriter& epoch_;
  std::vector<Batch> emitted_;
  std::vector<DeadLetter> rejects_;
};

Steps::Steps(std::vector<std::unique_ptr<Step>> steps, Clock& clock) : clock_(clock) {
  std::set<std::string> names;
  for (std::unique_ptr<Step>& step : steps) {
    Entry entry;
    if (const std::string name = step->state(); !name.empty()) {
      std::string unique = name;
      for (int i = 2; !names.insert(unique).second; i++) {
        unique = name + "#" + std::to_string(i);
      }
      entry.state = unique + '\0';
    }
    if (const auto every = step->timer()) entry.due = clock_.Now() + *every;
    entry.step = std::move(step);
    steps_.push_back(std::move(entry));
  }
}

Needs Steps::needs() const {
  Needs needs;
  for (const Entry& entry : steps_) needs.Add(entry.step->needs());
  return needs;
}

bool Steps::stateful() const {
  return std::ranges::any_of(steps_, [](const Entry& e) { return !e.state.empty(); });
}

Result<SchemaRef> Steps::Shape(SchemaRef schema) const {
  for (const Entry& entry : steps_) {
    ASSIGN_OR_RETURN(schema, entry.step->Shape(schema));
  }
  return schema;
}

Status Steps::Apply(Batch batch, EpochWriter& epoch) {
  return Pass(0, std::move(batch), epoch);
}

Status Steps::Pass(size_t from, Batch batch, EpochWriter& epoch) {
  if (from == steps_.size()) return epoch.Write(batch);
  Call call(steps_[from].state, epoch);
  const Position at = batch.end;
  RETURN_IF_ERROR(steps_[from].step->Apply(std::move(batch), call));
  return Drain(from, at, call, epoch);
}

Status Steps::Drain(size_t step, const Position& at, Call& call, EpochWriter& epoch) {
  RETURN_IF_ERROR(epoch.Reject(call.TakeRejects(), at));
  for (Batch& batch : call.TakeEmitted()) {
    batch.end = at;
    RETURN_IF_ERROR(Pass(step + 1, std::move(batch), epoch));
  }
  return Status::Ok();
}

SteadyTime Steps::due() const {
  SteadyTime next = SteadyTime::max();
  for (const Entry& entry : steps_) next = std::min(next, entry.due);
  return next;
}

Status Steps::RunTimers(EpochWriter& epoch) {
  for (size_t i = 0; i < steps_.size(); i++) {
    if (steps_[i].due > clock_.Now()) continue;
    Call call(steps_[i].state, epoch);
    RETURN_IF_ERROR(steps_[i].step->OnTimer(clock_.WallMicros(), call));
    RETURN_IF_ERROR(Drain(i, {}, call, epoch));
    steps_[i].due = clock_.Now() + *steps_[i].step->timer();
  }
  return Status::Ok();
}

Status Steps::Finish(EpochWriter& epoch) {
  for (size_t i = 0; i < steps_.size(); i++) {
    Call call(steps_[i].state, epoch);
    RETURN_IF_ERROR(steps_[i].step->Finish(call));
    RETURN_IF_ERROR(Drain(i, {}, call, epoch));
  }
  return Status::Ok();
}

}  // namespace leat
