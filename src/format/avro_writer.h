// Writes Avro object container files (Avro specification 1.11), the format of Iceberg's
// manifests and manifest lists. The caller encodes each record field by field in the
// order of the schema it gives as text. Owned by one thread; nothing fails.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace leat {

// Avro's binary encoding, appended to a string.
class AvroEncoder {
 public:
  void Long(int64_t value);  // int and long alike
  void Bool(bool value) { out_ += value ? '\1' : '\0'; }
  void Raw(std::string_view bytes) { out_ += bytes; }  // fixed, float, double
  void Bytes(std::string_view bytes) {
    Long(static_cast<int64_t>(bytes.size()));
    out_ += bytes;
  }
  void String(std::string_view text) { Bytes(text); }
  // A union of null and something: its branch, before the value.
  void Branch(bool has_value) { Long(has_value ? 1 : 0); }
  // An array or map of that many items follows, then EndBlock, unless it is empty.
  void BeginBlock(size_t items) {
    if (items > 0) Long(static_cast<int64_t>(items));
  }
  void EndBlock() { Long(0); }

  const std::string& bytes() const { return out_; }
  void Clear() { out_.clear(); }

 private:
  std::string out_;
};

class AvroWriter {
 public:
  // `metadata` besides avro.schema and avro.codec. Blocks are deflated.
  AvroWriter(std::string_view schema, const std::map<std::string, std::string>& metadata);

  AvroEncoder& record() { return block_; }
  void EndRecord();
  // The whole file.
  std::string Finish();

 private:
  void EndBlock();

  std::string sync_;
  AvroEncoder file_;
  AvroEncoder block_;
  int64_t records_ = 0;  // in block_
};

}  // namespace leat
