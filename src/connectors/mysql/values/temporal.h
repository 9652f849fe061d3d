// Dates and times of MySQL as numbers. Both decoders come through here, so that a value
// means the same in snapshot and stream. Pure functions.
// Source of the packed forms: my_time.cc (my_*_packed_from_binary) of MySQL.
#pragma once

#include <cstdint>
#include <cstring>

namespace leat::mysql {

constexpr int64_t kMicros = 1'000'000;
constexpr int64_t kDayMicros = 86'400 * kMicros;

struct DateTime {
  uint32_t year = 0;
  uint32_t month = 0;
  uint32_t day = 0;
  uint32_t hour = 0;
  uint32_t minute = 0;
  uint32_t second = 0;
  uint32_t micros = 0;
};

// False for 0000-00-00, 2024-00-15, 2024-02-30: dates that the servers store and no
// calendar has.
inline bool IsDate(uint32_t year, uint32_t month, uint32_t day) {
  if (month - 1 > 11 || day == 0) return false;
  if (day <= 28) return true;
  if (month == 2) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return leap && day == 29;
  }
  const bool thirty = month == 4 || month == 6 || month == 9 || month == 11;
  return day <= (thirty ? 30u : 31u);
}

// Days since 1970-01-01 of a date that IsDate, proleptic Gregorian.
inline int32_t DaysOf(uint32_t year, uint32_t month, uint32_t day) {
  const uint32_t shifted = year + 400 - (month <= 2);  // so that it is never negative
  const uint32_t era = shifted / 400;
  const uint32_t of_era = shifted % 400;
  const uint32_t of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
  const uint32_t days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
  return static_cast<int32_t>(era * 146'097 + days) - 719'468 - 146'097;
}

inline int64_t DayTime(const DateTime& t) {
  const int64_t seconds = (t.hour * 60 + t.minute) * 60 + t.second;
  return seconds * kMicros + t.micros;
}

inline uint32_t BigEndian32(const uint8_t* p) {
  uint32_t value;
  std::memcpy(&value, p, 4);
  return __builtin_bswap32(value);
}
inline uint32_t BigEndian16(const uint8_t* p) { return p[0] << 8 | p[1]; }

// 1 to 8 bytes.
inline uint64_t BigEndian(const uint8_t* p, int width) {
  const uint64_t high = width >= 4 ? BigEndian32(p) : 0;
  switch (width) {
    case 1: return p[0];
    case 2: return BigEndian16(p);
    case 3: return BigEndian16(p) << 8 | p[2];
    case 4: return high;
    case 5: return high << 8 | p[4];
    case 6: return high << 16 | BigEndian16(p + 4);
    case 7: return high << 24 | BigEndian16(p + 4) << 8 | p[6];
    default: return high << 32 | BigEndian32(p + 4);
  }
}

// Bytes of a fraction of `digits` digits, and its microseconds.
inline int FractionBytes(int digits) { return (digits + 1) / 2; }
inline uint32_t Fraction(const uint8_t* p, int digits) {
  switch (FractionBytes(digits)) {
    case 1: return p[0] * 10'000u;
    case 2: return static_cast<uint32_t>(BigEndian(p, 2)) * 100;
    case 3: return static_cast<uint32_t>(BigEndian(p, 3));
    default: return 0;
  }
}

// The five bytes of a DATETIME, without its fraction.
inline DateTime UnpackDateTime(uint64_t packed) {
  DateTime t;
  const auto date = static_cast<uint32_t>(packed >> 17 & 0x3fffff);
  const auto time = static_cast<uint32_t>(packed & 0x1ffff);
  t.year = (date >> 5) / 13;
  t.month = (date >> 5) % 13;
  t.day = date & 31;
  t.hour = time >> 12;
  t.minute = time >> 6 & 63;
  t.second = time & 63;
  return t;
}

// Microseconds of a TIME's packed form: hours, minutes, seconds above 24 bits of
// microseconds, the whole negated for a negative one.
inline int64_t UnpackTime(int64_t packed) {
  const uint64_t size =
      packed < 0 ? -static_cast<uint64_t>(packed) : static_cast<uint64_t>(packed);
  const uint64_t time = size >> 24;
  const uint64_t seconds =
      ((time >> 12 & 0x3ff) * 60 + (time >> 6 & 63)) * 60 + (time & 63);
  const auto micros = static_cast<int64_t>(seconds * kMicros + (size & 0xffffff));
  return packed < 0 ? -micros : micros;
}

// A TIME(digits) as a row holds it. A negative one is a complement: its fraction counts
// up from the next lower second.
inline int64_t ReadTime(const uint8_t* p, int digits) {
  const int bytes = FractionBytes(digits);
  const auto whole = static_cast<int64_t>(BigEndian(p, 3)) - 0x800000;
  if (bytes == 0) return UnpackTime(whole * (1 << 24));
  const int64_t unit = bytes == 1 ? 10'000 : bytes == 2 ? 100 : 1;
  const auto raw = static_cast<int64_t>(BigEndian(p + 3, bytes));
  // Both parts as one number, then split again by sign.
  const int64_t all = whole * (int64_t{1} << 8 * bytes) + raw;
  const int64_t size = all < 0 ? -all : all;
  const int64_t fraction = size & ((int64_t{1} << 8 * bytes) - 1);
  const int64_t packed = (size >> 8 * bytes << 24) + fraction * unit;
  return UnpackTime(all < 0 ? -packed : packed);
}

}  // namespace leat::mysql
