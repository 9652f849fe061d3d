// Any bytes as a log: a stream of events through parsing, decompression and decoding, of
// the flavour that the log itself names. Nothing may crash, overrun, or take memory that
// the input does not justify. The corpus has one transaction a file: short inputs are
// what makes a fuzzer fast.
#include <cstring>

#include "connectors/mysql/log/checksum.h"
#include "connectors/mysql/log/stream.h"

namespace leat::mysql {
namespace {

constexpr size_t kTypeAt = 4;
constexpr size_t kSizeAt = 9;
constexpr size_t kFlagsAt = 17;
constexpr size_t kChecksum = 4;

// Cuts the input into events by their own length fields, as a server's packets do, and
// gives each the checksum of what it is: else no changed event would get any further.
class FuzzFeed final : public EventFeed {
 public:
  explicit FuzzFeed(std::string_view input) : input_(input) {}

  Result<bool> Next(SteadyTime, std::string_view* event) override {
    if (input_.empty()) return false;
    uint32_t size = 0;
    if (input_.size() >= kEventHeaderSize) {
      std::memcpy(&size, input_.data() + kSizeAt, sizeof size);
    }
    size_t taken = size < 1 || size > input_.size() ? input_.size() : size;
    event_ = input_.substr(0, taken);
    input_.remove_prefix(taken);
    if (event_.size() > kEventHeaderSize + kChecksum) Stamp();
    *event = event_;
    return true;
  }
  bool checksum() const override { return false; }

 private:
  void Stamp() {
    const size_t covered = event_.size() - kChecksum;
    if (static_cast<EventType>(event_[kTypeAt]) == EventType::kFormatDescription) {
      event_[kFlagsAt] = 0;  // a log that is in use has a bit here that does not count
      stamped_ = event_[covered - 1] == 1;
    }
    if (!stamped_) return;
    const uint32_t crc = Crc32(std::string_view(event_).substr(0, covered));
    std::memcpy(event_.data() + covered, &crc, sizeof crc);
  }

  std::string_view input_;
  std::string event_;
  bool stamped_ = false;
};

void Run(std::string_view input, Flavor flavor, Needs::Before before) {
  static Logger log(2, LogLevel::kError);
  StreamOptions options;
  options.follow.flavor = flavor;
  options.follow.needs = {before, true};
  options.follow.follows = [](const TableId&) { return true; };
  options.follow.describe = [](const TableId&) -> Result<std::optional<TableDef>> {
    return std::optional<TableDef>();
  };
  options.open = [&](const LogPosition&) -> Result<std::unique_ptr<EventFeed>> {
    return std::unique_ptr<EventFeed>(std::make_unique<FuzzFeed>(input));
  };
  LogPosition from;
  from.gtids = GtidSet(flavor);
  LogStream stream(options, from, &log);
  FuzzFeed feed(input);
  for (int i = 0; i < 1000; i++) {
    auto batch = stream.Read(&feed, SteadyTime{});
    if (!batch.ok() || !*batch) return;
    (void)LogPosition::Parse(stream.resume_from().ToPosition());
  }
}

}  // namespace
}  // namespace leat::mysql

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace leat;         // NOLINT
  using namespace leat::mysql;  // NOLINT
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with("\xfe"
                        "bin"))
    input.remove_prefix(4);
  if (input.empty()) return 0;
  // The server's version stands near the front; a bit of the first event's time decides
  // what is free.
  const bool maria = input.substr(0, 128).find("MariaDB") != std::string_view::npos;
  Run(input, maria ? Flavor::kMariaDb : Flavor::kMySql,
      input[0] & 1 ? Needs::Before::kFull : Needs::Before::kKey);
  return 0;
}
