#include "connectors/mysql/log/block_decoder.h"

#include <immintrin.h>

#include <algorithm>

namespace leat::mysql {
namespace {

constexpr uint32_t kNull = UINT32_MAX;
constexpr size_t kWide = 32;  // bytes of a vector register

size_t LengthAt(const uint8_t* p, int prefix) {
  switch (prefix) {
    case 1: return p[0];
    case 2: return LoadAs<uint16_t>(p);
    case 3: return Little24(p);
    case 4: return LoadAs<uint32_t>(p);
    default: return 0;
  }
}

// Copies `size` bytes and may copy up to kWide: both sides have room for that. True when
// they are ASCII.
bool CopyWide(char* to, const uint8_t* from, size_t size) {
  const auto load = [](const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  };
  const auto store = [](char* p, __m256i v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  };
  if (size <= kWide) [[likely]] {
    const __m256i all = load(from);
    store(to, all);
    const auto high = static_cast<uint32_t>(_mm256_movemask_epi8(all));
    return _bzhi_u32(high, static_cast<uint32_t>(size)) == 0;
  }
  __m256i seen = load(from + size - kWide);
  store(to + size - kWide, seen);
  for (size_t i = 0; i + kWide < size; i += kWide) {
    const __m256i part = load(from + i);
    store(to + i, part);
    seen = _mm256_or_si256(seen, part);
  }
  return _mm256_movemask_epi8(seen) == 0;
}

}  // namespace

BlockDecoder::BlockDecoder(ValueDecoder* values) : values_(values) {
  const std::vector<ValueField>& fields = values->fields();
  Step step;
  for (size_t i = 0; i < fields.size(); i++) {
    offset_.push_back(static_cast<uint32_t>(step.bytes));
    step.last = i + 1;
    step.prefix = fields[i].prefix;
    step.bytes += step.prefix ? step.prefix : fields[i].width;
    if (step.prefix == 0 && i + 1 < fields.size()) continue;
    steps_.push_back(step);
    step = {i + 1};
  }
  bitmap_.assign((fields.size() + 7) / 8, 0xff);
  if (fields.size() % 8 != 0) {
    bitmap_.back() = static_cast<uint8_t>((1u << fields.size() % 8) - 1);
  }
}

void BlockDecoder::Image::Start(size_t columns) {
  at.resize(columns * kMostRows);
  has_null.assign(columns, 0);
}

int64_t BlockDecoder::Append(ByteReader* in, bool update, TableBuilder* before,
                             TableBuilder* after) {
  if (in->left() >= kNull) return 0;
  if (!update) before = nullptr;
  begin_ = in->at();
  end_ = begin_ + in->left();
  after_.Start(offset_.size());
  if (update) before_.Start(offset_.size());
  const uint8_t* at = begin_;
  size_t rows = 0;
  for (; rows < kMostRows && at < end_; rows++) {
    if (update && !Find(&at, rows, &before_)) return 0;
    if (!Find(&at, rows, &after_)) return 0;
  }
  values_->writer().StartRow();
  if (before) Fill(before_, rows, before);
  Fill(after_, rows, after);
  const auto count = static_cast<int64_t>(rows);
  if (values_->writer().faulty()) [[unlikely]] {
    if (before) before->RollbackRows(count);
    after->RollbackRows(count);
    values_->writer().ForgetRow();
    return 0;
  }
  if (before) before->CommitRows(count);
  after->CommitRows(count);
  in->Skip(static_cast<size_t>(at - begin_));
  return count;
}

// False: the image is cut off, or is empty as that of a table without columns.
bool BlockDecoder::Find(const uint8_t** at, size_t row, Image* image) const {
  const uint8_t* p = *at;
  const auto left = [&] { return static_cast<size_t>(end_ - p); };
  if (left() < bitmap_.size()) return false;
  const uint8_t* nulls = p;
  p += bitmap_.size();
  *at = p;
  uint8_t any_null = 0;
  for (size_t i = 0; i < bitmap_.size(); i++) any_null |= nulls[i] & bitmap_[i];
  if (any_null) return FindAmongNulls(nulls, at, row, image);
  uint32_t* to = image->at.data() + row;
  for (const Step& step : steps_) {
    if (left() < step.bytes) return false;
    const auto start = static_cast<uint32_t>(p - begin_);
    for (size_t i = step.first; i < step.last; i++) {
      to[i * kMostRows] = start + offset_[i];
    }
    p += step.bytes;
    const size_t size = LengthAt(p - step.prefix, step.prefix);
    if (left() < size) return false;
    p += size;
  }
  const bool moved = p != nulls;
  *at = p;
  return moved;
}

bool BlockDecoder::FindAmongNulls(const uint8_t* nulls, const uint8_t** at, size_t row,
                                  Image* image) const {
  const uint8_t* p = *at;
  const auto left = [&] { return static_cast<size_t>(end_ - p); };
  const std::vector<ValueField>& fields = values_->fields();
  uint32_t* to = image->at.data() + row;
  for (size_t i = 0; i < fields.size(); i++, to += kMostRows) {
    if (HasBit(nulls, i)) {
      *to = kNull;
      image->has_null[i] = 1;
      continue;
    }
    *to = static_cast<uint32_t>(p - begin_);
    const ValueField& field = fields[i];
    if (left() < field.prefix) return false;
    const size_t size = field.prefix ? LengthAt(p, field.prefix) : field.width;
    p += field.prefix;
    if (left() < size) return false;
    p += size;
  }
  *at = p;
  return true;
}

void BlockDecoder::Fill(const Image& image, size_t rows, TableBuilder* out) {
  const int64_t first = out->StartRows(static_cast<int64_t>(rows));
  const std::vector<ValueField>& fields = values_->fields();
  for (size_t i = 0; i < fields.size(); i++) {
    const int column = static_cast<int>(i);
    if (!out->filled(column)) continue;
    FillColumn({&image, &fields[i], column, &out->column(column), first, rows});
  }
}

template <typename PutValue, typename PutNull>
void BlockDecoder::Each(const Run& run, PutValue put, PutNull put_null) const {
  const uint32_t* at = run.image->at.data() + static_cast<size_t>(run.column) * kMostRows;
  const uint8_t* const begin = begin_;
  int64_t row = run.first;
  if (!run.image->has_null[static_cast<size_t>(run.column)]) {
    for (size_t i = 0; i < run.rows; i++) put(row++, begin + at[i]);
    return;
  }
  for (size_t i = 0; i < run.rows; i++, row++) {
    if (at[i] == kNull) {
      put_null(row);
    } else {
      put(row, begin + at[i]);
    }
  }
}

template <typename PutValue>
void BlockDecoder::Each(const Run& run, PutValue put) const {
  Each(run, put, [to = run.to](int64_t row) { to->PutNull(row); });
}

void BlockDecoder::FillColumn(const Run& run) {
  const ValueField& f = *run.field;
  const bool text = f.op == FieldOp::kText && f.charset->ascii_based();
  const bool bytes = f.op == FieldOp::kBytes;
  if (text && f.prefix == 1) return FillBytes<1, true>(run);
  if (text && f.prefix == 2) return FillBytes<2, true>(run);
  if (bytes && f.prefix == 1) return FillBytes<1, false>(run);
  if (bytes && f.prefix == 2) return FillBytes<2, false>(run);
  if (f.op == FieldOp::kDatetime) return FillDatetime(run);
  if (f.op == FieldOp::kTimestamp) return FillTimestamp(run);
  if (f.op == FieldOp::kDecimal) return FillDecimal(run);
  if (!FillNumbers(run)) FillOther(run);
}

// False: the column has no numbers.
bool BlockDecoder::FillNumbers(const Run& run) {
  // As `As`s, from what a row holds as `From`s.
  const auto fill = [&]<typename From, typename As>(From, As) {
    uint8_t* const values = run.to->values();
    Each(run, [values](int64_t row, const uint8_t* p) {
      const As value = LoadAs<From>(p);
      std::memcpy(values + row * static_cast<int64_t>(sizeof(As)), &value, sizeof(As));
    });
    return true;
  };
  switch (run.field->op) {
    case FieldOp::kInt8: return fill(int8_t{}, int32_t{});
    case FieldOp::kUint8: return fill(uint8_t{}, int32_t{});
    case FieldOp::kInt16: return fill(int16_t{}, int32_t{});
    case FieldOp::kUint16: return fill(uint16_t{}, int32_t{});
    case FieldOp::kInt32: return fill(int32_t{}, int32_t{});
    case FieldOp::kUint32: return fill(uint32_t{}, int64_t{});
    case FieldOp::kInt64: return fill(int64_t{}, int64_t{});
    case FieldOp::kUint64: return fill(uint64_t{}, Int128{});
    case FieldOp::kFloat: return fill(float{}, float{});
    case FieldOp::kDouble: return fill(double{}, double{});
    default: return false;
  }
}

// Whatever is rare, or costs so much that finding out what to do does not matter.
void BlockDecoder::FillOther(const Run& run) {
  const ValueField& f = *run.field;
  Each(run, [&](int64_t row, const uint8_t* p) {
    const size_t size = f.prefix ? LengthAt(p, f.prefix) : f.width;
    values_->Put(f, p + f.prefix, size, run.to, row, run.column);
  });
}

void BlockDecoder::FillDecimal(const Run& run) {
  const ValueField& f = *run.field;
  ColumnBuilder* const to = run.to;
  Each(run, [&](int64_t row, const uint8_t* p) {
    Int128 value = 0;
    if (f.decimal.Read(p, &value)) [[likely]] {
      to->Put<Int128>(row, value);
    } else {
      values_->Put(f, p, f.width, to, row, run.column);
    }
  });
}

void BlockDecoder::FillTimestamp(const Run& run) {
  const ValueField& f = *run.field;
  Each(run, [&](int64_t row, const uint8_t* p) {
    values_->writer().Instant(run.to, row, run.column, BigEndian32(p),
                              Fraction(p + 4, f.scale));
  });
}

// Rows near each other tend to be of one day.
void BlockDecoder::FillDatetime(const Run& run) {
  const ValueField& f = *run.field;
  ColumnBuilder* const to = run.to;
  uint64_t last_date = 0;  // 0 is no date
  int64_t day = 0;
  Each(run, [&](int64_t row, const uint8_t* p) {
    const uint64_t packed = BigEndian(p, 5) - 0x8000000000;
    const uint64_t date = packed >> 17;
    DateTime t;
    if (date != last_date || date == 0) {
      t = UnpackDateTime(packed);
      if (!IsDate(t.year, t.month, t.day)) {
        values_->Put(f, p, f.width, to, row, run.column);
        return;
      }
      last_date = date;
      day = DaysOf(t.year, t.month, t.day) * kDayMicros;
    }
    t.hour = packed >> 12 & 31;
    t.minute = packed >> 6 & 63;
    t.second = packed & 63;
    t.micros = Fraction(p + 5, f.scale);
    to->Put<int64_t>(row, day + DayTime(t));
  });
}

template <int kPrefix, bool kText>
void BlockDecoder::FillBytes(const Run& run) {
  const ValueField& f = *run.field;
  ColumnBuilder* const to = run.to;
  ColumnBuilder::BytesCursor cursor = to->cursor();
  const auto put_null = [&](int64_t row) {
    to->SetCursor(cursor);
    to->PutNull(row);
  };
  const auto put = [&, end = end_](int64_t row, const uint8_t* p) {
    const size_t size = LengthAt(p, kPrefix);
    p += kPrefix;
    if (size + kWide > cursor.left() ||
        static_cast<size_t>(end - p) < std::max(size, kWide) ||
        (!CopyWide(cursor.at, p, size) && kText)) [[unlikely]] {
      to->SetCursor(cursor);
      values_->Put(f, p, size, to, row, run.column);
      to->StartBytes(kWide);
      cursor = to->cursor();
      return;
    }
    cursor.at += size;
    to->Put<int32_t>(row + 1, cursor.size());
  };
  Each(run, put, put_null);
  to->SetCursor(cursor);
}

}  // namespace leat::mysql
