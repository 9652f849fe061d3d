// A log being sent by a server: registration as a replica with a server_id of its own,
// the dump command from a position (GTIDs or file and offset), and the raw events it
// answers. One connection; one thread; owned by a LogSource.
// Errors: kTransient (connection lost, silence longer than the heartbeat allows, server
// going down), kConfig (log purged, diverged, privilege missing, event larger than the
// server sends), kData (framing).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/client/packet_reader.h"
#include "connectors/mysql/position.h"

namespace leat::mysql {

// Where events come from: a dump, or a file in tests.
class EventFeed {
 public:
  virtual ~EventFeed() = default;
  // The next event with its header and checksum, valid until the next call; false when
  // the deadline came first.
  virtual Result<bool> Next(SteadyTime deadline, std::string_view* event) = 0;
  // With `many` the next waits are for many events, or their deadline, rather than for
  // the first of them: a server that logs small transactions would wake us for each.
  virtual void WaitForMany(bool many) {}
  // Events made for us before the first FORMAT_DESCRIPTION carry a checksum.
  virtual bool checksum() const = 0;
};

struct DumpOptions {
  Url url;
  uint32_t server_id = 0;  // 0: random, another one if it is taken
  Micros heartbeat = std::chrono::seconds(5);
  Waker* waker = nullptr;  // ends the wait of Next
};

class LogDump final : public EventFeed {
 public:
  static Result<std::unique_ptr<LogDump>> Start(const DumpOptions& options,
                                                const LogPosition& from);

  Result<bool> Next(SteadyTime deadline, std::string_view* event) override;
  void WaitForMany(bool many) override { reader_->WaitForMany(many); }
  bool checksum() const override { return checksum_; }
  unsigned long connection_id() const;
  // The last error said that another replica has the same server_id.
  bool duplicate_id() const { return duplicate_id_; }

 private:
  LogDump(const DumpOptions& options, const LogPosition& from)
      : options_(options), from_(from) {}
  Status Open();
  Status SetUp();
  Status Register();
  Status SendDump();
  Status Command(int command, const std::string& payload, bool read_answer);
  Status NotAnEvent(std::string_view packet);
  Status ServerError(std::string_view packet);

  const DumpOptions options_;
  const LogPosition from_;
  uint32_t server_id_ = 0;
  bool checksum_ = false;
  bool duplicate_id_ = false;
  std::unique_ptr<Client> client_;
  std::unique_ptr<PacketReader> reader_;
};

// Where the server's log ends now. kConfig when the binary log is off, or the privilege
// to ask is missing.
Result<LogPosition> EndOfLog(Client* client);

// Bytes of log after a place, up to the log's end now; -1: the server does not have it.
Result<int64_t> LogBytesAfter(Client* client, const std::string& file, uint64_t offset);

// After error 1236: what of the log after `from` the server no longer has, as a sentence.
std::string DescribeLoss(Client* client, const LogPosition& from);

}  // namespace leat::mysql
