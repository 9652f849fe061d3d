#include "connectors/iceberg/index/key_hash.h"

#include <arrow/array.h>
#include <arrow/type_traits.h>
#include <xxhash.h>

#include <cstring>

namespace leat::iceberg {
namespace {

// Bits of a value that fits into 8 bytes; 0 for a type that does not.
int ExactWidth(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT8:
    case arrow::Type::UINT8: return 1;
    case arrow::Type::INT16:
    case arrow::Type::UINT16: return 2;
    case arrow::Type::INT32:
    case arrow::Type::UINT32:
    case arrow::Type::DATE32: return 4;
    case arrow::Type::INT64:
    case arrow::Type::UINT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME64: return 8;
    case arrow::Type::DECIMAL128:
      return static_cast<const arrow::DecimalType&>(type).precision() <= 18 ? 8 : 0;
    default: return 0;
  }
}

bool Hashable(const arrow::DataType& type) {
  if (ExactWidth(type) > 0) return true;
  switch (type.id()) {
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL128:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::FIXED_SIZE_BINARY: return true;
    default: return false;
  }
}

// A bijection that spreads close keys over the whole range (the finalizer of splitmix64).
uint64_t Spread(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

template <typename ArrowType>
int64_t IntegerAt(const arrow::Array& array, int64_t i) {
  using ArrayType = typename arrow::TypeTraits<ArrowType>::ArrayType;
  return static_cast<int64_t>(static_cast<const ArrayType&>(array).Value(i));
}

// Calls f(row, value) for each row of an array of ExactWidth types; nulls give any value.
template <typename F>
void EachInteger(const arrow::Array& array, F f) {
  auto loop = [&](auto at) {
    for (int64_t i = 0; i < array.length(); i++) f(i, at(array, i));
  };
  switch (array.type_id()) {
    case arrow::Type::BOOL: return loop(IntegerAt<arrow::BooleanType>);
    case arrow::Type::INT8: return loop(IntegerAt<arrow::Int8Type>);
    case arrow::Type::UINT8: return loop(IntegerAt<arrow::UInt8Type>);
    case arrow::Type::INT16: return loop(IntegerAt<arrow::Int16Type>);
    case arrow::Type::UINT16: return loop(IntegerAt<arrow::UInt16Type>);
    case arrow::Type::INT32: return loop(IntegerAt<arrow::Int32Type>);
    case arrow::Type::UINT32: return loop(IntegerAt<arrow::UInt32Type>);
    case arrow::Type::DATE32: return loop(IntegerAt<arrow::Date32Type>);
    case arrow::Type::INT64: return loop(IntegerAt<arrow::Int64Type>);
    case arrow::Type::UINT64: return loop(IntegerAt<arrow::UInt64Type>);
    case arrow::Type::TIMESTAMP: return loop(IntegerAt<arrow::TimestampType>);
    case arrow::Type::TIME64: return loop(IntegerAt<arrow::Time64Type>);
    default:  // a decimal of at most 18 digits: its low word is the whole value
      return loop([](const arrow::Array& a, int64_t i) {
        int64_t low;
        std::memcpy(&low, static_cast<const arrow::FixedSizeBinaryArray&>(a).GetValue(i),
                    sizeof(low));
        return low;
      });
  }
}

std::string_view BytesAt(const arrow::Array& array, int64_t i) {
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(array).GetView(i);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return static_cast<const arrow::LargeBinaryArray&>(array).GetView(i);
    default: return static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(i);
  }
}

void AppendRaw(std::string* out, const void* data, size_t size) {
  out->append(static_cast<const char*>(data), size);
}

void AppendLength(std::string* out, size_t length) {
  const auto l = static_cast<uint32_t>(length);
  AppendRaw(out, &l, sizeof(l));
}

template <typename FloatArray>
void AppendFloat(const arrow::Array& array, int64_t i, std::string* out) {
  auto value = static_cast<const FloatArray&>(array).Value(i);
  if (value == 0) value = 0;  // -0.0 is the same key
  const auto wide = static_cast<double>(value);
  AppendRaw(out, &wide, sizeof(wide));
}

// Appends one column's part of each row's encoding: the value, with its length where that
// varies.
void AppendColumn(const arrow::Array& array, std::vector<std::string>* rows) {
  auto each = [&](auto append) {
    for (int64_t i = 0; i < array.length(); i++) {
      append(i, &(*rows)[static_cast<size_t>(i)]);
    }
  };
  if (ExactWidth(*array.type()) > 0) {
    EachInteger(array, [&](int64_t i, int64_t value) {
      AppendRaw(&(*rows)[static_cast<size_t>(i)], &value, sizeof(value));
    });
  } else if (array.type_id() == arrow::Type::FLOAT) {
    each([&](int64_t i, std::string* row) {
      AppendFloat<arrow::FloatArray>(array, i, row);
    });
  } else if (array.type_id() == arrow::Type::DOUBLE) {
    each([&](int64_t i, std::string* row) {
      AppendFloat<arrow::DoubleArray>(array, i, row);
    });
  } else {
    each([&](int64_t i, std::string* row) {
      const std::string_view bytes = BytesAt(array, i);
      AppendLength(row, bytes.size());
      row->append(bytes);
    });
  }
}

KeyHash Of(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.high64, h.low64};
}

