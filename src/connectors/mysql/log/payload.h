// Decompression of what servers compress: MySQL's TRANSACTION_PAYLOAD events (events of a
// whole transaction under zstd) and the zlib envelope of MariaDB's compressed row and
// query events. One thread. Errors: kData with the reason.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

struct ZSTD_DCtx_s;

namespace leat::mysql {

// The events inside a TRANSACTION_PAYLOAD, one after another, with memory for one event
// and a window rather than for the transaction.
class PayloadReader {
 public:
  // `body` is borrowed until the last Next.
  static Result<std::unique_ptr<PayloadReader>> Open(std::string_view body);
  // The next event (without checksum), valid until the next call; nothing at the end.
  Result<std::optional<std::string_view>> Next();

 private:
  enum class Compression : uint8_t { kZstd = 0, kNone = 255 };
  struct FreeZstd {
    void operator()(ZSTD_DCtx_s* context) const;
  };

  PayloadReader() = default;
  Status ParseFields(std::string_view body);
  // Makes at least `size` bytes stand at the front of the buffer; false at the end.
  Result<bool> Need(size_t size);
  Status Decompress();

  Compression compression_ = Compression::kZstd;
  uint64_t uncompressed_ = 0;  // as the event says; 0: it does not
  std::string_view input_;
  std::unique_ptr<ZSTD_DCtx_s, FreeZstd> zstd_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t produced_ = 0;
  bool frame_done_ = false;
};

// The uncompressed bytes of MariaDB's envelope.
Status UncompressMariadb(std::string_view envelope, std::string* out);

}  // namespace leat::mysql
