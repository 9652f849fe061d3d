#include "connectors/mysql/client/packet_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <mysql.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

// The library's inner headers, with what they expect to be there: its TLS session and
// read-ahead buffer are reached through them.
typedef unsigned char uchar;  // NOLINT
#define HAVE_TLS
#include <ma_pvio.h>

namespace leat::mysql {
namespace {

constexpr size_t kHeader = 4;
constexpr size_t kFullPacket = 0xffffff;  // another one of the same event follows
constexpr size_t kReadSize = 256 << 10;
constexpr int kManyBytes = 32 << 10;
constexpr size_t kIdleBuffer = 1 << 20;  // what is kept after a large event

size_t PayloadSize(const uint8_t* header) {
  return header[0] | static_cast<size_t>(header[1]) << 8 |
         static_cast<size_t>(header[2]) << 16;
}

Status Lost(std::string_view why) {
  return Status::Transient(fmt::format("the connection was lost: {}", why));
}

}  // namespace

PacketReader::PacketReader(st_mysql* connection, Waker* waker)
    : socket_(static_cast<int>(mysql_get_socket(connection))),
      waker_(waker),
      buffer_(kReadSize),
      last_read_(std::chrono::steady_clock::now()) {
  MARIADB_PVIO* io = connection->net.pvio;
  if (io->ctls != nullptr) tls_ = static_cast<SSL*>(io->ctls->ssl);
  // What the library read ahead is the begin of our stream.
  if (io->cache != nullptr && io->cache_pos > io->cache) {
    size_t ahead = static_cast<size_t>(io->cache + io->cache_size - io->cache_pos);
    if (ahead > 0 && ahead <= PVIO_READ_AHEAD_CACHE_SIZE) {
      std::memcpy(buffer_.data(), io->cache_pos, ahead);
      end_ = ahead;
      io->cache_pos += ahead;
    }
  }
  fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

Result<bool> PacketReader::Next(SteadyTime deadline, std::string_view* payload) {
  while (!TakePacket(payload)) {
    ASSIGN_OR_RETURN(bool more, Fill(deadline));
    if (!more) return false;
  }
  return true;
}

bool PacketReader::TakePacket(std::string_view* payload) {
  while (end_ - begin_ >= kHeader) {
    size_t size = PayloadSize(buffer_.data() + begin_);
    if (end_ - begin_ < kHeader + size) {
      MakeRoom(kHeader + size);
      return false;
    }
    const uint8_t* start = buffer_.data() + begin_ + kHeader;
    begin_ += kHeader + size;
    if (!joining_ && size < kFullPacket) {
      *payload = {reinterpret_cast<const char*>(start), size};
      return true;
    }
    if (!joining_) joined_.clear();
    joined_.insert(joined_.end(), start, start + size);
    joining_ = size == kFullPacket;
    if (!joining_) {
      *payload = {reinterpret_cast<const char*>(joined_.data()), joined_.size()};
      return true;
    }
  }
  MakeRoom(kHeader);
  return false;
}

// Lets `wanted` bytes from begin_ on fit, with room for a good read behind them.
void PacketReader::MakeRoom(size_t wanted) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kIdleBuffer && wanted < kIdleBuffer) {
      buffer_ = std::vector<uint8_t>(kReadSize);
    }
    if (!joining_ && joined_.capacity() > kIdleBuffer) joined_ = {};
  }
  if (buffer_.size() - begin_ >= wanted && buffer_.size() > end_) return;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < wanted) buffer_.resize(std::max(wanted, buffer_.size() * 2));
}

Result<bool> PacketReader::Fill(SteadyTime deadline) {
  while (true) {
    ASSIGN_OR_RETURN(size_t got, ReadSome(buffer_.data() + end_, buffer_.size() - end_));
    if (got > 0) {
      end_ += got;
      bytes_read_ += got;
      last_read_ = std::chrono::steady_clock::now();
      return true;
    }
    ASSIGN_OR_RETURN(bool ready, WaitReadable(deadline));
    if (!ready) return false;
  }
}

Result<size_t> PacketReader::ReadSome(uint8_t* to, size_t size) {
  if (tls_ == nullptr) {
    ssize_t got;
    do {
      got = recv(socket_, to, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) return Lost("the server closed it");
    if (errno == EAGAIN || errno == EWOULDBLOCK) return size_t{0};
    return Lost(std::strerror(errno));
  }
  ERR_clear_error();
  int got = SSL_read(tls_, to, static_cast<int>(std::min<size_t>(size, 1 << 30)));
  if (got > 0) return static_cast<size_t>(got);
  int error = SSL_get_error(tls_, got);
  tls_wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || tls_wants_write_) return size_t{0};
  if (error == SSL_ERROR_ZERO_RETURN) return Lost("the server closed it");
  if (error == SSL_ERROR_SYSCALL && errno != 0) return Lost(std::strerror(errno));
  char text[256] = "the TLS session ended";
  if (unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  return Lost(text);
}

Result<bool> PacketReader::WaitReadable(SteadyTime deadline) {
  auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
                  deadline - std::chrono::steady_clock::now())
                  .count();
  if (left <= 0) return false;
  if (want_many_ != waits_for_many_) {
    const int bytes = want_many_ ? kManyBytes : 1;
    setsockopt(socket_, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
    waits_for_many_ = want_many_;
  }
  const auto socket_event = static_cast<short>(tls_wants_write_ ? POLLOUT : POLLIN);
  pollfd waits[] = {{socket_, socket_event, 0},
                    {waker_ != nullptr ? waker_->fd() : -1, POLLIN, 0}};
  timespec time{left / 1'000'000'000, left % 1'000'000'000};
  int ready = ppoll(waits, 2, &time, nullptr);
  if (ready < 0 && errno != EINTR) return Lost(std::strerror(errno));
  if (ready > 0 && waits[1].revents != 0) waker_->Clear();
  // Fewer bytes than were waited for may have come: the caller looks once more.
  return ready < 0 || waits[0].revents != 0 || waits_for_many_;
}

}  // namespace leat::mysql
