#include "conformance/suite.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/failpoint.h"

namespace leat::conformance {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFailures = 5;
constexpr int kStarts = 6;  // healthy ones, until the end must be reached

// Lets the n-th passing of any failpoint by one thread wait until it is woken.
class Pause {
 public:
  void Wait() {
    std::unique_lock lock(mutex_);
    here_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return woken_; });
  }
  // False when the thread ended without coming here.
  bool AwaitArrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return here_ || over_; });
    return here_;
  }
  void Wake() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  void Over() {
    std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool here_ = false;
  bool woken_ = false;
  bool over_ = false;
};

int Every() {
  const char* const set = std::getenv("LEAT_CONFORMANCE_EVERY");
  return set ? std::max(1, std::atoi(set)) : 1;
}

}  // namespace

Suite::Suite(Subject& subject, Limits limits)
    : subject_(subject),
      limits_(limits),
      random_(limits.seed),
      log_(STDERR_FILENO, LogLevel::kError),
      every_(std::max(Every(), limits.every)) {}

Suite::~Suite() { CloseStores(); }

fs::path Suite::Folder(int store) const { return base_ / std::to_string(store); }

Store& Suite::OpenStore(int store) {
  std::unique_ptr<Store>& opened = stores_[store];
  if (!opened) {
    auto result = Store::Open(Folder(store));
    if (!result.ok()) {
      fmt::print(stderr, "{}\n", result.status().ToString());
      std::abort();
    }
    opened = *std::move(result);
  }
  return *opened;
}

void Suite::CloseStores() { stores_.clear(); }

void Suite::Begin() {
  CloseStores();
  for (const auto& entry : fs::directory_iterator(base_.path())) fs::remove_all(entry);
  subject_.Reset();
  runs_++;
}

Status Suite::RunPipeline(int store) {
  PipelineSettings settings;
  settings.name = kPipeline;
  settings.data = Folder(store) / kPipeline;
  settings.project.data = Folder(store);
  settings.policies.commit = subject_.policy();
  Pipeline pipeline(settings, subject_.Parts(), OpenStore(store), clock_, log_);
  return pipeline.Run();
}

Suite::Outcome Suite::Live(int store, const Fault& fault,
                           std::vector<std::string>* trace) {
  std::mutex mutex;
  Outcome outcome;
  bool crashed = false;
  OpenStore(store);
  failpoint::SetHook([&](std::string_view name) {
    std::lock_guard lock(mutex);
    // Who was told of a crash as of a lost reply may go on to the next step, no further.
    if (crashed) return Status::Cancelled("crashed before");
    if (trace) trace->emplace_back(name);
    if (outcome.passed++ != fault.at) return Status::Ok();
    if (fault.kind == Fault::Kind::kCrash) {
      outcome.hit = crashed = true;
      return Status::Cancelled("crash");
    }
    if (!subject_.IsRequest(std::string(name))) return Status::Ok();
    outcome.hit = true;
    return Status::UnknownOutcome("no reply");
  });
  outcome.status = RunPipeline(store);
  failpoint::ClearHook();
  return outcome;
}

Suite::Outcome Suite::LiveWithZombie(int zombie_at, int successor_store,
                                     const Fault& successor) {
  Pause pause;
  Outcome outcome;
  std::mutex mutex;
  OpenStore(0);
  OpenStore(successor_store);
  int passed = 0;
  std::thread::id zombie_thread;
  auto hook = [&](std::string_view) {
    {
      std::lock_guard lock(mutex);
      if (std::this_thread::get_id() == zombie_thread) {
        if (passed++ != zombie_at) return Status::Ok();
      } else if (outcome.hit || outcome.passed++ == successor.at) {
        outcome.hit = true;
        return Status::Cancelled("crash");
      } else {
        return Status::Ok();
      }
    }
    pause.Wait();
    return Status::Ok();
  };
  Status zombie_status;
  std::thread zombie([&] {
    {
      std::lock_guard lock(mutex);
      zombie_thread = std::this_thread::get_id();
    }
    failpoint::SetHook(hook);
    zombie_status = RunPipeline(0);
    pause.Over();
  });
  if (pause.AwaitArrival()) outcome.status = RunPipeline(successor_store);
  pause.Wake();
  zombie.join();
  failpoint::ClearHook();
  return outcome;
}

