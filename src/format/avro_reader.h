// Reads Avro (specification 1.11): object container files by the schema they carry, and
// single data whose schema comes from elsewhere, whoever wrote them. Codecs: null,
// deflate, snappy, zstandard. Any thread; a reader borrows nothing once made. Errors:
// kConfig for bytes that are no such file, damaged or beyond sensible bounds; nothing in
// the bytes can exhaust memory or the stack.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace leat {

struct AvroNode {
  enum class Kind : uint8_t {
    kNull,
    kBool,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kFixed,
    kEnum,
    kRecord,  // children: its fields
    kArray,   // one child
    kMap,     // one child: the values
    kUnion,   // children: its branches
  };
  struct Child {
    std::string name;
    int field_id = -1;   // Iceberg's, -1: none
    int node = 0;        // in AvroSchema::nodes
    std::string column;  // what Leat put beside a name that Avro cannot have
  };

  Kind kind = Kind::kNull;
  std::string logical;  // "decimal", "date", ...
  int precision = 0;    // of a decimal
  int scale = 0;
  int64_t size = 0;                  // kFixed
  std::vector<std::string> symbols;  // kEnum
  std::vector<Child> children;
};

struct AvroSchema {
  std::vector<AvroNode> nodes;
  int root = 0;

  static Result<AvroSchema> Parse(std::string_view json);
  // The child of a record with that Iceberg field id or else that name; -1: none.
  int FindChild(int node, int field_id, std::string_view name) const;
  // The node, or for a union of null and something that something.
  int Resolve(int node) const;
};

// A value. Of a union only the chosen branch is kept. `bytes` point into the block being
// read.
struct AvroValue {
  AvroNode::Kind kind = AvroNode::Kind::kNull;
  int node = 0;         // in AvroSchema::nodes
  int64_t integer = 0;  // kBool, kInt, kLong, kEnum
  double real = 0;      // kFloat, kDouble
  std::string_view bytes;
  std::vector<AvroValue>
      items;  // record fields, array items, map keys and values in turn

  bool null() const { return kind == AvroNode::Kind::kNull; }
};

// One value by itself, all of `bytes`, which are borrowed. kData where they do not fit.
Result<AvroValue> ReadAvroDatum(const AvroSchema& schema, std::string_view bytes);

class AvroReader {
 public:
  // `bytes` are borrowed until ForEach has returned.
  static Result<AvroReader> Make(std::string_view bytes);

  const AvroSchema& schema() const { return schema_; }
  // "" when there is none of that name.
  std::string Metadata(const std::string& name) const;
  // Every record in order; the visitor's error ends it.
  Status ForEach(const std::function<Status(const AvroValue&)>& visit) const;

 private:
  std::map<std::string, std::string> metadata_;
  AvroSchema schema_;
  std::string_view sync_;
  std::string_view blocks_;
};

}  // namespace leat
