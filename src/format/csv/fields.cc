#include "format/csv/fields.h"

#include <fmt/format.h>

namespace leat::csv {
namespace {

bool IsBreak(char c) { return c == '\n' || c == '\r'; }

void TakeBreak(std::string_view* text) {
  if (text->starts_with('\r')) text->remove_prefix(1);
  if (text->starts_with('\n')) text->remove_prefix(1);
}

// Behind the opening quote. Doubled quotes are undone in `memory`, which has room for
// everything and so never moves.
Status TakeQuoted(char quote, std::string_view* text, std::string_view* field,
                  std::string* memory) {
  const size_t start = memory->size();
  size_t end = text->find(quote);
  if (end != text->npos && text->substr(end + 1, 1) != std::string_view(&quote, 1)) {
    *field = text->substr(0, end);
    text->remove_prefix(end + 1);
    return Status::Ok();
  }
  while (end != text->npos) {
    memory->append(*text, 0, end);
    text->remove_prefix(end + 1);
    if (!text->starts_with(quote)) {
      *field = std::string_view(*memory).substr(start);
      return Status::Ok();
    }
    *memory += quote;
    text->remove_prefix(1);
    end = text->find(quote);
  }
  return Status::Data("the value is not CSV: a quote is not closed");
}

}  // namespace

Status TakeRow(const CsvOptions& options, std::string_view* text,
               std::vector<CsvField>* fields, std::string* memory) {
  fields->clear();
  memory->clear();
  memory->reserve(text->size());
  for (;;) {
    CsvField& field = fields->emplace_back();
    if (text->starts_with(options.quote)) {
      field.quoted = true;
      text->remove_prefix(1);
      RETURN_IF_ERROR(TakeQuoted(options.quote, text, &field.text, memory));
    } else {
      size_t end = 0;
      while (end < text->size() && (*text)[end] != options.delimiter &&
             !IsBreak((*text)[end])) {
        end++;
      }
      field.text = text->substr(0, end);
      text->remove_prefix(end);
      if (field.text.find(options.quote) != field.text.npos) {
        return Status::Data(fmt::format(
            "the value is not CSV: field {} has a quote inside, but not around it",
            fields->size()));
      }
    }
    if (text->empty()) return Status::Ok();
    if (IsBreak(text->front())) {
      TakeBreak(text);
      return Status::Ok();
    }
    if (text->front() != options.delimiter) {
      return Status::Data(fmt::format(
          "the value is not CSV: something follows the closing quote of field {}",
          fields->size()));
    }
    text->remove_prefix(1);
  }
}

void AppendField(const CsvOptions& options, std::string_view text, ByteColumn* to) {
  bool quotes = text == options.null ||
                (!text.empty() && (text.front() == ' ' || text.back() == ' '));
  for (const char c : text) {
    quotes = quotes || c == options.delimiter || c == options.quote || IsBreak(c);
  }
  if (!quotes) return to->Append(text);
  to->Append(options.quote);
  for (const char c : text) {
    if (c == options.quote) to->Append(c);
    to->Append(c);
  }
  to->Append(options.quote);
}

}  // namespace leat::csv
