#include "format/csv/encoder.h"

#include "format/csv/fields.h"
#include "format/json/row_writer.h"
#include "format/json/text.h"

namespace leat::csv {
namespace {

using json::Form;

// Each value by a writer of one field, whose JSON is taken off it; text as it is.
class CsvForm final : public RowForm {
 public:
  CsvForm(const CsvOptions& options, const TableSchema& schema,
          const std::vector<int>& columns, bool header)
      : options_(options) {
    ByteColumn names;
    for (const int i : columns) {
      const Column& column = schema.columns[static_cast<size_t>(i)];
      json::RowField field;
      field.column = i;
      field.form = json::PlainForm(*column.type);
      cells_.push_back(
          {i, column.type->id() == arrow::Type::STRING, json::RowWriter({field})});
      if (cells_.size() > 1) names.Append(options_.delimiter);
      AppendField(options_, column.name, &names);
    }
    if (header) header_ = std::string(names.open()) + "\r\n";
  }

  void Bind(const arrow::RecordBatch& rows) override {
    rows_ = &rows;
    for (Cell& cell : cells_) cell.writer.Bind(rows);
  }

  void Write(int64_t row, ByteColumn* to) override {
    to->Append(header_);
    bool first = true;
    for (const Cell& cell : cells_) {
      if (!first) to->Append(options_.delimiter);
      first = false;
      const arrow::Array& column = *rows_->column(cell.column);
      if (column.IsNull(row)) {
        to->Append(options_.null);
      } else if (cell.text) {
        AppendField(options_, static_cast<const arrow::StringArray&>(column).GetView(row),
                    to);
      } else {
        AppendField(options_, Text(cell, row), to);
      }
    }
  }

 private:
  struct Cell {
    int column;
    bool text;
    json::RowWriter writer;
  };

  // What stands in {"":"..."}.
  std::string_view Text(const Cell& cell, int64_t row) {
    memory_.resize(cell.writer.Most(row));
    const char* end = cell.writer.Write(row, memory_.data());
    std::string_view text(memory_.data(), static_cast<size_t>(end - memory_.data()));
    constexpr std::string_view kStart = "{\"\":";
    text = text.substr(kStart.size(), text.size() - kStart.size() - 1);
    if (text.starts_with('"')) text = text.substr(1, text.size() - 2);
    return text;
  }

  const CsvOptions options_;
  std::vector<Cell> cells_;
  std::string header_;  // with its line break
  const arrow::RecordBatch* rows_ = nullptr;
  std::string memory_;
};

}  // namespace

Result<std::unique_ptr<RowForm>> CsvEncoder::MakeForm(const TableSchema& schema,
                                                      const std::vector<int>& columns,
                                                      bool key) {
  const CsvOptions& csv = options().format.csv;
  return std::unique_ptr<RowForm>(
      std::make_unique<CsvForm>(csv, schema, columns, csv.header && !key));
}

}  // namespace leat::csv
