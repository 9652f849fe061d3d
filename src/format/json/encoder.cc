#include "format/json/encoder.h"

#include "format/json/row_writer.h"

namespace leat::json {
namespace {

class JsonForm final : public RowForm {
 public:
  explicit JsonForm(std::vector<RowField> fields) : writer_(std::move(fields)) {}

  void Bind(const arrow::RecordBatch& rows) override { writer_.Bind(rows); }
  void Write(int64_t row, ByteColumn* to) override {
    to->Wrote(writer_.Write(row, to->Room(writer_.Most(row))));
  }

 private:
  RowWriter writer_;
};

}  // namespace

Result<std::unique_ptr<RowForm>> JsonEncoder::MakeForm(const TableSchema& schema,
                                                       const std::vector<int>& columns,
                                                       bool key) {
  std::vector<RowField> fields;
  for (const int i : columns) {
    const Column& column = schema.columns[static_cast<size_t>(i)];
    RowField& field = fields.emplace_back();
    field.name = column.name;
    field.column = i;
    field.form = PlainForm(*column.type);
  }
  return std::unique_ptr<RowForm>(std::make_unique<JsonForm>(std::move(fields)));
}

}  // namespace leat::json
