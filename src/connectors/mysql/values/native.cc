#include "connectors/mysql/values/native.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "connectors/mysql/values/temporal.h"

namespace leat::mysql {
namespace {

constexpr size_t kWords = 8;

std::string Inet4(const uint8_t* p) {
  return fmt::format("{}.{}.{}.{}", p[0], p[1], p[2], p[3]);
}

// The first of the longest runs of zero words is written as "::", even a run of one; an
// IPv4 address inside with dots.
std::string Inet6(const uint8_t* p) {
  std::array<uint16_t, kWords> words;
  for (size_t i = 0; i < kWords; i++) {
    words[i] = static_cast<uint16_t>(p[2 * i] << 8 | p[2 * i + 1]);
  }
  size_t gap = kWords;
  size_t gap_size = 0;
  for (size_t i = 0; i < kWords; i++) {
    size_t n = 0;
    while (i + n < kWords && words[i + n] == 0) n++;
    if (n > gap_size) {
      gap = i;
      gap_size = n;
    }
    i += n;
  }
  if (gap == 0 && (gap_size == 6 || (gap_size == 5 && words[5] == 0xffff))) {
    return (gap_size == 6 ? "::" : "::ffff:") + Inet4(p + 12);
  }
  std::string out;
  for (size_t i = 0; i < kWords; i++) {
    if (i == gap) {
      out += "::";
      i += gap_size - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += fmt::format("{:x}", words[i]);
  }
  return out;
}

std::string Uuid(const uint8_t* p) {
  std::string out;
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", p[i]);
  }
  return out;
}

constexpr uint8_t kZlibMethod = 8;
constexpr uint8_t kRawDeflate = 8;  // flag: no zlib header

bool Inflate(std::string_view data, bool raw, std::string* out) {
  z_stream stream{};
  if (inflateInit2(&stream, raw ? -MAX_WBITS : MAX_WBITS) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out->data());
  stream.avail_out = static_cast<uInt>(out->size());
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = stream.avail_out == 0;
  inflateEnd(&stream);
  return result == Z_STREAM_END && whole;
}

}  // namespace

std::string NativeText(Native type, std::string_view bytes) {
  std::array<uint8_t, 16> full{};
  std::memcpy(full.data(), bytes.data(), std::min(bytes.size(), full.size()));
  switch (type) {
    case Native::kInet4: return Inet4(full.data());
    case Native::kInet6: return Inet6(full.data());
    case Native::kUuid: return Uuid(full.data());
    case Native::kNone: break;
  }
  return std::string(bytes);
}

bool Uncompress(std::string_view packed, size_t most, std::string* out) {
  out->clear();
  if (packed.empty()) return true;
  const auto head = static_cast<uint8_t>(packed[0]);
  packed.remove_prefix(1);
  if (head == 0) {
    out->assign(packed);
    return true;
  }
  const size_t length_bytes = head & 7;
  if (head >> 4 != kZlibMethod || length_bytes == 0 || length_bytes > packed.size()) {
    return false;
  }
  const uint64_t length = BigEndian(reinterpret_cast<const uint8_t*>(packed.data()),
                                    static_cast<int>(length_bytes));
  // Deflate makes a byte of at most 1032.
  if (length > most || length > packed.size() * 1032) return false;
  out->resize(length);
  return Inflate(packed.substr(length_bytes), head & kRawDeflate, out);
}

}  // namespace leat::mysql
