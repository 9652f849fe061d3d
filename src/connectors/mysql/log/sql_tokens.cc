#include "connectors/mysql/log/sql_tokens.h"

#include <algorithm>

namespace leat::mysql {
namespace {

bool IsNameCharacter(char c) {
  return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

char UpperChar(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

bool SqlToken::Is(std::string_view word) const {
  if (kind != Kind::kName || text.size() != word.size()) return false;
  return std::equal(word.begin(), word.end(), text.begin(),
                    [](char a, char b) { return a == UpperChar(b); });
}

SqlToken SqlTokens::Next() {
  SkipBlanks();
  SqlToken token;
  token.at = at_;
  if (at_ >= text_.size()) return token;
  char c = text_[at_];
  if (c == '`' || c == '"') {
    token.kind = SqlToken::Kind::kQuotedName;
    token.text = Quoted(c);
  } else if (c == '\'') {
    token.kind = SqlToken::Kind::kText;
    token.text = Quoted(c);
  } else if (IsNameCharacter(c)) {
    token.kind = SqlToken::Kind::kName;
    size_t start = at_;
    while (at_ < text_.size() && IsNameCharacter(text_[at_])) at_++;
    token.text = text_.substr(start, at_ - start);
  } else {
    token.kind = SqlToken::Kind::kSymbol;
    token.text = std::string(1, c);
    at_++;
  }
  return token;
}

void SqlTokens::SkipBlanks() {
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0') {
      at_++;
    } else if (c == '#' || (c == '-' && Peek(1) == '-' && Peek(2) <= ' ')) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '/' && Peek(1) == '*') {
      size_t mark = Peek(2) == 'M' ? 3 : 2;
      if (Peek(mark) == '!') {
        at_ += mark + 1;
        while (IsDigit(Peek(0))) at_++;
        executable_++;
      } else {
        size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      }
    } else if (executable_ > 0 && c == '*' && Peek(1) == '/') {
      executable_--;
      at_ += 2;
    } else {
      return;
    }
  }
}

std::string SqlTokens::Quoted(char quote) {
  std::string out;
  for (at_++; at_ < text_.size(); at_++) {
    char c = text_[at_];
    if (c == quote) {
      if (Peek(1) != quote) {
        at_++;
        break;
      }
      at_++;
    } else if (c == '\\' && quote == '\'' && at_ + 1 < text_.size()) {
      c = text_[++at_];
    }
    out += c;
  }
  return out;
}

}  // namespace leat::mysql
