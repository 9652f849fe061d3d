#include "cli/alerts.h"

#include "format/records.h"
#include "store/topics/topic_log.h"

namespace leat {
namespace {

constexpr auto kEvery = std::chrono::seconds(1);
constexpr auto kFinish = std::chrono::seconds(10);
constexpr auto kLookAgain = std::chrono::milliseconds(50);
constexpr Micros kKept = std::chrono::hours(7 * 24);

const TopicPartition& AlertTopic() {
  static const TopicPartition topic{std::string(kAlertsName), 0};
  return topic;
}

}  // namespace

Alerts::Alerts(Store& store, Manager& manager, Logger& log)
    : store_(store), manager_(manager), log_(log) {
  thread_ = std::thread([this] {
    while (!over_.WaitFor(kEvery)) Look();
  });
}

Alerts::~Alerts() {
  over_.Cancel();
  thread_.join();
}

Status Alerts::Use(const AlertSettings& settings) {
  if (!settings.on.empty()) {
    TopicSettings topic;
    topic.retention = kKept;
    RETURN_IF_ERROR(store_.topics().CreateMissing(AlertTopic().topic, topic));
  }
  std::lock_guard lock(mutex_);
  on_ = !settings.on.empty();
  watch_.Use(settings);
  LookLocked();  // what is there before anything runs is no news
  return Status::Ok();
}

void Alerts::Look() {
  std::lock_guard lock(mutex_);
  LookLocked();
}

void Alerts::LookLocked() {
  if (!on_) return;
  const Clock& clock = Clock::System();
  const auto alerts = watch_.Look(manager_.Views(), clock.Now(), clock.WallMicros());
  if (alerts.empty()) return;
  if (Status told = Tell(alerts); !told.ok()) {
    log_.Error("what has happened cannot be told", {{"error", told.message()}});
  }
}

Status Alerts::Tell(std::span<const Alert> alerts) {
  RecordsBuilder records(AlertTopic().topic);
  for (const Alert& alert : alerts) {
    records.Add(alert.pipeline, alert.ToJson(), alert.time / 1000);
  }
  return store_.topics().Append(AlertTopic(), records.Finish()).status();
}

int64_t Alerts::Waiting() const {
  const auto topic = store_.topics().Describe(AlertTopic().topic);
  const auto read = store_.topics().groups().Get(std::string(kAlertsName), AlertTopic());
  if (!topic.ok() || !read.ok()) return 0;
  const OffsetRange& offsets = topic->partitions.front().offsets;
  return offsets.end - (*read ? (*read)->offset : offsets.start);
}

void Alerts::Finish() {
  Look();
  const SteadyTime end = Clock::System().Now() + kFinish;
  while (Waiting() > 0 && Clock::System().Now() < end) {
    const auto sender = manager_.View(std::string(kAlertsName));
    using State = PipelineStats::State;
    if (!sender || sender->stats.state == State::kStopped ||
        sender->stats.state == State::kPaused || sender->stats.state == State::kFailed) {
      break;
    }
    over_.WaitFor(kLookAgain);
  }
  if (const int64_t left = Waiting(); left > 0) {
    log_.Warn("messages wait for the next start", {{"messages", left}});
  }
}

}  // namespace leat
