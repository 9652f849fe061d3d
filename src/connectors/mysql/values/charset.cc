#include "connectors/mysql/values/charset.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "connectors/mysql/values/charset_multi.h"
#include "connectors/mysql/values/charset_tables.h"

namespace leat::mysql {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080u;

size_t AsciiPrefix(const char* data, size_t size) {
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    std::memcpy(&word, data + i, 8);
    if (word & kHighBits) break;
  }
  while (i < size && static_cast<uint8_t>(data[i]) < 0x80) i++;
  return i;
}

bool IsTail(uint8_t b) { return (b & 0xc0) == 0x80; }

// Length of the character at `p`, 0 when it is none. Unicode's table 3-7.
size_t Utf8Char(const uint8_t* p, size_t left) {
  const uint8_t b = p[0];
  if (b < 0x80) return 1;
  if (b < 0xc2 || b > 0xf4) return 0;
  if (b < 0xe0) return left >= 2 && IsTail(p[1]) ? 2 : 0;
  if (left < 3) return 0;
  if (b < 0xf0) {
    const uint8_t low = b == 0xe0 ? 0xa0 : 0x80;
    const uint8_t high = b == 0xed ? 0x9f : 0xbf;
    return p[1] >= low && p[1] <= high && IsTail(p[2]) ? 3 : 0;
  }
  const uint8_t low = b == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = b == 0xf4 ? 0x8f : 0xbf;
  if (left < 4 || p[1] < low || p[1] > high) return 0;
  return IsTail(p[2]) && IsTail(p[3]) ? 4 : 0;
}

int64_t FromUtf16(const uint8_t* in, size_t size, bool little, char* out) {
  if (size % 2) return -1;
  char* to = out;
  auto unit = [&](size_t i) -> uint32_t {
    return little ? in[i] | in[i + 1] << 8 : in[i] << 8 | in[i + 1];
  };
  for (size_t i = 0; i < size; i += 2) {
    uint32_t c = unit(i);
    if (c >= 0xd800 && c < 0xe000) {
      if (c >= 0xdc00 || i + 4 > size) return -1;
      const uint32_t low = unit(i + 2);
      if (low < 0xdc00 || low >= 0xe000) return -1;
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
      i += 2;
    }
    to = WriteUtf8(c, to);
  }
  return to - out;
}

int64_t FromUtf32(const uint8_t* in, size_t size, char* out) {
  if (size % 4) return -1;
  char* to = out;
  for (size_t i = 0; i < size; i += 4) {
    const uint32_t c =
        static_cast<uint32_t>(in[i]) << 24 | in[i + 1] << 16 | in[i + 2] << 8 | in[i + 3];
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return -1;
    to = WriteUtf8(c, to);
  }
  return to - out;
}

struct SingleSet {
  const char* name;
  const tables::UpperHalf& upper;
};

constexpr std::array<std::pair<uint8_t, uint16_t>, 10> kSwe7 = {{{0x40, 0xc9},
                                                                 {0x5b, 0xc4},
                                                                 {0x5c, 0xd6},
                                                                 {0x5d, 0xc5},
                                                                 {0x5e, 0xdc},
                                                                 {0x60, 0xe9},
                                                                 {0x7b, 0xe4},
                                                                 {0x7c, 0xf6},
                                                                 {0x7d, 0xe5},
                                                                 {0x7e, 0xfc}}};

// Collations of one set: ids from first to last. Both servers agree on all they share.
struct IdRange {
  uint16_t first;
  uint16_t last;
  const char* charset;
};

