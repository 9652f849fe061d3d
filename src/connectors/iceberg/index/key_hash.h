// KeyHasher: turns the key columns of a batch into the fixed-width keys of the key index.
//
// A key whose columns are together at most 8 bytes wide is kept exactly: its
// bits, spread by a bijection. Every other key is a 128-bit XXH3 of an unambiguous
// encoding; two of n keys then collide with a chance of n^2 / 2^129: below 10^-18 for ten
// billion. Integers are encoded sign-extended, so a column that is widened keeps its
// hashes. Constant after Make; any thread.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace leat::iceberg {

struct KeyHash {
  uint64_t high = 0;
  uint64_t low = 0;  // 0 for an exact key

  bool operator==(const KeyHash&) const = default;
};

class KeyHasher {
 public:
  // kConfig for a column type that cannot be part of a key.
  static Result<KeyHasher> Make(const arrow::FieldVector& key);

  // True: KeyHash::high alone is the key.
  bool exact() const { return exact_; }
  // Names the encoding: an index made under another one cannot be read.
  const std::string& signature() const { return signature_; }

  // The hash of each row; `columns` are the key's columns in key order, of the types
  // given to Make (an integer may be wider or narrower).
  Status Hash(const arrow::ArrayVector& columns, int64_t rows,
              std::vector<KeyHash>* out) const;

 private:
  std::vector<int> widths_;  // exact: bytes of each column
  std::string signature_;
  bool exact_ = false;
};

}  // namespace leat::iceberg
