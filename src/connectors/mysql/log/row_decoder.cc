#include "connectors/mysql/log/row_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "connectors/mysql/log/block_decoder.h"
#include "connectors/mysql/log/value_decoder.h"
#include "format/json/row_writer.h"

namespace leat::mysql {
namespace {

// The first column whose bit is not set; -1: none.
int FirstLacking(std::string_view bitmap, uint64_t columns) {
  const auto* bits = reinterpret_cast<const uint8_t*>(bitmap.data());
  for (uint64_t i = 0; i < columns; i++) {
    if (!HasBit(bits, i)) return static_cast<int>(i);
  }
  return -1;
}

Status MalformedRows(const TableDef& table) {
  return Status::Transient(
      fmt::format("binlog: a row of {} does not fit its table map", table.id.ToString()));
}

}  // namespace

class RowDecoder::Impl {
 public:
  Impl(const TableDef& table, const ValueOptions& options)
      : values_(table, options), blocks_(&values_) {
    for (const ValueField& field : values_.fields()) json_columns_ += IsJson(field);
  }

  const TableDef& table() { return writer().table(); }
  ValueWriter& writer() { return values_.writer(); }
  BlockDecoder& blocks() { return blocks_; }

  // Events tend to have the bitmaps of the one before.
  bool WholeAsBefore(uint64_t columns, std::string_view before, std::string_view after) {
    return columns == values_.fields().size() && before == whole_ &&
           (after.empty() || after == whole_);
  }
  void NoteWhole(std::string_view bitmap) { whole_ = bitmap; }

  // Into the started row of `out`. False: malformed.
  bool ReadImage(ByteReader* in, TableBuilder* out);
  bool SkipImage(ByteReader* in);
  // An update's two images. With `partial` JSON columns of the second may be differences;
  // with an `after` bitmap it has those columns alone.
  bool ReadUpdate(ByteReader* in, bool partial, TableBuilder* before,
                  TableBuilder* after);
  void SetAfter(std::string_view bitmap) { after_ = bitmap; }
  bool sparse() const { return !after_.empty(); }

  // The dead letter of the image at `in`, whose faults the writer has.
  DeadLetter Reject(ByteReader in, const SchemaRef& schema);

 private:
  static bool IsJson(const ValueField& field) { return field.op == FieldOp::kJson; }

  // The values of a before image, NULL ones without data.
  using Values = std::vector<std::optional<std::string_view>>;
  bool FindValues(ByteReader in, Values* values);
  bool ReadPartialImage(ByteReader* in, const Values& before, TableBuilder* out);
  bool ReadSparseImage(ByteReader* in, const Values& before, TableBuilder* out);