constexpr IdRange kIds[] = {
    {1, 1, "big5"},        {2, 2, "latin2"},      {3, 3, "dec8"},
    {4, 4, "cp850"},       {5, 5, "latin1"},      {6, 6, "hp8"},
    {7, 7, "koi8r"},       {8, 8, "latin1"},      {9, 9, "latin2"},
    {10, 10, "swe7"},      {11, 11, "ascii"},     {12, 12, "ujis"},
    {13, 13, "sjis"},      {14, 14, "cp1251"},    {15, 15, "latin1"},
    {16, 16, "hebrew"},    {18, 18, "tis620"},    {19, 19, "euckr"},
    {20, 20, "latin7"},    {21, 21, "latin2"},    {22, 22, "koi8u"},
    {23, 23, "cp1251"},    {24, 24, "gb2312"},    {25, 25, "greek"},
    {26, 26, "cp1250"},    {27, 27, "latin2"},    {28, 28, "gbk"},
    {29, 29, "cp1257"},    {30, 30, "latin5"},    {31, 31, "latin1"},
    {32, 32, "armscii8"},  {33, 33, "utf8mb3"},   {34, 34, "cp1250"},
    {35, 35, "ucs2"},      {36, 36, "cp866"},     {37, 37, "keybcs2"},
    {38, 38, "macce"},     {39, 39, "macroman"},  {40, 40, "cp852"},
    {41, 42, "latin7"},    {43, 43, "macce"},     {44, 44, "cp1250"},
    {45, 46, "utf8mb4"},   {47, 49, "latin1"},    {50, 52, "cp1251"},
    {53, 53, "macroman"},  {54, 55, "utf16"},     {56, 56, "utf16le"},
    {57, 57, "cp1256"},    {58, 59, "cp1257"},    {60, 61, "utf32"},
    {62, 62, "utf16le"},   {63, 63, "binary"},    {64, 64, "armscii8"},
    {65, 65, "ascii"},     {66, 66, "cp1250"},    {67, 67, "cp1256"},
    {68, 68, "cp866"},     {69, 69, "dec8"},      {70, 70, "greek"},
    {71, 71, "hebrew"},    {72, 72, "hp8"},       {73, 73, "keybcs2"},
    {74, 74, "koi8r"},     {75, 75, "koi8u"},     {76, 76, "utf8mb3"},
    {77, 77, "latin2"},    {78, 78, "latin5"},    {79, 79, "latin7"},
    {80, 80, "cp850"},     {81, 81, "cp852"},     {82, 82, "swe7"},
    {83, 83, "utf8mb3"},   {84, 84, "big5"},      {85, 85, "euckr"},
    {86, 86, "gb2312"},    {87, 87, "gbk"},       {88, 88, "sjis"},
    {89, 89, "tis620"},    {90, 90, "ucs2"},      {91, 91, "ujis"},
    {92, 93, "geostd8"},   {94, 94, "latin1"},    {95, 96, "cp932"},
    {97, 98, "eucjpms"},   {99, 99, "cp1250"},    {101, 124, "utf16"},
    {128, 159, "ucs2"},    {160, 183, "utf32"},   {192, 223, "utf8mb3"},
    {224, 247, "utf8mb4"}, {248, 250, "gb18030"}, {255, 323, "utf8mb4"},
    {576, 578, "utf8mb3"}, {608, 610, "utf8mb4"}, {640, 642, "ucs2"},
    {672, 674, "utf16"},   {736, 738, "utf32"},
};

// MariaDB: a NOPAD collation is 1024 further than its base; the UCA 14.0.0 collations
// start at 2048, 256 for each of these sets.
constexpr uint64_t kNoPad = 1024;
constexpr uint64_t kUca1400 = 2048;
constexpr std::array<const char*, 5> kUca1400Sets = {"utf8mb3", "utf8mb4", "ucs2",
                                                     "utf16", "utf32"};

}  // namespace

// All sets, made once and kept for ever.
struct CharsetList {
  std::vector<std::unique_ptr<Charset>> sets;
  std::vector<std::unique_ptr<uint32_t[]>> tables;
  std::array<const Charset*, kUca1400> by_id{};
  const Charset* binary = nullptr;

  CharsetList() {
    using Form = Charset::Form;
    binary = Add("binary", Form::kBinary, 1);
    Add("utf8mb4", Form::kUtf8, 4);
    Add("utf8mb3", Form::kUtf8, 3);
    Add("ascii", Form::kAscii, 1);
    Add("ucs2", Form::kUtf16, 2);
    Add("utf16", Form::kUtf16, 4);
    Add("utf16le", Form::kUtf16, 4)->little_ = true;
    Add("utf32", Form::kUtf32, 4);
    AddSingles();
    for (const MultiTable* table : MultiTables()) {
      Add(table->name, Form::kMulti, table->max_bytes)->multi_ = table;
    }
    for (const IdRange& range : kIds) {
      const Charset* set = Find(range.charset);
      for (uint64_t id = range.first; id <= range.last; id++) {
        by_id[id] = set;
        if (range.last < kNoPad) by_id[id + kNoPad] = set;
      }
    }
  }

  Charset* Add(std::string name, Charset::Form form, int max_bytes) {
    sets.push_back(
        std::unique_ptr<Charset>(new Charset(std::move(name), form, max_bytes)));
    return sets.back().get();
  }

  uint32_t* AddSingle(const char* name) {
    tables.push_back(std::make_unique<uint32_t[]>(256));
    uint32_t* points = tables.back().get();
    std::fill_n(points, 256, kNoChar);
    for (uint32_t b = 0; b < 128; b++) points[b] = b;
    Add(name, Charset::Form::kSingle, 1)->single_ = points;
    return points;
  }

