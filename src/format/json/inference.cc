#include "format/json/inference.h"

#include <arrow/type.h>

#include <algorithm>

namespace leat::json {

Inference::Inference(const std::vector<Column>& known) : columns_(known) {
  for (const Column& column : known) places_[column.name] = -1;
}

Inference::Guess Inference::Of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kBool: return Guess::kBool;
    case Value::Kind::kInt: return Guess::kInt;
    case Value::Kind::kUint: return Guess::kUint;
    case Value::Kind::kReal: return Guess::kReal;
    default: return Guess::kText;
  }
}

Inference::Guess Inference::Wider(Guess a, Guess b) {
  if (a == b) return a;
  const bool numbers = a != Guess::kBool && b != Guess::kBool;
  return numbers ? std::max(a, b) : Guess::kText;
}

void Inference::Look(const std::vector<Member>& members) {
  for (const Member& member : members) {
    if (member.value.kind == Value::Kind::kNull) continue;
    const auto [place, added] =
        places_.try_emplace(std::string(member.name), static_cast<int>(found_.size()));
    if (added) {
      found_.emplace_back(place->first, Of(member.value));
    } else if (place->second >= 0) {
      Guess& guess = found_[static_cast<size_t>(place->second)].second;
      guess = Wider(guess, Of(member.value));
    }
  }
}

std::vector<Column> Inference::Columns() const {
  std::vector<Column> columns = columns_;
  for (const auto& [name, guess] : found_) {
    std::shared_ptr<arrow::DataType> type;
    switch (guess) {
      case Guess::kBool: type = arrow::boolean(); break;
      case Guess::kInt: type = arrow::int64(); break;
      case Guess::kUint: type = arrow::decimal128(20, 0); break;
      case Guess::kReal: type = arrow::float64(); break;
      case Guess::kText: type = arrow::utf8(); break;
    }
    columns.push_back({name, std::move(type), true, ""});
  }
  return columns;
}

}  // namespace leat::json
