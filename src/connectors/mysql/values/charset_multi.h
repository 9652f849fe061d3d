// The East Asian character sets: code to character, from iconv's tables where those agree
// with the servers and from exceptions where they do not. Made on first use, constant
// afterwards; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace leat::mysql {

constexpr uint32_t kNoChar = UINT32_MAX;

inline char* WriteUtf8(uint32_t c, char* to) {
  if (c < 0x80) {
    *to++ = static_cast<char>(c);
    return to;
  }
  if (c < 0x800) {
    *to++ = static_cast<char>(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *to++ = static_cast<char>(0xe0 | c >> 12);
    } else {
      *to++ = static_cast<char>(0xf0 | c >> 18);
      *to++ = static_cast<char>(0x80 | (c >> 12 & 0x3f));
    }
    *to++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
  }
  *to++ = static_cast<char>(0x80 | (c & 0x3f));
  return to;
}

struct MultiTable {
  const char* name;   // the servers'
  const char* iconv;  // iconv's
  int max_bytes;

  // Length of the character whose first byte, 0x80 or more, is `in[0]`; 0: none.
  size_t Next(const uint8_t* in, size_t left, uint32_t* point) const;

 private:
  struct Points;
  const Points& Load() const;
};

const std::array<const MultiTable*, 9>& MultiTables();

}  // namespace leat::mysql
