// The words of an SQL statement: names, texts, symbols. Comments are passed over; what
// stands in an executable comment, /*!50003 ... */ and MariaDB's /*M!, is part of the
// statement. Never fails: an open quote ends with the text. Borrows the text; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leat::mysql {

struct SqlToken {
  enum class Kind : uint8_t { kEnd, kName, kQuotedName, kText, kSymbol };
  Kind kind = Kind::kEnd;
  std::string text;  // of a name: unquoted; of a symbol: one character
  size_t at = 0;     // where it starts

  // An unquoted word; `word` in upper case.
  bool Is(std::string_view word) const;
  bool IsSymbol(char c) const { return kind == Kind::kSymbol && text[0] == c; }
};

class SqlTokens {
 public:
  explicit SqlTokens(std::string_view text) : text_(text) {}

  SqlToken Next();

 private:
  char Peek(size_t ahead) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void SkipBlanks();
  std::string Quoted(char quote);

  std::string_view text_;
  size_t at_ = 0;
  int executable_ = 0;
};

}  // namespace leat::mysql
