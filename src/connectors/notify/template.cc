#include "connectors/notify/template.h"

#include <fmt/format.h>

namespace leat::notify {

Result<Template> Template::Parse(std::string_view text) {
  Template parsed;
  std::string plain;
  for (size_t at = 0; at < text.size(); at++) {
    const char c = text[at];
    if (c != '{' && c != '}') {
      plain += c;
    } else if (at + 1 < text.size() && text[at + 1] == c) {
      plain += c;
      at++;
    } else if (c == '}') {
      return Status::Config(
          fmt::format("the }} after \"{}\" closes nothing; write }}}} for a brace",
                      text.substr(0, at)));
    } else {
      const size_t end = text.find_first_of("{}", at + 1);
      if (end == std::string_view::npos || text[end] == '{') {
        return Status::Config(fmt::format(
            "the {{ after \"{}\" is not closed; write {{column}}, or {{{{ for "
            "a brace",
            text.substr(0, at)));
      }
      if (end == at + 1) return Status::Config("{} names no column; write {column}");
      if (!plain.empty()) parsed.pieces_.push_back({std::move(plain), false});
      plain.clear();
      parsed.pieces_.push_back({std::string(text.substr(at + 1, end - at - 1)), true});
      at = end;
    }
  }
  if (!plain.empty()) parsed.pieces_.push_back({std::move(plain), false});
  return parsed;
}

std::vector<std::string> Template::columns() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.column) names.push_back(piece.text);
  }
  return names;
}

std::string Template::Fill(
    const std::function<std::string(const std::string& column)>& value) const {
  std::string out;
  for (const Piece& piece : pieces_) out += piece.column ? value(piece.text) : piece.text;
  return out;
}

}  // namespace leat::notify