  void AddSingles() {
    using namespace tables;
    const SingleSet singles[] = {
        {"latin1", kLatin1},     {"latin2", kLatin2},     {"latin5", kLatin5},
        {"latin7", kLatin7},     {"cp1250", kCp1250},     {"cp1251", kCp1251},
        {"cp1256", kCp1256},     {"cp1257", kCp1257},     {"koi8r", kKoi8r},
        {"koi8u", kKoi8u},       {"greek", kGreek},       {"hebrew", kHebrew},
        {"tis620", kTis620},     {"cp850", kCp850},       {"cp852", kCp852},
        {"cp866", kCp866},       {"dec8", kDec8},         {"hp8", kHp8},
        {"macce", kMacce},       {"macroman", kMacroman}, {"keybcs2", kKeybcs2},
        {"armscii8", kArmscii8}, {"geostd8", kGeostd8}};
    for (const SingleSet& set : singles) {
      uint32_t* points = AddSingle(set.name);
      for (size_t i = 0; i < 128; i++) {
        if (set.upper[i]) points[128 + i] = set.upper[i];
      }
    }
    uint32_t* swe7 = AddSingle("swe7");
    for (auto [code, point] : kSwe7) swe7[code] = point;
    swe7[0x7f] = kNoChar;
  }

  const Charset* Find(std::string_view name) const {
    if (name == "utf8") name = "utf8mb3";
    for (const auto& set : sets) {
      if (set->name_ == name) return set.get();
    }
    return nullptr;
  }

  static const CharsetList& Get() {
    static const CharsetList* list = new CharsetList();
    return *list;
  }
};

const Charset* Charset::OfCollation(uint64_t collation) {
  const CharsetList& list = CharsetList::Get();
  if (collation < kUca1400) return list.by_id[collation];
  const uint64_t set = (collation - kUca1400) >> 8;
  return set < kUca1400Sets.size() ? list.Find(kUca1400Sets[set]) : nullptr;
}

const Charset* Charset::Named(std::string_view name) {
  return CharsetList::Get().Find(name.substr(0, name.find('_')));
}

const Charset* Charset::Binary() { return CharsetList::Get().binary; }

bool IsUtf8(const char* data, size_t size) {
  size_t i = AsciiPrefix(data, size);
  const auto* bytes = reinterpret_cast<const uint8_t*>(data);
  while (i < size) {
    const size_t n = Utf8Char(bytes + i, size - i);
    if (n == 0) return false;
    i += n;
    if (n == 1) i += AsciiPrefix(data + i, size - i);
  }
  return true;
}

int64_t Charset::ConvertSingle(const uint8_t* in, size_t size, char* out) const {
  char* to = out;
  for (size_t i = 0; i < size; i++) {
    const uint32_t c = single_[in[i]];
    if (c < 0x80) {
      *to++ = static_cast<char>(c);
      continue;
    }
    if (c == kNoChar) return -1;
    to = WriteUtf8(c, to);
  }
  return to - out;
}

int64_t Charset::ConvertMulti(const uint8_t* in, size_t size, char* out) const {
  char* to = out;
  for (size_t i = 0; i < size;) {
    if (in[i] < 0x80) {
      *to++ = static_cast<char>(in[i++]);
      continue;
    }
    uint32_t c = 0;
    const size_t n = multi_->Next(in + i, size - i, &c);
    if (n == 0) return -1;
    to = WriteUtf8(c, to);
    i += n;
  }
  return to - out;
}

int64_t Charset::Convert(const char* in, size_t size, char* out) const {
  const auto* bytes = reinterpret_cast<const uint8_t*>(in);
  switch (form_) {
    case Form::kBinary:
    case Form::kUtf8:
    case Form::kAscii:
      if (form_ == Form::kAscii ? AsciiPrefix(in, size) != size : !IsUtf8(in, size)) {
        return -1;
      }
      std::memcpy(out, in, size);
      return static_cast<int64_t>(size);
    case Form::kSingle: return ConvertSingle(bytes, size, out);
    case Form::kMulti: return ConvertMulti(bytes, size, out);
    case Form::kUtf16: return FromUtf16(bytes, size, little_, out);
    case Form::kUtf32: return FromUtf32(bytes, size, out);
  }
  return -1;
}

bool Charset::ToUtf8(std::string_view in, std::string* out) const {
  out->resize(Bound(in.size()));
  const int64_t size = Convert(in.data(), in.size(), out->data());
  out->resize(size < 0 ? 0 : static_cast<size_t>(size));
  return size >= 0;
}

}  // namespace leat::mysql
