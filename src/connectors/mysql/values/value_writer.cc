#include "connectors/mysql/values/value_writer.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>

namespace leat::mysql {
namespace {

constexpr size_t kSridBytes = 4;
constexpr size_t kMostBytesShown = 64;

std::string UpperHex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

}  // namespace

std::string ShortHex(std::string_view bytes) {
  const std::string hex = UpperHex(bytes.substr(0, kMostBytesShown));
  return bytes.size() > kMostBytesShown ? hex + "..." : hex;
}

ValueWriter::ValueWriter(const TableDef& table, const ValueOptions& options)
    : table_(table), options_(options) {}

DeadLetter ValueWriter::Letter(std::string json) const {
  DeadLetter letter;
  letter.table = table_.id.ToString();
  if (!faults_.empty()) letter.reason = faults_.front().reason;
  letter.row = std::move(json);
  return letter;
}

bool ValueWriter::IsFault(int column) const {
  return std::any_of(faults_.begin(), faults_.end(),
                     [&](const FaultyValue& f) { return f.column == column; });
}

bool ValueWriter::IsKey(int column) const {
  return std::find(table_.key.begin(), table_.key.end(), column) != table_.key.end();
}

void ValueWriter::Fault(ColumnBuilder* to, int64_t row, int column, std::string_view raw,
                        std::string reason) {
  std::string value = raw.empty() ? "" : fmt::format(" 0x{}", ShortHex(raw));
  faults_.push_back(
      {column, fmt::format("column `{}`: value{} {}", def(column).name, value, reason)});
  to->PutNull(row);
}

void ValueWriter::NoDate(ColumnBuilder* to, int64_t row, int column, const DateTime& t) {
  if (options_.zero_dates == ValueOptions::ZeroDates::kNull && !IsKey(column)) {
    zero_dates_++;
    to->PutNull(row);
    return;
  }
  Fault(to, row, column, {},
        fmt::format("{:04}-{:02}-{:02} is a date that no calendar has", t.year, t.month,
                    t.day));
}

void ValueWriter::OtherText(ColumnBuilder* to, int64_t row, int column,
                            const Charset& charset, const char* data, size_t size) {
  if (charset.utf8()) {
    if (IsUtf8(data, size) && charset.form() != Charset::Form::kAscii) {
      Bytes(to, row, column, data, size);
      return;
    }
  } else if (char* out = to->StartBytes(charset.Bound(size))) {
    const int64_t written = charset.Convert(data, size, out);
    if (written >= 0) {
      to->EndBytes(row, static_cast<size_t>(written));
      return;
    }
  } else {
    TooLong(to, row, column, size);
    return;
  }
  Fault(to, row, column, {data, size},
        fmt::format("is not text in its character set, {}", charset.name()));
}

void ValueWriter::TooLong(ColumnBuilder* to, int64_t row, int column, size_t size) {
  Fault(to, row, column, {},
        fmt::format("of {} bytes does not fit into the 2 GiB of a column's batch", size));
}

void ValueWriter::Padded(ColumnBuilder* to, int64_t row, int column, const char* data,
                         size_t size) {
  const size_t full = std::max<size_t>(def(column).length, size);
  char* out = to->StartBytes(full);
  if (!out) {
    TooLong(to, row, column, full);
    return;
  }
  std::memcpy(out, data, size);
  std::memset(out + size, 0, full - size);
  to->EndBytes(row, full);
}

void ValueWriter::Geometry(ColumnBuilder* to, int64_t row, int column, const char* data,
                           size_t size) {
  if (size < kSridBytes) {
    Fault(to, row, column, {data, size}, "is no geometry");
    return;
  }
  Bytes(to, row, column, data + kSridBytes, size - kSridBytes);
}

void ValueWriter::Enum(ColumnBuilder* to, int64_t row, int column, uint64_t index) {
  const std::vector<std::string>& labels = def(column).labels;
  if (index > labels.size()) {
    Fault(to, row, column, {},
          fmt::format("is label number {} of an ENUM with {}", index, labels.size()));
    return;
  }
  // 0 is what the servers keep for a value that was no label; they print it as nothing.
  const std::string_view label =
      index ? std::string_view(labels[index - 1]) : std::string_view();
  Bytes(to, row, column, label.data(), label.size());
}

void ValueWriter::Set(ColumnBuilder* to, int64_t row, int column, uint64_t bits) {
  const std::vector<std::string>& labels = def(column).labels;
  if (labels.size() < 64 && bits >> labels.size()) {
    Fault(to, row, column, {},
          fmt::format("has labels that its SET of {} does not have", labels.size()));
    return;
  }
  std::string text;
  for (size_t i = 0; i < labels.size(); i++) {
    if (!(bits >> i & 1)) continue;
    if (!text.empty()) text += ',';
    text += labels[i];
  }
  Bytes(to, row, column, text.data(), text.size());
}

}  // namespace leat::mysql
