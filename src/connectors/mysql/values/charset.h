// Character sets of MySQL and MariaDB and their conversion to UTF-8, as the servers
// convert. Charset objects live for ever and are compared by address; any thread.
//
// Bytes that are no character of their set are never replaced: Convert says where they
// stand, and the row becomes a dead letter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace leat::mysql {

class Charset {
 public:
  enum class Form : uint8_t { kBinary, kUtf8, kAscii, kSingle, kMulti, kUtf16, kUtf32 };

  // nullptr: no such collation or name. `collation` is the id that the log writes; `name`
  // is a character set's or a collation's ("latin1", "utf8mb4_general_ci").
  static const Charset* OfCollation(uint64_t collation);
  static const Charset* Named(std::string_view name);
  static const Charset* Binary();

  const std::string& name() const { return name_; }
  Form form() const { return form_; }
  bool binary() const { return form_ == Form::kBinary; }
  int max_bytes() const { return max_bytes_; }  // of one character

  // The bytes are UTF-8 as they are, once IsUtf8 says so.
  bool utf8() const { return form_ <= Form::kAscii && form_ != Form::kBinary; }
  // Bytes below 0x80 are ASCII and stand for themselves.
  bool ascii_based() const { return ascii_based_; }
  // How many bytes `size` bytes can become.
  size_t Bound(size_t size) const { return size * 3; }
  // Writes UTF-8 to `out`, which has Bound(size) bytes; its size, or -1 when the bytes
  // are not of this set.
  int64_t Convert(const char* in, size_t size, char* out) const;
  // For labels and names. False as -1 above.
  bool ToUtf8(std::string_view in, std::string* out) const;

 private:
  friend struct CharsetList;
  Charset(std::string name, Form form, int max_bytes)
      : name_(std::move(name)),
        form_(form),
        max_bytes_(max_bytes),
        ascii_based_(form != Form::kUtf16 && form != Form::kUtf32 && name_ != "swe7") {}

  int64_t ConvertSingle(const uint8_t* in, size_t size, char* out) const;
  int64_t ConvertMulti(const uint8_t* in, size_t size, char* out) const;

  std::string name_;
  Form form_;
  int max_bytes_;
  bool ascii_based_ = false;
  bool little_ = false;               // utf16le
  const uint32_t* single_ = nullptr;  // 256 code points, kNone where none
  const struct MultiTable* multi_ = nullptr;
};

// No byte above 0x7f. Inline: it decides for most values of most tables.
inline bool IsAscii(const char* data, size_t size) {
  constexpr uint64_t kHigh = 0x8080808080808080u;
  uint64_t seen = 0;
  uint64_t word = 0;
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8) {
      std::memcpy(&word, data + i, 8);
      seen |= word;
    }
    std::memcpy(&word, data + size - 8, 8);
    return !((seen | word) & kHigh);
  }
  if (size >= 4) {
    uint32_t first, last;
    std::memcpy(&first, data, 4);
    std::memcpy(&last, data + size - 4, 4);
    return !((first | last) & static_cast<uint32_t>(kHigh));
  }
  for (size_t i = 0; i < size; i++) seen |= static_cast<uint8_t>(data[i]);
  return !(seen & kHigh);
}

bool IsUtf8(const char* data, size_t size);

}  // namespace leat::mysql
