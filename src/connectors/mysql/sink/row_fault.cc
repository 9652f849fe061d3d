#include "connectors/mysql/sink/row_fault.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "connectors/mysql/values/value_writer.h"

namespace leat::mysql {
namespace {

constexpr size_t kMostTextShown = 64;
constexpr unsigned kDuplicates[] = {1062, 1169, 1586};

std::string Shown(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "NULL";
  const auto scalar = array.GetScalar(row);
  if (!scalar.ok()) return "?";
  if (array.type_id() == arrow::Type::BINARY) {
    return "0x" + ShortHex(static_cast<const arrow::BinaryArray&>(array).GetView(row));
  }
  std::string text = (*scalar)->ToString();
  if (text.size() > kMostTextShown) text = text.substr(0, kMostTextShown) + "...";
  return "'" + text + "'";
}

// "Data too long for column 'c' at row 7": which row of a statement is nobody's concern.
std::string WithoutRow(std::string text) {
  const size_t at = text.rfind(" at row ");
  return at == std::string::npos ? text : text.substr(0, at);
}

bool Names(const std::string& text, const std::string& column) {
  return text.find("'" + column + "'") != text.npos ||
         text.find("`" + column + "`") != text.npos;
}

}  // namespace

std::string ReasonOf(const TablePlan& plan, const arrow::RecordBatch& batch, int64_t row,
                     const ServerError& error) {
  const std::string said = fmt::format("{} ({})", WithoutRow(error.text), error.number);
  const auto part = [&](int column) {
    return fmt::format("column `{}`: value {}", plan.ColumnOf(column).name,
                       Shown(*batch.column(column), row));
  };
  for (unsigned number : kDuplicates) {
    if (error.number != number) continue;
    std::string keys;
    for (int column : plan.shape.key) keys += part(column) + ": ";
    return keys + said;
  }
  for (int column : plan.insert.columns) {
    if (Names(said, plan.ColumnOf(column).name)) return part(column) + ": " + said;
  }
  return said;
}

}  // namespace leat::mysql
