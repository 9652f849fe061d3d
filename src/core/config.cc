#include "core/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <tuple>

#include "core/config_value.h"

namespace leat {
namespace {

[[noreturn]] void Bug(std::string_view field, std::string_view what) {
  fmt::print(stderr, "bug: configuration field \"{}\" {}\n", field, what);
  std::abort();
}

auto Key(const Diagnostic& d) {
  return std::tie(d.place.file, d.place.line, d.place.column);
}

}  // namespace

std::string Diagnostic::ToString() const {
  std::string out = place.file;
  if (place.line > 0) out += fmt::format(":{}:{}", place.line, place.column);
  out += ": " + message;
  if (!suggestion.empty()) out += "; " + suggestion;
  return out;
}

void SortByPlace(Diagnostics* diagnostics) {
  std::stable_sort(
      diagnostics->begin(), diagnostics->end(),
      [](const Diagnostic& a, const Diagnostic& b) { return Key(a) < Key(b); });
}

Status ToStatus(Diagnostics diagnostics) {
  if (diagnostics.empty()) return Status::Ok();
  SortByPlace(&diagnostics);
  std::string all;
  for (const Diagnostic& d : diagnostics) {
    if (!all.empty()) all += '\n';
    all += d.ToString();
  }
  return Status::Config(std::move(all));
}

const Config::Value& Config::Get(std::string_view field) const {
  auto found = values_.find(field);
  if (found == values_.end()) Bug(field, "is not declared");
  return *found->second;
}

bool Config::Has(std::string_view field) const { return Get(field).given; }

template <typename T>
static const T& As(const auto& value, std::string_view field) {
  const T* typed = std::get_if<T>(&value.data);
  if (!typed) Bug(field, "is asked for by another type");
  return *typed;
}

const std::string& Config::String(std::string_view field) const {
  return As<std::string>(Get(field), field);
}
std::string Config::Path(std::string_view field) const {
  const std::string& text = String(field);
  std::filesystem::path path(text);
  if (text.empty() || path.is_absolute() || text.find("://") != std::string::npos) {
    return text;
  }
  return (folder_ / path).lexically_normal().string();
}
bool Config::Bool(std::string_view field) const { return As<bool>(Get(field), field); }
const std::vector<std::string>& Config::Strings(std::string_view field) const {
  return As<std::vector<std::string>>(Get(field), field);
}
const std::map<std::string, std::string>& Config::Map(std::string_view field) const {
  return As<std::map<std::string, std::string>>(Get(field), field);
}
const Config& Config::Object(std::string_view field) const {
  const Value& value = Get(field);
  if (value.type != FieldType::kObject) Bug(field, "is asked for by another type");
  return As<Config>(value, field);
}
const std::map<std::string, Config>& Config::Objects(std::string_view field) const {
  return As<std::map<std::string, Config>>(Get(field), field);
}
const Config& Config::Part(std::string_view field) const {
  const Value& value = Get(field);
  if (value.type != FieldType::kPart) Bug(field, "is asked for by another type");
  return As<Config>(value, field);
}
const std::string& Config::PartName(std::string_view field) const {
  const Value& value = Get(field);
  if (value.type != FieldType::kPart) Bug(field, "is asked for by another type");
  return value.part;
}
const std::vector<Config>& Config::Parts(std::string_view field) const {
  return As<std::vector<Config>>(Get(field), field);
}

int64_t Config::Int(std::string_view field) const {
  const Value& value = Get(field);
  if (value.type != FieldType::kInt) Bug(field, "is asked for by another type");
  return As<int64_t>(value, field);
}
Micros Config::Duration(std::string_view field) const {
  const Value& value = Get(field);
  if (value.type != FieldType::kDuration) Bug(field, "is asked for by another type");
  return Micros(As<int64_t>(value, field));
}
int64_t Config::Bytes(std::string_view field) const {
  const Value& value = Get(field);
  if (value.type != FieldType::kBytes) Bug(field, "is asked for by another type");
  return As<int64_t>(value, field);
}

Place Config::At(std::string_view field) const {
  const Value& value = Get(field);
  return value.given ? value.place : place_;
}

}  // namespace leat