  ValueDecoder values_;
  BlockDecoder blocks_;
  size_t json_columns_ = 0;
  std::string whole_;  // a bitmap that has every column; empty: none yet
  std::string after_;  // which columns after images have; empty: all
  Values before_values_;
};

bool RowDecoder::Impl::ReadImage(ByteReader* in, TableBuilder* out) {
  const std::vector<ValueField>& fields = values_.fields();
  const size_t count = fields.size();
  const int64_t row = out->StartRow();
  ByteReader reader = *in;
  const uint8_t* nulls = reader.Take((count + 7) / 8);
  if (!nulls) return false;
  const ValueField* field = fields.data();
  for (size_t i = 0; i < count; i++, field++) {
    const int column = static_cast<int>(i);
    if (HasBit(nulls, i)) {
      if (out->filled(column)) out->column(column).PutNull(row);
      continue;
    }
    size_t size = 0;
    const uint8_t* value = field->Take(&reader, &size);
    if (!value) return false;
    if (out->filled(column))
      values_.Put(*field, value, size, &out->column(column), row, column);
  }
  *in = reader;
  return !reader.failed();
}

bool RowDecoder::Impl::SkipImage(ByteReader* in) {
  const std::vector<ValueField>& fields = values_.fields();
  const uint8_t* nulls = in->Take((fields.size() + 7) / 8);
  if (!nulls) return false;
  for (size_t i = 0; i < fields.size(); i++) {
    size_t size = 0;
    if (!HasBit(nulls, i) && !fields[i].Take(in, &size)) return false;
  }
  return !in->failed();
}

bool RowDecoder::Impl::FindValues(ByteReader in, Values* values) {
  const std::vector<ValueField>& fields = values_.fields();
  values->assign(fields.size(), std::nullopt);
  const uint8_t* nulls = in.Take((fields.size() + 7) / 8);
  if (!nulls) return false;
  for (size_t i = 0; i < fields.size(); i++) {
    if (HasBit(nulls, i)) continue;
    size_t size = 0;
    const uint8_t* value = fields[i].Take(&in, &size);
    if (!value) return false;
    (*values)[i].emplace(reinterpret_cast<const char*>(value), size);
  }
  return !in.failed();
}

bool RowDecoder::Impl::ReadPartialImage(ByteReader* in, const Values& before,
                                        TableBuilder* out) {
  constexpr uint8_t kPartialJson = 1;
  const std::vector<ValueField>& fields = values_.fields();
  const uint8_t options = in->U8();
  if (options > kPartialJson) return false;
  const uint8_t* partial = nullptr;
  if (options == kPartialJson) {
    partial = in->Take((json_columns_ + 7) / 8);
    if (!partial) return false;
  }
  const uint8_t* nulls = in->Take((fields.size() + 7) / 8);
  if (!nulls) return false;
  const int64_t row = out->StartRow();
  size_t json = 0;
  for (size_t i = 0; i < fields.size(); i++) {
    const int column = static_cast<int>(i);
    const bool is_json = IsJson(fields[i]);
    const size_t which = is_json ? json++ : 0;
    if (HasBit(nulls, i)) {
      out->column(column).PutNull(row);
      continue;
    }
    size_t size = 0;
    const uint8_t* value = fields[i].Take(in, &size);
    if (!value) return false;
    ColumnBuilder* to = &out->column(column);
    if (!is_json || !partial || !HasBit(partial, which)) {
      values_.Put(fields[i], value, size, to, row, column);
      continue;
    }
    const std::string_view diffs(reinterpret_cast<const char*>(value), size);
    values_.PutPatched(before[i], diffs, to, row, column);
  }
  return !in->failed();
}

// What the image lacks did not change. Its NULL bits count the columns it has.
bool RowDecoder::Impl::ReadSparseImage(ByteReader* in, const Values& before,
                                       TableBuilder* out) {
  const auto* present = reinterpret_cast<const uint8_t*>(after_.data());
  const std::vector<ValueField>& fields = values_.fields();
  size_t count = 0;
  for (size_t i = 0; i < fields.size(); i++) count += HasBit(present, i) ? 1 : 0;
  const uint8_t* nulls = in->Take((count + 7) / 8);
  if (!nulls) return false;
  const int64_t row = out->StartRow();
  size_t which = 0;
  for (size_t i = 0; i < fields.size(); i++) {
    const int column = static_cast<int>(i);
    std::optional<std::string_view> value = before[i];
    if (HasBit(present, i)) {
      value.reset();
      if (!HasBit(nulls, which++)) {
        size_t size = 0;
        const uint8_t* bytes = fields[i].Take(in, &size);
        if (!bytes) return false;
        value.emplace(reinterpret_cast<const char*>(bytes), size);
      }
    }
    if (!value) {
      out->column(column).PutNull(row);
      continue;
    }
    values_.Put(fields[i], reinterpret_cast<const uint8_t*>(value->data()), value->size(),
                &out->column(column), row, column);
  }
  return !in->failed();
}

bool RowDecoder::Impl::ReadUpdate(ByteReader* in, bool partial, TableBuilder* before,
                                  TableBuilder* after) {
  if ((partial || sparse()) && !FindValues(*in, &before_values_)) return false;
  if (!(before ? ReadImage(in, before) : SkipImage(in))) return false;
  if (sparse()) return ReadSparseImage(in, before_values_, after);
  return partial ? ReadPartialImage(in, before_values_, after) : ReadImage(in, after);
}

DeadLetter RowDecoder::Impl::Reject(ByteReader in, const SchemaRef& schema) {
  // The row once more, alone, with what is at fault as null.
  DeadLetter letter = writer().Letter({});
  TableBuilder one(schema);
  if (ReadImage(&in, &one)) {
    one.CommitRow();
    if (auto batch = one.Finish(); batch.ok()) letter.row = json::RowText(**batch, 0);
  }
  writer().ForgetRow();
  return letter;
}

RowDecoder::RowDecoder(const TableDef& table, const ValueOptions& options)
    : impl_(std::make_unique<Impl>(table, options)) {}
RowDecoder::~RowDecoder() = default;
RowDecoder::RowDecoder(RowDecoder&&) noexcept = default;
RowDecoder& RowDecoder::operator=(RowDecoder&&) noexcept = default;

Status RowDecoder::SetColumns(uint64_t columns, std::string_view before,
                              std::string_view after) {
  const TableDef& table = impl_->table();
  impl_->SetAfter({});
  if (impl_->WholeAsBefore(columns, before, after)) return Status::Ok();
  if (columns != table.columns.size()) return MalformedRows(table);
  for (std::string_view bitmap : {before, after}) {
    if (!bitmap.empty() && bitmap.size() < (columns + 7) / 8) return MalformedRows(table);
  }
  const int lacking = FirstLacking(before, columns);
  if (lacking >= 0) {
    return Status::Config(fmt::format(
        "table {}: the binlog's rows lack column `{}`, because they were written with "
        "another row image than FULL. Run: SET GLOBAL binlog_row_image=FULL; and "
        "reconnect the writers, then take the table's snapshot again",
        table.id.ToString(), table.columns[static_cast<size_t>(lacking)].name));
  }
  impl_->NoteWhole(before);
  if (!after.empty() && FirstLacking(after, columns) >= 0) impl_->SetAfter(after);
  return Status::Ok();
}

Result<bool> RowDecoder::Append(ByteReader* in, TableBuilder* out, DeadLetter* reject) {
  const ByteReader start = *in;
  impl_->writer().StartRow();
  if (!impl_->ReadImage(in, out)) {
    out->RollbackRow();
    return MalformedRows(impl_->table());
  }
  if (impl_->writer().faulty()) [[unlikely]] {
    out->RollbackRow();
    *reject = impl_->Reject(start, out->schema());
    return false;
  }
  out->CommitRow();
  return true;
}

Result<bool> RowDecoder::AppendUpdate(ByteReader* in, bool partial, TableBuilder* before,
                                      TableBuilder* after, DeadLetter* reject) {
  if (partial && impl_->sparse()) {
    return Status::Config(fmt::format(
        "table {}: the binlog has differences of JSON values in incomplete rows. Run: "
        "SET "
        "GLOBAL binlog_row_image=FULL; and reconnect the writers, then take the table's "
        "snapshot again",
        impl_->table().id.ToString()));
  }
  const ByteReader start = *in;
  impl_->writer().StartRow();
  const bool ok = impl_->ReadUpdate(in, partial, before, after);
  if (ok && !impl_->writer().faulty()) [[likely]] {
    if (before) before->CommitRow();
    after->CommitRow();
    return true;
  }
  if (before) before->RollbackRow();
  after->RollbackRow();
  if (!ok) return MalformedRows(impl_->table());
  // What is at fault may stand in the before image alone; the row that counts is after,
  // where all of it stands there.
  ByteReader second = start;
  if (!partial && !impl_->sparse()) impl_->SkipImage(&second);
  *reject = impl_->Reject(second, after->schema());
  return false;
}

int64_t RowDecoder::AppendBlock(ByteReader* in, bool update, TableBuilder* before,
                                TableBuilder* after) {
  if (update && impl_->sparse()) return 0;
  return impl_->blocks().Append(in, update, before, after);
}

void RowDecoder::ReleaseBlocks() { impl_->blocks().Release(); }

Status RowDecoder::Skip(ByteReader* in) {
  return impl_->SkipImage(in) ? Status::Ok() : MalformedRows(impl_->table());
}

int64_t RowDecoder::zero_dates() const { return impl_->writer().zero_dates(); }

}  // namespace leat::mysql
