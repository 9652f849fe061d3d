#include "runtime/manager.h"

#include <algorithm>
#include <set>

#include "core/same.h"
#include "store/store.h"

namespace leat {
namespace {

// What is due is looked for by the real clock: the pipelines' may be a fake one.
constexpr auto kManagerTick = std::chrono::milliseconds(200);

}  // namespace

Manager::Manager(ProjectSettings settings, const ManagerParts& parts)
    : parts_(parts), settings_(std::move(settings)) {}

Result<std::unique_ptr<Manager>> Manager::Make(Project project,
                                               const ManagerParts& parts) {
  std::unique_ptr<Manager> made(new Manager(std::move(project.settings), parts));
  if (parts.options.supervised) {
    ASSIGN_OR_RETURN(made->paused_, parts.store.Paused());
  }
  for (PipelineFile& file : project.pipelines) {
    ASSIGN_OR_RETURN(
        auto pipeline,
        ManagedPipeline::Make(std::move(file), made->settings_, parts, made->gate_));
    made->entries_.push_back({std::move(pipeline), nullptr, false});
  }
  made->thread_ = std::thread([m = made.get()] { m->Run(); });
  return made;
}

Manager::~Manager() {
  if (!thread_.joinable()) return;
  StopAllNow();
  Wait();
  {
    std::lock_guard lock(gate_.mutex);
    over_ = true;
    gate_.changed.notify_all();
  }
  thread_.join();
}

void Manager::Run() {
  std::unique_lock lock(gate_.mutex);
  while (!over_) {
    Advance();
    gate_.changed.notify_all();  // whoever waits looks again
    gate_.changed.wait_for(lock, kManagerTick);
  }
}

void Manager::Advance() {
  for (Entry& entry : entries_) {
    entry.pipeline->Advance();
    if (!entry.next || entry.pipeline->running()) continue;
    entry.pipeline = std::move(entry.next);
    entry.pipeline->Advance();
  }
  std::erase_if(entries_, [](const Entry& entry) {
    return entry.removed && !entry.pipeline->running();
  });
}

bool Manager::Settled() const {
  bool failed = false;
  for (const Entry& entry : entries_) {
    if (entry.pipeline->file().internal && !closing_) continue;  // others need it
    if (entry.next || entry.removed || !entry.pipeline->settled()) return false;
    failed = failed || entry.pipeline->failed();
    if (closing_ || entry.pipeline->wanted() == Wanted::kRun) continue;
    // Somebody may still want it.
    if (parts_.options.supervised || entry.pipeline->wanted() == Wanted::kPaused) {
      return false;
    }
  }
  return closing_ || !parts_.options.supervised || failed;
}

void Manager::Wait() {
  std::unique_lock lock(gate_.mutex);
  gate_.changed.wait(lock, [this] { return Settled(); });
}

void Manager::StartAll() {
  std::lock_guard lock(gate_.mutex);
  if (closing_) return;
  for (Entry& entry : entries_) {
    const bool paused = paused_.contains(entry.pipeline->file().name);
    entry.pipeline->Want(paused ? Wanted::kPaused : Wanted::kRun);
  }
  gate_.changed.notify_all();
}

void Manager::StopAll() {
  std::lock_guard lock(gate_.mutex);
  closing_ = true;
  for (Entry& entry : entries_) {
    entry.next.reset();
    entry.pipeline->Want(Wanted::kStopped);
  }
  gate_.changed.notify_all();
}

void Manager::StopAllNow() {
  StopAll();
  std::lock_guard lock(gate_.mutex);
  for (Entry& entry : entries_) entry.pipeline->StopNow();
}

std::string Manager::Names() const {
  std::string names;
  for (const Entry& entry : entries_) {
    names += (names.empty() ? "" : ", ") + entry.pipeline->file().name;
  }
  return names;
}

Manager::Entry* Manager::Lookup(const std::string& name) {
  auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.pipeline->file().name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<Manager::Entry*> Manager::Find(const std::string& name) {
  if (closing_) return Status::Config("the process is about to end");
  Entry* entry = Lookup(name);
  if (entry && !entry->removed) return entry;
  return Status::Config("there is no pipeline \"" + name +
                        "\" in this process; there are: " + Names());
}

Status Manager::Ask(const std::string& name, Wanted wanted) {
  std::lock_guard lock(gate_.mutex);
  ASSIGN_OR_RETURN(Entry * entry, Find(name));
  RETURN_IF_ERROR(Remember(name, wanted));
  (entry->next ? entry->next : entry->pipeline)->Want(wanted);
  gate_.changed.notify_all();
  return Status::Ok();
}

Status Manager::Remember(const std::string& name, Wanted wanted) {
  if (!parts_.options.supervised) return Status::Ok();
  return parts_.store.SetPaused(name, wanted == Wanted::kPaused);
}

Status Manager::Start(const std::string& name) { return Ask(name, Wanted::kRun); }
Status Manager::Stop(const std::string& name) { return Ask(name, Wanted::kStopped); }
Status Manager::Pause(const std::string& name) { return Ask(name, Wanted::kPaused); }
Status Manager::Resume(const std::string& name) { return Ask(name, Wanted::kRun); }

Status Manager::Restart(const std::string& name) {
  std::lock_guard lock(gate_.mutex);
  ASSIGN_OR_RETURN(Entry * entry, Find(name));
  RETURN_IF_ERROR(Remember(name, Wanted::kRun));
  // What is about to take its place starts anew anyway.
  if (entry->next) {
    entry->next->Want(Wanted::kRun);
  } else {
    entry->pipeline->Restart();
  }
  gate_.changed.notify_all();
  return Status::Ok();
}

Status Manager::Reset(const std::string& name) {
  std::lock_guard lock(gate_.mutex);
  ASSIGN_OR_RETURN(Entry * entry, Find(name));
  if (entry->next || !entry->pipeline->settled()) {
    return Status::Config("pipeline " + name + " runs; leat stop " + name + " first");
  }
  return parts_.store.RequestReset(name, entry->pipeline->workers());
}

Result<Reloaded> Manager::Reload(Project project) {
  std::lock_guard lock(gate_.mutex);
  if (closing_) return Status::Config("the process is about to end");
  if (project.settings.data != settings_.data) {
    return Status::Config(
        "\"data\" cannot change while the project runs; stop it, move the folder " +
        settings_.data.string() + ", and start it again");
  }
  const bool all = !SameSettings(project.settings, settings_);
  Reloaded done;
  std::vector<std::unique_ptr<ManagedPipeline>> made;
  std::set<std::string> names;
  for (PipelineFile& file : project.pipelines) {
    names.insert(file.name);
    const Entry* entry = Lookup(file.name);
    const bool known = entry && !entry->removed;
    if (known && !all) {
      const ManagedPipeline& runs = entry->next ? *entry->next : *entry->pipeline;
      if (SamePipeline(runs.file(), file, parts_.registry)) continue;
    }
    (known ? done.restarted : done.started).push_back(file.name);
    ASSIGN_OR_RETURN(
        auto pipeline,
        ManagedPipeline::Make(std::move(file), project.settings, parts_, gate_));
    made.push_back(std::move(pipeline));
  }
  // Nothing can fail from here on.
  settings_ = std::move(project.settings);
  for (auto& pipeline : made) Replace(std::move(pipeline));
  for (Entry& entry : entries_) {
    const std::string& name = entry.pipeline->file().name;
    if (entry.removed || names.contains(name)) continue;
    entry.removed = true;
    entry.next.reset();
    entry.pipeline->Want(Wanted::kStopped);
    done.stopped.push_back(name);
  }
  std::ranges::stable_sort(
      entries_, {}, [](const Entry& entry) { return entry.pipeline->file().file; });
  gate_.changed.notify_all();
  return done;
}

// Who was stopped or paused stays so.
void Manager::Replace(std::unique_ptr<ManagedPipeline> pipeline) {
  Entry* entry = Lookup(pipeline->file().name);
  if (!entry) {
    pipeline->Want(Wanted::kRun);
    entries_.push_back({std::move(pipeline), nullptr, false});
    return;
  }
  const ManagedPipeline& before = entry->next ? *entry->next : *entry->pipeline;
  pipeline->Want(entry->removed ? Wanted::kRun : before.wanted());
  entry->removed = false;
  entry->pipeline->Want(Wanted::kStopped);
  entry->next = std::move(pipeline);
}

std::vector<PipelineView> Manager::Views() const {
  std::lock_guard lock(gate_.mutex);
  std::vector<PipelineView> views;
  for (const Entry& entry : entries_) views.push_back(entry.pipeline->View());
  return views;
}

std::optional<PipelineView> Manager::View(const std::string& name) const {
  std::lock_guard lock(gate_.mutex);
  for (const Entry& entry : entries_) {
    if (entry.pipeline->file().name == name) return entry.pipeline->View();
  }
  return std::nullopt;
}

std::vector<Status> Manager::Ends() const {
  std::lock_guard lock(gate_.mutex);
  std::vector<Status> all;
  for (const Entry& entry : entries_) {
    if (entry.pipeline->file().internal) continue;
    for (Status& end : entry.pipeline->ends()) all.push_back(std::move(end));
  }
  return all;
}

ProjectSettings Manager::settings() const {
  std::lock_guard lock(gate_.mutex);
  return settings_;
}

}  // namespace leat
