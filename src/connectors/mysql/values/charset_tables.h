// Tables behind charset.h. Constant.
#pragma once

#include <array>
#include <cstdint>

namespace leat::mysql::tables {

using UpperHalf = std::array<uint16_t, 128>;

extern const UpperHalf kLatin1;
extern const UpperHalf kLatin2;
extern const UpperHalf kLatin5;
extern const UpperHalf kLatin7;
extern const UpperHalf kCp1250;
extern const UpperHalf kCp1251;
extern const UpperHalf kCp1256;
extern const UpperHalf kCp1257;
extern const UpperHalf kKoi8r;
extern const UpperHalf kKoi8u;
extern const UpperHalf kGreek;
extern const UpperHalf kHebrew;
extern const UpperHalf kTis620;
extern const UpperHalf kCp850;
extern const UpperHalf kCp852;
extern const UpperHalf kCp866;
extern const UpperHalf kDec8;
extern const UpperHalf kHp8;
extern const UpperHalf kMacce;
extern const UpperHalf kMacroman;
extern const UpperHalf kKeybcs2;
extern const UpperHalf kArmscii8;
extern const UpperHalf kGeostd8;

// Codes of a multi-byte set that the servers read otherwise than iconv's table of the
// same name: `count` codes from `code` on are the characters from `point` on.
struct Exception {
  uint32_t code;
  uint16_t count;
  uint16_t point;
};
extern const std::array<Exception, 32> kBig5;
extern const std::array<Exception, 12> kGb18030;

}  // namespace leat::mysql::tables
