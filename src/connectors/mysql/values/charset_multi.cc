#include "connectors/mysql/values/charset_multi.h"

#include <iconv.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <string_view>

#include "connectors/mysql/values/charset_tables.h"

namespace leat::mysql {
namespace {

using tables::Exception;

constexpr uint8_t kThreeBytes = 0x8f;  // EUC-JP: JIS X 0212 follows

constexpr Exception kSjis[] = {{0x815f, 1, 0x5c}};
constexpr Exception kUjis[] = {
    {0xa1c0, 1, 0x5c}, {0xa1c1, 1, 0x301c}, {0xa1c2, 1, 0x2016}, {0xa1dd, 1, 0x2212},
    {0xa1f1, 2, 0xa2}, {0xa2cc, 1, 0xac},   {0x8fa2b7, 1, 0x7e}, {0x8fa2c3, 1, 0xa6}};

constexpr MultiTable kBig5{"big5", "BIG5", 2};
constexpr MultiTable kGbk{"gbk", "GBK", 2};
constexpr MultiTable kGb2312{"gb2312", "EUC-CN", 2};
constexpr MultiTable kGb18030{"gb18030", "GB18030", 4};
constexpr MultiTable kEuckr{"euckr", "UHC", 2};
constexpr MultiTable kSjisSet{"sjis", "SHIFT_JIS", 2};
constexpr MultiTable kCp932{"cp932", "CP932", 2};
constexpr MultiTable kUjisSet{"ujis", "EUC-JP-MS", 3};
constexpr MultiTable kEucjpms{"eucjpms", "EUC-JP-MS", 3};

std::span<const Exception> ExceptionsOf(std::string_view name) {
  if (name == "big5") return tables::kBig5;
  if (name == "gb18030") return tables::kGb18030;
  if (name == "sjis") return kSjis;
  if (name == "ujis") return kUjis;
  return {};
}

// One conversion of iconv; a lock, because a descriptor has a state.
class Iconv {
 public:
  explicit Iconv(const char* from) : descriptor_(iconv_open("UTF-32LE", from)) {}
  bool ok() const { return descriptor_ != reinterpret_cast<iconv_t>(-1); }

  // kNoChar unless the bytes are exactly one character.
  uint32_t Point(const uint8_t* bytes, size_t size) {
    const std::lock_guard lock(mutex_);
    char* in = const_cast<char*>(reinterpret_cast<const char*>(bytes));
    uint32_t points[4];
    char* out = reinterpret_cast<char*>(points);
    size_t out_left = sizeof(points);
    iconv(descriptor_, nullptr, nullptr, nullptr, nullptr);
    const size_t failed = iconv(descriptor_, &in, &size, &out, &out_left);
    const bool one = out_left == sizeof(points) - sizeof(uint32_t);
    return failed != static_cast<size_t>(-1) && size == 0 && one ? points[0] : kNoChar;
  }

 private:
  iconv_t descriptor_;
  std::mutex mutex_;
};

}  // namespace

// Characters by code: one byte, two bytes, three bytes after 0x8f, exceptions applied.
// The four bytes of GB18030 ask iconv each time.
struct MultiTable::Points {
  std::array<uint32_t, 256> one;
  std::unique_ptr<uint32_t[]> two;
  std::unique_ptr<uint32_t[]> three;
  std::unique_ptr<Iconv> rest;

  explicit Points(const MultiTable& table) : rest(std::make_unique<Iconv>(table.iconv)) {
    one.fill(kNoChar);
    two = Empty();
    three = Empty();
    if (!rest->ok()) return;
    for (uint32_t first = 0x80; first < 0x100; first++) {
      const auto lead = static_cast<uint8_t>(first);
      one[first] = rest->Point(&lead, 1);
      for (uint32_t second = 0; second < 0x100; second++) {
        FillPair(lead, static_cast<uint8_t>(second), table.max_bytes == 3);
      }
    }
    for (const Exception& e : ExceptionsOf(table.name)) {
      uint32_t* points = e.code > 0xffff ? three.get() : two.get();
      for (uint32_t i = 0; i < e.count; i++) points[(e.code + i) & 0xffff] = e.point + i;
    }
  }

  void FillPair(uint8_t first, uint8_t second, bool has_three) {
    const uint8_t three_bytes[] = {kThreeBytes, first, second};
    const uint32_t code = static_cast<uint32_t>(first) << 8 | second;
    // A pair of two characters is no pair.
    two[code] = one[first] == kNoChar ? rest->Point(three_bytes + 1, 2) : kNoChar;
    if (has_three) three[code] = rest->Point(three_bytes, 3);
  }

  static std::unique_ptr<uint32_t[]> Empty() {
    auto points = std::make_unique<uint32_t[]>(0x10000);
    std::fill_n(points.get(), 0x10000, kNoChar);
    return points;
  }
};

const MultiTable::Points& MultiTable::Load() const {
  static std::mutex mutex;
  static std::array<std::atomic<const Points*>, 9> loaded{};
  const auto& all = MultiTables();
  const auto at =
      static_cast<size_t>(std::find(all.begin(), all.end(), this) - all.begin());
  if (const Points* points = loaded[at].load(std::memory_order_acquire)) return *points;
  const std::lock_guard lock(mutex);
  if (!loaded[at].load()) loaded[at].store(new Points(*this));
  return *loaded[at].load();
}

size_t MultiTable::Next(const uint8_t* in, size_t left, uint32_t* point) const {
  const Points& points = Load();
  *point = points.one[in[0]];
  if (*point != kNoChar) return 1;
  if (left >= 2) {
    *point = points.two[in[0] << 8 | in[1]];
    if (*point != kNoChar) return 2;
  }
  if (left >= 3 && max_bytes == 3 && in[0] == kThreeBytes) {
    *point = points.three[in[1] << 8 | in[2]];
    if (*point != kNoChar) return 3;
  }
  if (left >= 4 && max_bytes == 4) {
    *point = points.rest->Point(in, 4);
    if (*point != kNoChar) return 4;
  }
  return 0;
}

const std::array<const MultiTable*, 9>& MultiTables() {
  static const std::array<const MultiTable*, 9> all = {&kBig5,    &kGbk,     &kGb2312,
                                                       &kGb18030, &kEuckr,   &kSjisSet,
                                                       &kCp932,   &kUjisSet, &kEucjpms};
  return all;
}

}  // namespace leat::mysql
