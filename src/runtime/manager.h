// Manager: one project in one process: its pipelines, each with its workers and their
// threads, what is wanted of them and what goes on. Commands, the control socket and HTTP
// are all users of it; none knows more.
//
// Every call may come from any thread and returns at once: what was asked for is brought
// about by the manager's own thread, and Views tell how far it is. Errors are kConfig:
// there is no such pipeline, or it cannot be done in its state; they say what can.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/managed.h"

namespace leat {

// What a reload did, by the pipelines' names.
struct Reloaded {
  std::vector<std::string> started;
  std::vector<std::string> restarted;
  std::vector<std::string> stopped;
};

class Manager {
 public:
  // Makes the pipelines, all stopped. Borrows what it is given but the project. kConfig:
  // a folder cannot be made.
  static Result<std::unique_ptr<Manager>> Make(Project project,
                                               const ManagerParts& parts);
  // Everything leaves at once, as by StopAllNow, and is waited for.
  ~Manager();

  void StartAll();
  // Finishes the open epochs, commits them and leaves; nothing starts any more.
  void StopAll();
  // The same at once; the next start loses nothing.
  void StopAllNow();
  // Until nothing runs, and nothing will without somebody's word; with supervision on the
  // other hand, until everything was stopped by StopAll, or has failed or ended with a
  // failure among them.
  void Wait();

  // Runs what is stopped, paused, failed or done.
  Status Start(const std::string& name);
  // Until somebody starts it, or the process begins anew.
  Status Stop(const std::string& name);
  // Ends it, if it runs, and starts it anew.
  Status Restart(const std::string& name);
  // As Stop and Start, but with supervision a pause outlives the process.
  Status Pause(const std::string& name);
  Status Resume(const std::string& name);
  // Lets one that does not run start over from its source's configured start, when it
  // starts again.
  Status Reset(const std::string& name);

  // Goes over to another reading of the same project: what it has anew starts, what has
  // changed ends and starts again, what is gone ends. Where something in it cannot be
  // made, nothing changes.
  Result<Reloaded> Reload(Project project);

  // In the project's order.
  std::vector<PipelineView> Views() const;
  std::optional<PipelineView> View(const std::string& name) const;
  // Of the newest run of every worker, in the order of the views' workers.
  std::vector<Status> Ends() const;
  ProjectSettings settings() const;

 private:
  using Wanted = ManagedPipeline::Wanted;
  struct Entry {
    std::unique_ptr<ManagedPipeline> pipeline;
    std::unique_ptr<ManagedPipeline> next;  // takes its place once it has ended
    bool removed = false;                   // nothing does
  };

  Manager(ProjectSettings settings, const ManagerParts& parts);
  void Run();
  void Advance();
  bool Settled() const;
  Status Ask(const std::string& name, Wanted wanted);
  // A pause outlives the process, under supervision.
  Status Remember(const std::string& name, Wanted wanted);
  Entry* Lookup(const std::string& name);  // null: there is none
  // kConfig also when everything is about to end.
  Result<Entry*> Find(const std::string& name);
  void Replace(std::unique_ptr<ManagedPipeline> pipeline);
  std::string Names() const;

  const ManagerParts parts_;
  mutable Gate gate_;  // guards what stands below
  ProjectSettings settings_;
  std::set<std::string> paused_;  // when this process began
  std::vector<Entry> entries_;
  bool closing_ = false;
  bool over_ = false;  // the manager's thread ends
  std::thread thread_;
};

}  // namespace leat