void Suite::Finish(int store, bool store_kept, const std::string& what) {
  Status last;
  for (int i = 0; i < kStarts; i++) {
    last = Live(store, {}).status;
    if (last.ok()) break;
  }
  if (!last.ok()) return Fail(what, "does not come to the end: " + last.ToString());
  for (const std::string& wrong : subject_.Judge(OpenStore(store), store_kept)) {
    Fail(what, wrong);
  }
}

void Suite::Fail(const std::string& what, const std::string& why) {
  if (failures_.size() < kMaxFailures) failures_.push_back(what + ": " + why);
}

std::vector<std::string> Suite::CleanRun() {
  Begin();
  std::vector<std::string> trace;
  Outcome outcome = Live(0, {}, &trace);
  steps_ = outcome.passed;
  if (!outcome.status.ok()) Fail("a clean run", outcome.status.ToString());
  Finish(0, true, "a clean run");
  return trace;
}

void Suite::CrashEverywhere() {
  for (int first = 0; first < steps_; first += every_) {
    Begin();
    Live(0, {first});
    Finish(0, true, fmt::format("crash at {}", first));
  }
  for (int i = 0; i < limits_.pairs; i += every_) {
    int first = static_cast<int>(random_() % static_cast<uint64_t>(steps_));
    int second = static_cast<int>(random_() % static_cast<uint64_t>(steps_));
    Begin();
    Live(0, {first});
    CloseStores();
    Live(0, {second});
    Finish(0, true, fmt::format("crash at {}, then at {}", first, second));
  }
}

void Suite::LoseReplies() {
  for (int at = 0; at < steps_; at += every_) {
    Begin();
    Outcome outcome = Live(0, {at, Fault::Kind::kLoseReply});
    if (!outcome.hit) continue;
    Finish(0, true, fmt::format("reply lost at {}", at));
    Begin();
    Live(0, {at, Fault::Kind::kLoseReply});
    CloseStores();
    fs::remove_all(Folder(0));
    Finish(0, false, fmt::format("reply lost at {}, then the store", at));
  }
}

void Suite::WakeZombies() {
  for (int at = 0; at < steps_; at += every_) {
    for (int store : {0, 1}) {
      Begin();
      LiveWithZombie(at, store, {});
      Finish(store, store == 0,
             fmt::format("zombie from {}, successor on store {}", at, store));
    }
  }
  for (int i = 0; i < limits_.pairs; i += every_) {
    int at = static_cast<int>(random_() % static_cast<uint64_t>(steps_));
    int crash = static_cast<int>(random_() % static_cast<uint64_t>(steps_));
    int store = static_cast<int>(random_() % 2);
    int last = static_cast<int>(random_() % 2);
    Begin();
    LiveWithZombie(at, store, {crash});
    Finish(last, store == 0 && last == 0,
           fmt::format("zombie from {}, successor on store {} crashes at {}, then store "
                       "{}",
                       at, store, crash, last));
  }
}

void Suite::LoseStores() {
  for (int at = 0; at < steps_; at += every_) {
    Begin();
    Live(0, {at});
    Finish(1, false, fmt::format("crash at {}, store lost", at));
  }
}

void Suite::RestoreOldStores() {
  for (int i = 0; i < limits_.pairs; i += every_) {
    int copied = static_cast<int>(random_() % static_cast<uint64_t>(steps_));
    int crash = static_cast<int>(random_() % static_cast<uint64_t>(steps_));
    Begin();
    Live(0, {copied});
    CloseStores();
    fs::copy(Folder(0), base_ / "copy", fs::copy_options::recursive);
    Live(0, {crash});
    CloseStores();
    fs::remove_all(Folder(0));
    fs::rename(base_ / "copy", Folder(0));
    Finish(0, false,
           fmt::format("store copied at {}, restored after a crash {} later", copied,
                       crash));
  }
}

}  // namespace leat::conformance
