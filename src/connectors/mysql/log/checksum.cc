#include "connectors/mysql/log/checksum.h"

#include <immintrin.h>
#include <zlib.h>

#include <cstddef>

namespace leat::mysql {
namespace {

// x -> x * 2^(distance) mod P, for the two halves of x, plus the next 16 bytes.
[[gnu::target("pclmul,sse4.1")]] __m128i Fold(__m128i x, __m128i factors, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(x, factors, 0x00);
  __m128i high = _mm_clmulepi64_si128(x, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

[[gnu::target("pclmul,sse4.1")]] __m128i Load(const uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// `size` is a multiple of 16 and at least 64. `crc` is the register's state (inverted).
[[gnu::target("pclmul,sse4.1")]] uint32_t CrcFolded(const uint8_t* at, size_t size,
                                                    uint32_t crc) {
  // x^(4*128+64) and x^(4*128) mod P; x^(128+64) and x^128 mod P, reflected.
  const __m128i by4 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by1 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  __m128i a = _mm_xor_si128(Load(at), _mm_cvtsi32_si128(static_cast<int>(crc)));
  __m128i b = Load(at + 16);
  __m128i c = Load(at + 32);
  __m128i d = Load(at + 48);
  for (at += 64, size -= 64; size >= 64; at += 64, size -= 64) {
    a = Fold(a, by4, Load(at));
    b = Fold(b, by4, Load(at + 16));
    c = Fold(c, by4, Load(at + 32));
    d = Fold(d, by4, Load(at + 48));
  }
  a = Fold(a, by1, b);
  a = Fold(a, by1, c);
  a = Fold(a, by1, d);
  for (; size >= 16; at += 16, size -= 16) a = Fold(a, by1, Load(at));

  // 128 -> 64 bits, then Barrett reduction to 32.
  const __m128i low32 = _mm_setr_epi32(-1, 0, -1, 0);
  const __m128i to64 = _mm_set_epi64x(0, 0x0163cd6124);
  const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by1, 0x10));
  a = _mm_xor_si128(_mm_srli_si128(a, 4),
                    _mm_clmulepi64_si128(_mm_and_si128(a, low32), to64, 0x00));
  __m128i q = _mm_clmulepi64_si128(_mm_and_si128(a, low32), barrett, 0x10);
  q = _mm_clmulepi64_si128(_mm_and_si128(q, low32), barrett, 0x00);
  return static_cast<uint32_t>(_mm_extract_epi32(_mm_xor_si128(a, q), 1));
}

}  // namespace

uint32_t Crc32(std::string_view bytes) {
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t size = bytes.size();
  uint32_t crc = 0;
  static const bool clmul = __builtin_cpu_supports("pclmul") != 0;
  if (clmul && size >= 64) {
    size_t folded = size & ~size_t{15};
    crc = ~CrcFolded(at, folded, ~crc);
    at += folded;
    size -= folded;
  }
  return static_cast<uint32_t>(crc32_z(crc, at, size));
}

}  // namespace leat::mysql
