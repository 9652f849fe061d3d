// Many row images at once into column builders. A first pass finds where the values of a
// block of rows stand; then each column is written in one loop of its own, so that what
// its type decides is decided once a block and not once a value. Owned by a RowDecoder;
// one thread.
//
// It only takes what goes well: a block with a row that is malformed or at fault is left
// to whoever reads a row at a time.
// Source: the column-wise decoding of P. Boncz et al., "MonetDB/X100", CIDR 2005.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "connectors/mysql/log/row_decoder.h"
#include "connectors/mysql/log/value_decoder.h"
#include "connectors/mysql/values/column_builder.h"

namespace leat::mysql {

class BlockDecoder {
 public:
  static constexpr size_t kMostRows = RowDecoder::kBlockRows;

  explicit BlockDecoder(ValueDecoder* values);

  // Appends the next rows, at most kMostRows; with `update` each has two images, of which
  // the first goes to `before`, which may be null. How many they were; 0: none of them
  // went in and the reader stands where it stood.
  int64_t Append(ByteReader* in, bool update, TableBuilder* before, TableBuilder* after);
  // Frees the memory it keeps from call to call: a server may have very many tables.
  void Release() { before_ = after_ = {}; }

 private:
  // Columns [first, last), of which at most the last has a length in front.
  struct Step {
    size_t first = 0;
    size_t last = 0;
    size_t bytes = 0;  // of the fixed ones and of that length
    uint8_t prefix = 0;
  };
  // Where the values of a block stand.
  struct Image {
    std::vector<uint32_t> at;  // behind the block's begin; [column * kMostRows + row]
    std::vector<uint8_t> has_null;  // for each column

    void Start(size_t columns);
  };
  // A column of a block on its way into a builder.
  struct Run {
    const Image* image;
    const ValueField* field;
    int column;
    ColumnBuilder* to;
    int64_t first;  // row
    size_t rows;
  };

  bool Find(const uint8_t** at, size_t row, Image* image) const;
  bool FindAmongNulls(const uint8_t* nulls, const uint8_t** at, size_t row,
                      Image* image) const;
  void Fill(const Image& image, size_t rows, TableBuilder* out);
  void FillColumn(const Run& run);
  bool FillNumbers(const Run& run);
  void FillDatetime(const Run& run);
  void FillTimestamp(const Run& run);
  void FillDecimal(const Run& run);
  void FillOther(const Run& run);
  template <int kPrefix, bool kText>
  void FillBytes(const Run& run);
  template <typename PutValue, typename PutNull>
  void Each(const Run& run, PutValue put, PutNull put_null) const;
  template <typename PutValue>
  void Each(const Run& run, PutValue put) const;

  ValueDecoder* const values_;
  std::vector<Step> steps_;
  std::vector<uint32_t> offset_;  // of each column in its step
  std::vector<uint8_t> bitmap_;   // of NULLs: the bits that are columns
  Image before_;
  Image after_;
  const uint8_t* begin_ = nullptr;  // of the block
  const uint8_t* end_ = nullptr;    // of the event's rows
};

}  // namespace leat::mysql
