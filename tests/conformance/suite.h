// What a source and a sink have to survive together: every way a process can end, at
// every durable step, without a row lost or doubled.
//
// The steps are the failpoints that a clean run passes. For each of them in turn the
// suite
//   - crashes there (nothing of the pipeline runs on), and crashes the next start as
//   well;
//   - lets the reply of that step be lost: kUnknownOutcome;
//   - stops the process there, lets a successor work, on the same store or on another
//     machine's, whole or until it crashes, and wakes the old one up again;
//   - crashes there with the store lost, or an older copy of it restored.
// Then a healthy start runs to the end, and the judge counts the rows.
//
// LEAT_CONFORMANCE_EVERY=n tries each n-th step and pair only: under a sanitizer, where
// memory and threads are judged, and a step costs ten times as much.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/testing.h"
#include "runtime/pipeline.h"
#include "store/store.h"

namespace leat::conformance {

// One setting of source and sink. Reset gives each run a target of its own.
class Subject {
 public:
  virtual ~Subject() = default;
  // An empty target and the source's beginning.
  virtual void Reset() = 0;
  virtual PipelineParts Parts() = 0;
  virtual CommitPolicy policy() const = 0;
  // What is wrong with the target after a run to the end; empty: nothing. With
  // `store_kept` the dead letters in the store are whole as well.
  virtual std::vector<std::string> Judge(Store& store, bool store_kept) = 0;
  // Which failpoints are requests whose reply may be lost.
  virtual bool IsRequest(const std::string& failpoint) const = 0;
};

struct Limits {
  // Combinations of two faults that are tried of each kind; all single faults always are.
  int pairs = 150;
  // Each n-th step alone, where a step costs seconds; or as LEAT_CONFORMANCE_EVERY says.
  int every = 1;
  uint64_t seed = 1;
};

class Suite {
 public:
  static constexpr char kPipeline[] = "p";

  Suite(Subject& subject, Limits limits);
  ~Suite();

  // Failpoints of a clean run, in order.
  std::vector<std::string> CleanRun();
  void CrashEverywhere();
  void LoseReplies();
  void WakeZombies();
  void LoseStores();
  void RestoreOldStores();

  // What went wrong: each with the faults that led there.
  const std::vector<std::string>& failures() const { return failures_; }
  int runs() const { return runs_; }

 private:
  struct Fault {
    enum class Kind : uint8_t { kCrash, kLoseReply };
    int at = -1;  // the number of the passing
    Kind kind = Kind::kCrash;
  };
  struct Outcome {
    Status status;
    int passed = 0;  // failpoints
    bool hit = false;
  };

  // One process's life on the store of that number.
  Outcome Live(int store, const Fault& fault, std::vector<std::string>* trace = nullptr);
  Outcome LiveWithZombie(int zombie_at, int successor_store, const Fault& successor);
  Status RunPipeline(int store);
  void Begin();
  // Healthy starts to the end, then the judge.
  void Finish(int store, bool store_kept, const std::string& what);
  std::filesystem::path Folder(int store) const;
  Store& OpenStore(int store);
  void CloseStores();
  void Fail(const std::string& what, const std::string& why);

  Subject& subject_;
  const Limits limits_;
  std::mt19937_64 random_;
  TestFolder base_{"conformance"};
  std::map<int, std::unique_ptr<Store>> stores_;
  FakeClock clock_;
  Logger log_;
  const int every_;
  int steps_ = 0;  // of a clean run
  int runs_ = 0;
  std::vector<std::string> failures_;
};

}  // namespace leat::conformance
