#include "format/avro/encoder.h"

#include <arrow/api.h>

#include "format/avro/mapping.h"
#include "format/avro_writer.h"
#include "format/json/decimal_text.h"

namespace leat::avro {
namespace {

class AvroForm final : public RowForm {
 public:
  AvroForm(const TableSchema& schema, const std::vector<int>& columns, int32_t id)
      : columns_(columns) {
    for (const int i : columns) {
      nullable_.push_back(schema.columns[static_cast<size_t>(i)].nullable);
    }
    frame_ = '\0';
    for (int shift = 24; shift >= 0; shift -= 8) {
      frame_ += static_cast<char>(static_cast<uint32_t>(id) >> shift);
    }
  }

  void Bind(const arrow::RecordBatch& rows) override {
    arrays_.clear();
    for (const int i : columns_) arrays_.push_back(rows.column(i).get());
  }

  void Write(int64_t row, ByteColumn* to) override {
    record_.Clear();
    record_.Raw(frame_);
    for (size_t i = 0; i < arrays_.size(); i++) {
      const bool null = arrays_[i]->IsNull(row);
      if (nullable_[i]) record_.Branch(!null);
      if (!null || !nullable_[i]) WriteValue(*arrays_[i], row);
    }
    to->Append(record_.bytes());
  }

 private:
  template <typename Array>
  static auto ValueOf(const arrow::Array& array, int64_t row) {
    return static_cast<const Array&>(array).Value(row);
  }
  template <typename T>
  void Bits(T value) {
    record_.Raw({reinterpret_cast<const char*>(&value), sizeof(value)});
  }

  void WriteValue(const arrow::Array& array, int64_t row) {
    switch (array.type_id()) {
      case arrow::Type::BOOL:
        return record_.Bool(ValueOf<arrow::BooleanArray>(array, row));
      case arrow::Type::INT32:
        return record_.Long(ValueOf<arrow::Int32Array>(array, row));
      case arrow::Type::DATE32:
        return record_.Long(ValueOf<arrow::Date32Array>(array, row));
      case arrow::Type::INT64:
        return record_.Long(ValueOf<arrow::Int64Array>(array, row));
      case arrow::Type::TIMESTAMP:
        return record_.Long(ValueOf<arrow::TimestampArray>(array, row));
      case arrow::Type::FLOAT: return Bits(ValueOf<arrow::FloatArray>(array, row));
      case arrow::Type::DOUBLE: return Bits(ValueOf<arrow::DoubleArray>(array, row));
      case arrow::Type::DECIMAL128: {
        const arrow::Decimal128 value(
            static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
        return record_.Bytes(json::UnscaledBytes(value));
      }
      default:
        return record_.Bytes(static_cast<const arrow::BinaryArray&>(array).GetView(row));
    }
  }

  const std::vector<int> columns_;
  std::vector<bool> nullable_;
  std::string frame_;
  std::vector<const arrow::Array*> arrays_;
  AvroEncoder record_;
};

}  // namespace

AvroRowEncoder::AvroRowEncoder(EncoderOptions options)
    : RowEncoder(std::move(options)), registry_(this->options().format.registry) {}

Result<std::unique_ptr<RowForm>> AvroRowEncoder::MakeForm(const TableSchema& schema,
                                                          const std::vector<int>& columns,
                                                          bool key) {
  const std::string name = schema.id.table + (key ? "_key" : "");
  ASSIGN_OR_RETURN(const int32_t id,
                   registry_.Register(TopicFor(schema.id) + (key ? "-key" : "-value"),
                                      RecordSchema(schema, columns, name)));
  return std::unique_ptr<RowForm>(std::make_unique<AvroForm>(schema, columns, id));
}

}  // namespace leat::avro
