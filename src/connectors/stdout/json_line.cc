#include "connectors/stdout/json_line.h"

#include <arrow/array.h>
#include <arrow/scalar.h>
#include <arrow/util/base64.h>
#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace leat::standard_output {
namespace {

void AppendText(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': *out += "\\\""; break;
      case '\\': *out += "\\\\"; break;
      case '\n': *out += "\\n"; break;
      case '\r': *out += "\\r"; break;
      case '\t': *out += "\\t"; break;
      default:
        if (static_cast<uint8_t>(c) < 0x20) {
          *out += "\\u00";
          AppendHex({&c, 1}, out);
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

void AppendFloat(double value, std::string* out) {
  if (std::isfinite(value)) {
    *out += fmt::format("{}", value);
  } else {
    AppendText(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity", out);
  }
}

void AppendValue(const arrow::Array& array, int64_t i, std::string* out) {
  if (array.IsNull(i)) {
    *out += "null";
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      *out += static_cast<const arrow::BooleanArray&>(array).Value(i) ? "true" : "false";
      return;
    case arrow::Type::FLOAT:
      return AppendFloat(static_cast<const arrow::FloatArray&>(array).Value(i), out);
    case arrow::Type::DOUBLE:
      return AppendFloat(static_cast<const arrow::DoubleArray&>(array).Value(i), out);
    case arrow::Type::STRING:
      return AppendText(static_cast<const arrow::StringArray&>(array).GetView(i), out);
    case arrow::Type::BINARY:
      return AppendText(arrow::util::base64_encode(
                            static_cast<const arrow::BinaryArray&>(array).GetView(i)),
                        out);
    default: break;
  }
  const auto scalar = array.GetScalar(i);
  const std::string text = scalar.ok() ? (*scalar)->ToString() : "";
  if (arrow::is_integer(array.type_id()) || array.type_id() == arrow::Type::TIME64) {
    *out += text;
  } else {
    AppendText(text, out);
  }
}

void AppendColumns(const arrow::RecordBatch& rows, int64_t row,
                   const std::vector<int>* columns, std::string* out) {
  out->push_back('{');
  bool first = true;
  const int count = columns ? static_cast<int>(columns->size()) : rows.num_columns();
  for (int i = 0; i < count; i++) {
    const int c = columns ? (*columns)[static_cast<size_t>(i)] : i;
    if (!first) out->push_back(',');
    first = false;
    AppendText(rows.column_name(c), out);
    out->push_back(':');
    AppendValue(*rows.column(c), row, out);
  }
  out->push_back('}');
}

bool SameKey(const Chunk& chunk, int64_t row, int64_t update) {
  for (const int c : chunk.schema->key) {
    if (!chunk.rows->column(c)->RangeEquals(*chunk.before->column(c), row, row + 1,
                                            update)) {
      return false;
    }
  }
  return true;
}

char Letter(Op op) {
  switch (op) {
    case Op::kInsert: return 'c';
    case Op::kUpdate: return 'u';
    case Op::kDelete: return 'd';
    case Op::kRead: return 'r';
  }
  return '?';
}

std::string_view KindName(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::kSchema: return "schema";
    case Event::Kind::kTruncate: return "truncate";
    case Event::Kind::kDrop: return "drop";
    case Event::Kind::kRename: return "rename";
    case Event::Kind::kSnapshotDone: return "snapshot_done";
    case Event::Kind::kStatement: return "statement";
  }
  return "";
}

}  // namespace

void AppendRow(const Chunk& chunk, int64_t row, int64_t update, std::string* out) {
  const auto at = static_cast<size_t>(row);
  const Op op = chunk.ops[at];
  *out += "{\"table\":";
  AppendText(chunk.schema->id.ToString(), out);
  *out += ",\"op\":\"";
  *out += Letter(op);
  *out += "\",\"ts\":";
  AppendInt(at < chunk.time.size() ? chunk.time[at] : 0, out);
  *out += ",\"row\":";
  AppendColumns(*chunk.rows, row, nullptr, out);
  if (op == Op::kUpdate && chunk.before && !SameKey(chunk, row, update)) {
    *out += ",\"before\":";
    AppendColumns(*chunk.before, update, &chunk.schema->key, out);
  }
  *out += "}\n";
}

void AppendEvent(const Event& event, std::string* out) {
  *out += "{\"table\":";
  AppendText(event.table.ToString(), out);
  *out += ",\"event\":";
  AppendText(KindName(event.kind), out);
  if (event.kind == Event::Kind::kRename && event.schema) {
    *out += ",\"to\":";
    AppendText(event.schema->id.ToString(), out);
  }
  if (!event.statement.empty()) {
    *out += ",\"statement\":";
    AppendText(event.statement, out);
  }
  *out += "}\n";
}

}  // namespace leat::standard_output