bool IsBytes(const arrow::Array& array) {
  return arrow::is_base_binary_like(array.type_id()) ||
         array.type_id() == arrow::Type::FIXED_SIZE_BINARY;
}

}  // namespace

Result<KeyHasher> KeyHasher::Make(const arrow::FieldVector& key) {
  KeyHasher made;
  int total = 0;
  bool exact = true;
  for (const auto& field : key) {
    if (!Hashable(*field->type())) {
      return Status::Config("column " + field->name() + " of type " +
                            field->type()->ToString() + " cannot be part of a key");
    }
    const int width = ExactWidth(*field->type());
    exact = exact && width > 0;
    total += width;
    made.widths_.push_back(width);
  }
  made.exact_ = exact && total <= 8;
  made.signature_ = made.exact_ ? "exact" : "xxh128";
  for (size_t i = 0; i < key.size(); i++) {
    made.signature_ += ':' + key[i]->name();
    // A lone exact column may be widened: its value stays the same.
    if (made.exact_ && key.size() > 1) {
      made.signature_ += '/' + std::to_string(made.widths_[i]);
    }
  }
  return made;
}

Status KeyHasher::Hash(const arrow::ArrayVector& columns, int64_t rows,
                       std::vector<KeyHash>* out) const {
  out->assign(static_cast<size_t>(rows), KeyHash{});
  if (exact_) {
    for (size_t c = 0; c < columns.size(); c++) {
      const int bits = widths_[c] * 8;
      EachInteger(*columns[c], [&](int64_t i, int64_t value) {
        uint64_t& word = (*out)[static_cast<size_t>(i)].high;
        const auto v = static_cast<uint64_t>(value);
        word =
            columns.size() == 1 ? v : (word << bits) | (v & ((uint64_t{1} << bits) - 1));
      });
    }
    for (KeyHash& h : *out) h.high = Spread(h.high);
    return Status::Ok();
  }
  if (columns.size() == 1 && IsBytes(*columns[0])) {
    for (int64_t i = 0; i < rows; i++) {
      (*out)[static_cast<size_t>(i)] = Of(BytesAt(*columns[0], i));
    }
    return Status::Ok();
  }
  std::vector<std::string> encoded(static_cast<size_t>(rows));
  for (const auto& column : columns) AppendColumn(*column, &encoded);
  for (size_t i = 0; i < encoded.size(); i++) (*out)[i] = Of(encoded[i]);
  return Status::Ok();
}

}  // namespace leat::iceberg
