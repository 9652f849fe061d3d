#include "format/json/reader.h"

#include <arrow/util/utf8.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace leat::json {
namespace {

constexpr int kMaxDepth = 500;
constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHighs = kOnes * 0x80;

// Whether one of eight bytes ends a string, starts an escape or must not be there.
bool AnySpecial(uint64_t word) {
  const uint64_t control = (word - kOnes * 0x20) & ~word;
  const uint64_t quote = word ^ kOnes * '"';
  const uint64_t slash = word ^ kOnes * '\\';
  return ((control | ((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash)) & kHighs) !=
         0;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(uint32_t code, std::string* out) {
  const auto rest = [&](int shift) {
    *out += static_cast<char>(0x80 | (code >> shift & 0x3f));
  };
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xc0 | code >> 6);
    rest(0);
  } else if (code < 0x10000) {
    *out += static_cast<char>(0xe0 | code >> 12);
    rest(6);
    rest(0);
  } else {
    *out += static_cast<char>(0xf0 | code >> 18);
    rest(12);
    rest(6);
    rest(0);
  }
}

}  // namespace

Status Reader::Wrong() const {
  return Status::Data(fmt::format("the value is not JSON: wrong at byte {}{}",
                                  at_ - begin_, at_ == end_ ? ", its end" : ""));
}

Status Reader::Start(std::string_view json) {
  arrow::util::InitializeUTF8();
  if (!arrow::util::ValidateUTF8(reinterpret_cast<const uint8_t*>(json.data()),
                                 static_cast<int64_t>(json.size()))) {
    return Status::Data("the value is not JSON: it is not UTF-8");
  }
  begin_ = at_ = json.data();
  end_ = begin_ + json.size();
  unescaped_.clear();
  unescaped_.reserve(json.size());
  Blanks();
  return Status::Ok();
}

Status Reader::End() {
  Blanks();
  return at_ == end_ ? Status::Ok() : Wrong();
}

Status Reader::Read(std::string_view json, std::vector<Member>* members) {
  members->clear();
  RETURN_IF_ERROR(Start(json));
  if (!Take('{')) {
    Value other;
    if (!One(&other)) return Wrong();
    RETURN_IF_ERROR(End());
    return Status::Data("the value is not a JSON object");
  }
  Blanks();
  if (Take('}')) return End();
  for (;;) {
    Member& member = members->emplace_back();
    Blanks();
    if (!Take('"') || !String(&member.name)) return Wrong();
    Blanks();
    if (!Take(':')) return Wrong();
    Blanks();
    if (!One(&member.value)) return Wrong();
    Blanks();
    if (Take('}')) return End();
    if (!Take(',')) return Wrong();
  }
}

Status Reader::ReadArray(std::string_view json, std::vector<Value>* values) {
  values->clear();
  RETURN_IF_ERROR(Start(json));
  if (!Take('[')) return Status::Data("the value is not a JSON array");
  Blanks();
  if (Take(']')) return End();
  for (;;) {
    Blanks();
    if (!One(&values->emplace_back())) return Wrong();
    Blanks();
    if (Take(']')) return End();
    if (!Take(',')) return Wrong();
  }
}

void Reader::Blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) {
    at_++;
  }
}

bool Reader::One(Value* value) {
  if (at_ == end_) return false;
  switch (*at_) {
    case '"':
      at_++;
      value->kind = Value::Kind::kString;
      return String(&value->text);
    case '{':
    case '[': {
      const char* const start = at_;
      value->kind = Value::Kind::kNested;
      if (!Nested(0)) return false;
      value->text = {start, static_cast<size_t>(at_ - start)};
      return true;
    }
    case 't':
    case 'f':
      value->kind = Value::Kind::kBool;
      value->boolean = *at_ == 't';
      return Literal(value->boolean ? "true" : "false");
    case 'n': value->kind = Value::Kind::kNull; return Literal("null");
    default: return Number(value);
  }
}

bool Reader::Literal(std::string_view word) {
  if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) {
    return false;
  }
  at_ += word.size();
  return true;
}

// Behind the opening quote.
bool Reader::String(std::string_view* text) {
  const char* const start = at_;
  for (;;) {
    while (end_ - at_ >= 8) {
      uint64_t word;
      std::memcpy(&word, at_, sizeof(word));
      if (AnySpecial(word)) break;
      at_ += 8;
    }
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' &&
           static_cast<uint8_t>(*at_) >= 0x20) {
      at_++;
    }
    if (at_ == end_) return false;
    if (*at_ == '"') {
      *text = {start, static_cast<size_t>(at_++ - start)};
      return true;
    }
    if (*at_ == '\\') return Unescape(text, start);
    return false;
  }
}

