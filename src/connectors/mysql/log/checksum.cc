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

// Lets the 16 bytes of `x` be followed by the last `tail` (1 to 15) of the bytes that end
// at `end`: its first bytes are folded over what makes a block with them.
[[gnu::target("pclmul,sse4.1")]] __m128i FoldTail(__m128i x, __m128i by1,
                                                  const uint8_t* end, size_t tail) {
  // A load at kMove + n moves bytes n places down, at kMove + 16 - n up; 0x80 gives zero.
  alignas(16) static constexpr uint8_t kMove[48] = {
      0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
      0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,    6,    7,
      8,    9,    10,   11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80,
      0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
  const __m128i first = _mm_shuffle_epi8(x, Load(kMove + tail));
  const __m128i down = Load(kMove + 16 + tail);
  const __m128i rest = _mm_shuffle_epi8(x, down);
  const __m128i block = _mm_blendv_epi8(rest, Load(end - 16), down);
  return Fold(first, by1, block);
}

// `size` is at least 16. `crc` is the register's state (inverted).
[[gnu::target("pclmul,sse4.1")]] uint32_t CrcFolded(const uint8_t* at, size_t size,
                                                    uint32_t crc) {
  // x^(4*128+64) and x^(4*128) mod P; x^(128+64) and x^128 mod P, reflected.
  const __m128i by4 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by1 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  const uint8_t* const end = at + size;
  __m128i a = _mm_xor_si128(Load(at), _mm_cvtsi32_si128(static_cast<int>(crc)));
  at += 16;
  if (size >= 64) {
    __m128i b = Load(at);
    __m128i c = Load(at + 16);
    __m128i d = Load(at + 32);
    for (at += 48; end - at >= 64; at += 64) {
      a = Fold(a, by4, Load(at));
      b = Fold(b, by4, Load(at + 16));
      c = Fold(c, by4, Load(at + 32));
      d = Fold(d, by4, Load(at + 48));
    }
    a = Fold(a, by1, b);
    a = Fold(a, by1, c);
    a = Fold(a, by1, d);
  }
  for (; end - at >= 16; at += 16) a = Fold(a, by1, Load(at));
  if (at != end) a = FoldTail(a, by1, end, static_cast<size_t>(end - at));

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
  static const bool clmul = __builtin_cpu_supports("pclmul") != 0;
  if (clmul && bytes.size() >= 16) return ~CrcFolded(at, bytes.size(), ~uint32_t{0});
  return static_cast<uint32_t>(crc32_z(0, at, bytes.size()));
}

}  // namespace leat::mysql
