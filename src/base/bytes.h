// Bounded reading of little- and big-endian bytes. A reader never runs past its end: the
// first read that would sets failed() and everything after it answers zero, so a decoder
// checks once per record instead of once per field. Any thread; borrows the bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace leat {

class ByteReader {
 public:
  ByteReader(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  explicit ByteReader(std::string_view bytes)
      : ByteReader(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) {}

  bool failed() const { return failed_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  const uint8_t* at() const { return at_; }

  // n bytes in place, or nullptr when fewer are left.
  const uint8_t* Take(size_t n) {
    if (n > left()) {
      failed_ = true;
      at_ = end_;
      return nullptr;
    }
    const uint8_t* taken = at_;
    at_ += n;
    return taken;
  }
  std::string_view Bytes(size_t n) {
    const uint8_t* p = Take(n);
    return p ? std::string_view(reinterpret_cast<const char*>(p), n) : std::string_view();
  }
  void Skip(size_t n) { Take(n); }

  // Little-endian, 1 to 8 bytes wide.
  uint64_t Little(int width) {
    const bool eight = left() >= sizeof(uint64_t);
    const uint8_t* p = Take(static_cast<size_t>(width));
    uint64_t value = 0;
    if (eight) {
      std::memcpy(&value, p, sizeof(value));
      return value & ~uint64_t{0} >> (64 - 8 * width);
    }
    if (p) std::memcpy(&value, p, static_cast<size_t>(width));
    return value;
  }
  uint64_t Big(int width) {
    const uint8_t* p = Take(static_cast<size_t>(width));
    uint64_t value = 0;
    if (p) {
      for (int i = 0; i < width; i++) value = value << 8 | p[i];
    }
    return value;
  }
  uint8_t U8() { return Fixed<uint8_t>(); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }

 private:
  // One load; Little's copy of a width known only at run time goes through memory and
  // stalls the load behind it.
  template <typename T>
  T Fixed() {
    const uint8_t* p = Take(sizeof(T));
    T value = 0;
    if (p) std::memcpy(&value, p, sizeof(T));
    return value;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool failed_ = false;
};

}  // namespace leat
