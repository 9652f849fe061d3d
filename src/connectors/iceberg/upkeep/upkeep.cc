#include "connectors/iceberg/upkeep/upkeep.h"

#include "connectors/iceberg/upkeep/fold.h"
#include "connectors/iceberg/upkeep/orphan_sweep.h"

namespace leat::iceberg {
namespace {

// What one core folds of Parquet in a second, cautiously: the next epoch waits meanwhile.
constexpr int64_t kFoldBytesPerSecond = int64_t{64} << 20;

}  // namespace

Upkeep::Upkeep(FileIo& files, Table& table, Clock& clock, Logger& log,
               const UpkeepOptions& options)
    : files_(files),
      table_(table),
      clock_(clock),
      log_(log),
      options_(options),
      planner_(options.fold),
      next_sweep_(clock.Now() + options.first_sweep) {}

Result<bool> Upkeep::Run(SteadyTime deadline, const std::set<std::string>& keep) {
  ASSIGN_OR_RETURN(bool changed, table_.Refresh());
  while (options_.folds) {
    const auto left = std::chrono::duration<double>(deadline - clock_.Now()).count();
    const auto bytes = static_cast<int64_t>(left * kFoldBytesPerSecond);
    if (bytes <= 0) break;
    planner_.SetMaxBytes(std::min(bytes, options_.fold.max_bytes));
    ASSIGN_OR_RETURN(const std::optional<FoldGroup> group, planner_.Plan(table_));
    if (!group) break;
    ASSIGN_OR_RETURN(const bool folded, Fold(files_, table_, *group, &planner_));
    if (!folded) planner_.GiveUp(*group);
    changed = changed || folded;
    log_.Debug("folded files", {{"table", table_.name().ToString()},
                                {"data_files", group->data.size()},
                                {"delete_files", group->deletes.size()}});
  }
  if (clock_.Now() >= next_sweep_) {
    next_sweep_ = clock_.Now() + options_.sweep_every;
    RETURN_IF_ERROR(Sweep(keep));
  }
  return changed;
}

Status Upkeep::Sweep(const std::set<std::string>& keep) {
  ASSIGN_OR_RETURN(
      const SweepResult swept,
      SweepOrphans(table_, files_, clock_.WallMicros(), options_.orphan_age, keep));
  if (!swept.skipped.empty()) {
    log_.Warn("orphaned files are not looked for",
              {{"table", table_.name().ToString()}, {"because", swept.skipped}});
  } else if (swept.removed > 0) {
    log_.Info("removed files that nothing names", {{"table", table_.name().ToString()},
                                                   {"files", swept.removed},
                                                   {"bytes", swept.bytes}});
  }
  return Status::Ok();
}

}  // namespace leat::iceberg