// At the first backslash of a string.
bool Reader::Unescape(std::string_view* text, const char* start) {
  const size_t from = unescaped_.size();
  unescaped_.append(start, at_);
  for (;;) {
    const char* const plain = at_;
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' &&
           static_cast<uint8_t>(*at_) >= 0x20) {
      at_++;
    }
    unescaped_.append(plain, at_);
    if (Take('"')) break;
    if (!Take('\\') || !Escape()) return false;
  }
  *text = std::string_view(unescaped_).substr(from);
  return true;
}

bool Reader::Escape() {
  if (at_ == end_) return false;
  const char c = *at_++;
  switch (c) {
    case '"':
    case '\\':
    case '/': unescaped_ += c; return true;
    case 'b': unescaped_ += '\b'; return true;
    case 'f': unescaped_ += '\f'; return true;
    case 'n': unescaped_ += '\n'; return true;
    case 'r': unescaped_ += '\r'; return true;
    case 't': unescaped_ += '\t'; return true;
    case 'u': break;
    default: return false;
  }
  uint32_t code = 0;
  if (!Hex(&code)) return false;
  if (code >= 0xd800 && code < 0xe000) {
    // One half of a pair alone is no character, and UTF-8 has nothing for it.
    uint32_t low = 0;
    const bool pair = code < 0xdc00 && Take('\\') && Take('u') && Hex(&low) &&
                      low >= 0xdc00 && low < 0xe000;
    if (!pair) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  AppendUtf8(code, &unescaped_);
  return true;
}

bool Reader::Hex(uint32_t* unit) {
  if (end_ - at_ < 4) return false;
  const auto read = std::from_chars(at_, at_ + 4, *unit, 16);
  if (read.ptr != at_ + 4) return false;
  at_ += 4;
  return true;
}

bool Reader::Number(Value* value) {
  const char* const start = at_;
  const bool negative = Take('-');
  if (at_ == end_ || !IsDigit(*at_)) return false;
  const char* const digits = at_;
  uint64_t whole = 0;
  while (at_ != end_ && IsDigit(*at_))
    whole = whole * 10 + static_cast<uint8_t>(*at_++ - '0');
  if (*digits == '0' && at_ - digits > 1) return false;
  const bool fits = at_ - digits <= 18;
  bool real = false;
  if (Take('.')) {
    real = true;
    if (at_ == end_ || !IsDigit(*at_)) return false;
    while (at_ != end_ && IsDigit(*at_)) at_++;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    real = true;
    at_++;
    if (!Take('+')) Take('-');
    if (at_ == end_ || !IsDigit(*at_)) return false;
    while (at_ != end_ && IsDigit(*at_)) at_++;
  }
  value->text = {start, static_cast<size_t>(at_ - start)};
  value->kind = Value::Kind::kInt;
  if (!real && fits) {
    value->integer =
        negative ? -static_cast<int64_t>(whole) : static_cast<int64_t>(whole);
    return true;
  }
  if (!real && std::from_chars(start, at_, value->integer).ec == std::errc()) return true;
  value->kind = Value::Kind::kUint;
  if (!real && std::from_chars(start, at_, value->natural).ec == std::errc()) return true;
  value->kind = Value::Kind::kReal;
  if (std::from_chars(start, at_, value->real).ec != std::errc()) {
    // Out of a double's range: zero or infinity, where from_chars says nothing.
    value->real = std::strtod(std::string(value->text).c_str(), nullptr);
  }
  return true;
}

// At an opening bracket.
bool Reader::Nested(int depth) {
  if (depth > kMaxDepth) return false;
  const bool object = *at_++ == '{';
  const char close = object ? '}' : ']';
  Blanks();
  if (Take(close)) return true;
  for (;;) {
    Blanks();
    if (object) {
      if (!Take('"') || !Skip(-1)) return false;
      Blanks();
      if (!Take(':')) return false;
      Blanks();
    }
    if (!Skip(depth)) return false;
    Blanks();
    if (Take(close)) return true;
    if (!Take(',')) return false;
  }
}

// A value, checked only; depth -1: a string behind its quote.
bool Reader::Skip(int depth) {
  if (at_ == end_) return false;
  const size_t keep = unescaped_.size();
  bool good = false;
  if (depth < 0) {
    std::string_view name;
    good = String(&name);
  } else if (*at_ == '{' || *at_ == '[') {
    good = Nested(depth + 1);
  } else {
    Value value;
    good = One(&value);
  }
  unescaped_.resize(keep);
  return good;
}

}  // namespace leat::json
