// Fuzzes table maps and row images together: a byte of options (1: MariaDB, 2: partial
// updates, 4: dead letters for zero dates), two bytes of length, a table map's body of
// that length, then row images. Blocks of rows must be what the rows are one by one.
#include "connectors/mysql/log/row_decoder.h"
#include "connectors/mysql/log/table_map.h"

using leat::mysql::Flavor;
using leat::mysql::RowDecoder;
using leat::mysql::TableBuilder;
using leat::mysql::ValueOptions;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  leat::ByteReader in(data, size);
  const uint8_t options = in.U8();
  const std::string_view body = in.Bytes(in.U16());
  if (in.failed()) return 0;
  const Flavor flavor = options & 1 ? Flavor::kMariaDb : Flavor::kMySql;
  auto map = leat::mysql::ParseTableMap(body, flavor, /*need_full=*/false);
  if (!map.ok()) return 0;
  auto schema = leat::mysql::MakeSchema(map->table);
  if (!schema.ok()) return 0;
  ValueOptions values;
  if (options & 4) values.zero_dates = ValueOptions::ZeroDates::kDeadLetter;
  RowDecoder decoder(map->table, values);
  TableBuilder before(*schema);
  TableBuilder after(*schema);
  leat::DeadLetter reject;
  if (!(options & 2)) {
    leat::ByteReader rows = in;
    leat::ByteReader singly = in;
    TableBuilder blocks(*schema);
    while (const int64_t n = decoder.AppendBlock(&rows, false, nullptr, &blocks)) {
      for (int64_t i = 0; i < n; i++) {
        auto done = decoder.Append(&singly, &after, &reject);
        if (!done.ok() || !*done) __builtin_trap();
      }
      if (rows.at() != singly.at()) __builtin_trap();
    }
    auto made = blocks.Finish();
    auto expected = after.Finish();
    if (!made.ok() || !expected.ok()) __builtin_trap();
    const arrow::Status valid = (*made)->ValidateFull();
    if (!valid.ok()) valid.Abort("row image fuzz");
    if (!(*made)->Equals(**expected, arrow::EqualOptions().nans_equal(true))) {
      __builtin_trap();
    }
  }
  while (in.left() > 0) {
    auto done = options & 2 ? decoder.AppendUpdate(&in, true, &before, &after, &reject)
                            : decoder.Append(&in, &after, &reject);
    if (!done.ok()) break;
  }
  for (TableBuilder* builder : {&before, &after}) {
    auto batch = builder->Finish();
    if (!batch.ok()) __builtin_trap();
    const arrow::Status valid = (*batch)->ValidateFull();
    if (!valid.ok()) valid.Abort("row image fuzz");
  }
  return 0;
}
