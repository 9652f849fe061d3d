// Alerts: looks at the pipelines of a project each second, and puts what is worth telling
// into the embedded topic from which the pipeline kAlertsName sends it. What is told is
// on disk before it leaves.
#pragma once

#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/alerts.h"
#include "runtime/manager.h"
#include "store/store.h"

namespace leat {

class Alerts {
 public:
  // Borrows all three. Looks from now on.
  Alerts(Store& store, Manager& manager, Logger& log);
  ~Alerts();

  // Any thread; before the pipelines start, for what leat.yaml says then. Errors: the
  // store's.
  Status Use(const AlertSettings& settings);
  // Looks once more, and waits for what has not left yet; not for ever, and not where the
  // pipeline that sends it does not run.
  void Finish();

 private:
  void Look();
  void LookLocked();
  Status Tell(std::span<const Alert> alerts);
  int64_t Waiting() const;  // messages

  Store& store_;
  Manager& manager_;
  Logger& log_;
  std::mutex mutex_;
  bool on_ = false;
  AlertWatch watch_{{}};
  CancelToken over_;
  std::thread thread_;
};

}  // namespace leat
