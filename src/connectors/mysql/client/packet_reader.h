// Reads the packets of a connection on which a log dump was started: big reads from the
// socket (or the TLS session on it) into one buffer, packets parsed in place. An event is
// copied only when it spans packets (16 MiB and more) or the end of the buffer. Borrows
// the connection, which nobody else uses from then on. One thread.
// Errors: kTransient when the connection is lost, kData when the framing is broken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/waker.h"

struct st_mysql;
struct ssl_st;

namespace leat::mysql {

class PacketReader {
 public:
  // The dump command was sent on `connection` and nothing of its answer was read. `waker`
  // may be null; it ends a wait as the deadline does.
  explicit PacketReader(st_mysql* connection, Waker* waker = nullptr);

  // The payload of the next packet, valid until the next call; false when the deadline
  // came first. A deadline in the past asks only what is already here or in the socket.
  Result<bool> Next(SteadyTime deadline, std::string_view* payload);

  // Whether a wait is for a large part of a read, or for any byte. The bytes that are
  // there at its deadline are read all the same.
  void WaitForMany(bool many) { want_many_ = many; }

  uint64_t bytes_read() const { return bytes_read_; }
  SteadyTime last_read() const { return last_read_; }  // when bytes last came

 private:
  bool TakePacket(std::string_view* payload);
  void MakeRoom(size_t wanted);
  Result<bool> Fill(SteadyTime deadline);
  Result<size_t> ReadSome(uint8_t* to, size_t size);  // 0: would block
  Result<bool> WaitReadable(SteadyTime deadline);

  int socket_;
  Waker* const waker_;
  ssl_st* tls_ = nullptr;
  bool tls_wants_write_ = false;
  bool want_many_ = false;
  bool waits_for_many_ = false;  // as the socket is told
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;  // of the first byte not yet given out
  size_t end_ = 0;
  std::vector<uint8_t> joined_;  // an event of several packets
  bool joining_ = false;
  uint64_t bytes_read_ = 0;
  SteadyTime last_read_{};
};

}  // namespace leat::mysql
