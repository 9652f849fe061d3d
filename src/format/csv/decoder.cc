#include "format/csv/decoder.h"

#include <arrow/util/utf8.h>
#include <fmt/format.h>

namespace leat::csv {
namespace {

Status CheckUtf8(std::string_view text) {
  arrow::util::InitializeUTF8();
  if (arrow::util::ValidateUTF8(reinterpret_cast<const uint8_t*>(text.data()),
                                static_cast<int64_t>(text.size()))) {
    return Status::Ok();
  }
  return Status::Data("the value is not CSV: it is not UTF-8");
}

}  // namespace

Status CsvDecoder::ReadValue(const Records& records, int64_t record,
                             std::vector<json::Member>* members, bool* gone) {
  std::string_view text = records.values->GetView(record);
  RETURN_IF_ERROR(CheckUtf8(text));
  const CsvOptions& csv = options().format.csv;
  if (!csv.header) {
    if (names_.empty()) {
      for (const Column& column : options().format.columns) names_.push_back(column.name);
    }
    return ReadRow(text, members);
  }
  const std::string_view whole = text;
  RETURN_IF_ERROR(TakeRow(csv, &text, &fields_, &memory_));
  const std::string_view header = whole.substr(0, whole.size() - text.size());
  if (header != header_) {
    names_.clear();
    for (const CsvField& field : fields_) names_.emplace_back(field.text);
    header_ = header;
  }
  if (text.empty()) return Status::Data("no row follows the header");
  return ReadRow(text, members);
}

Status CsvDecoder::ReadKey(std::string_view key, const std::vector<std::string>& names,
                           std::vector<json::Member>* members) {
  RETURN_IF_ERROR(CheckUtf8(key));
  names_ = names;
  const Status read = ReadRow(key, members);
  names_.clear();
  header_.clear();
  return read;
}

Status CsvDecoder::ReadRow(std::string_view text, std::vector<json::Member>* members) {
  const CsvOptions& csv = options().format.csv;
  RETURN_IF_ERROR(TakeRow(csv, &text, &fields_, &memory_));
  if (!text.empty()) return Status::Data("the value has more than one row");
  if (fields_.size() != names_.size()) {
    return Status::Data(fmt::format("the row has {} fields, and {} columns are named",
                                    fields_.size(), names_.size()));
  }
  members->clear();
  for (size_t i = 0; i < fields_.size(); i++) {
    json::Member& member = members->emplace_back();
    member.name = names_[i];
    const bool null = !fields_[i].quoted && fields_[i].text == csv.null;
    member.value.kind = null ? json::Value::Kind::kNull : json::Value::Kind::kString;
    member.value.text = fields_[i].text;
  }
  return Status::Ok();
}

}  // namespace leat::csv
