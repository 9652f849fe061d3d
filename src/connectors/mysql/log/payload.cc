#include "connectors/mysql/log/payload.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "connectors/mysql/log/event.h"

namespace leat::mysql {
namespace {

constexpr uint64_t kFieldEnd = 0;
constexpr uint64_t kFieldCompression = 2;
constexpr uint64_t kFieldUncompressedSize = 3;
constexpr size_t kMaxEvent = 1U << 30;  // the servers' own limit of max_allowed_packet

}  // namespace

void PayloadReader::FreeZstd::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

Result<std::unique_ptr<PayloadReader>> PayloadReader::Open(std::string_view body) {
  std::unique_ptr<PayloadReader> reader(new PayloadReader);
  RETURN_IF_ERROR(reader->ParseFields(body));
  if (reader->compression_ == Compression::kZstd) {
    reader->zstd_.reset(ZSTD_createDCtx());
    reader->buffer_.resize(256 << 10);
  }
  return reader;
}

Status PayloadReader::ParseFields(std::string_view body) {
  ByteReader in(body);
  while (true) {
    uint64_t field = ReadLength(&in);
    if (field == kFieldEnd || in.failed()) break;
    uint64_t length = ReadLength(&in);
    ByteReader value(in.Bytes(length));
    if (field == kFieldCompression) {
      uint64_t type = ReadLength(&value);
      if (type != 0 && type != 255) {
        return Status::Data(fmt::format(
            "the transaction payload is compressed by method {}, not known here", type));
      }
      compression_ = static_cast<Compression>(type);
    } else if (field == kFieldUncompressedSize) {
      uncompressed_ = ReadLength(&value);
    }
    if (value.failed()) return Status::Data("a transaction payload's field is cut off");
  }
  if (in.failed()) return Status::Data("the transaction payload's header is cut off");
  input_ = in.Bytes(in.left());
  return Status::Ok();
}

Result<std::optional<std::string_view>> PayloadReader::Next() {
  ASSIGN_OR_RETURN(bool more, Need(kEventHeaderSize));
  if (!more) {
    if (begin_ != end_) return Status::Data("the transaction payload ends in a header");
    return std::optional<std::string_view>();
  }
  const uint8_t* start =
      zstd_ ? buffer_.data() + begin_ : reinterpret_cast<const uint8_t*>(input_.data());
  uint32_t size = 0;
  std::memcpy(&size, start + 9, sizeof size);
  if (size < kEventHeaderSize || size > kMaxEvent) {
    return Status::Data(
        fmt::format("an event in the transaction payload says it has {} bytes", size));
  }
  ASSIGN_OR_RETURN(bool whole, Need(size));
  if (!whole) return Status::Data("the transaction payload ends inside an event");
  if (!zstd_) {
    std::string_view event = input_.substr(0, size);
    input_.remove_prefix(size);
    return std::optional(event);
  }
  std::string_view event(reinterpret_cast<const char*>(buffer_.data()) + begin_, size);
  begin_ += size;
  return std::optional(event);
}

Result<bool> PayloadReader::Need(size_t size) {
  if (!zstd_) return input_.size() >= size;
  while (end_ - begin_ < size) {
    if (frame_done_) return false;
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    // Doubling, not to the announced size at once: that is only a claim until the bytes
    // are there.
    if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    RETURN_IF_ERROR(Decompress());
  }
  return true;
}

Status PayloadReader::Decompress() {
  ZSTD_outBuffer out{buffer_.data(), buffer_.size(), end_};
  ZSTD_inBuffer in{input_.data(), input_.size(), 0};
  size_t left = ZSTD_decompressStream(zstd_.get(), &out, &in);
  if (ZSTD_isError(left)) {
    return Status::Data(fmt::format("the transaction payload does not decompress: {}",
                                    ZSTD_getErrorName(left)));
  }
  bool stuck = in.pos == 0 && out.pos == end_;
  produced_ += out.pos - end_;
  end_ = out.pos;
  input_.remove_prefix(in.pos);
  frame_done_ = left == 0 && input_.empty();
  if (stuck && !frame_done_) return Status::Data("the transaction payload is cut off");
  if (frame_done_ && uncompressed_ != 0 && produced_ != uncompressed_) {
    return Status::Data(fmt::format("the transaction payload has {} bytes and says {}",
                                    produced_, uncompressed_));
  }
  return Status::Ok();
}

Status UncompressMariadb(std::string_view envelope, std::string* out) {
  ByteReader in(envelope);
  uint8_t head = in.U8();
  int width = head & 0x07;
  if ((head & 0x80) == 0 || (head & 0x70) != 0 || width == 0 || width > 4) {
    return Status::Data(
        fmt::format("the compressed event's header byte {:#x} is not known", head));
  }
  uint64_t size = in.Big(width);
  if (in.failed() || size > kMaxEvent) {
    return Status::Data(fmt::format("the compressed event says it has {} bytes", size));
  }
  // zlib packs at most 1032 to 1: a larger claim is a broken header, not a reason to
  // allocate.
  if (size / 1032 > in.left()) {
    return Status::Data("the compressed event claims more than its bytes can hold");
  }
  out->resize(size);
  uLongf produced = size;
  int error = ::uncompress(reinterpret_cast<Bytef*>(out->data()), &produced,
                           reinterpret_cast<const Bytef*>(in.at()),
                           static_cast<uLong>(in.left()));
  if (error != Z_OK || produced != size) {
    return Status::Data(
        fmt::format("the compressed event does not decompress (zlib error {})", error));
  }
  return Status::Ok();
}

}  // namespace leat::mysql
