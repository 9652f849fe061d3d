#include "format/cloudevents/decoder.h"

#include <fmt/format.h>

#include "format/json/parse.h"

namespace leat::cloudevents {
namespace {

using json::Member;
using json::Value;
using Kind = Value::Kind;

constexpr std::string_view kPrefix = "ce_";

const Value* Find(const std::vector<Member>& members, std::string_view name) {
  for (const Member& member : members) {
    if (member.name == name && member.value.kind != Kind::kNull) return &member.value;
  }
  return nullptr;
}

std::string_view TextOf(const Value* value) {
  return value && value->kind == Kind::kString ? value->text : std::string_view();
}

Value Text(std::string_view text) {
  Value value;
  value.kind = Kind::kString;
  value.text = text;
  return value;
}

}  // namespace

Status CloudEventsDecoder::ReadValue(const Records& records, int64_t record,
                                     std::vector<Member>* members, bool* gone) {
  attributes_.clear();
  names_.clear();
  names_.reserve(64);  // what `attributes_` points to does not move
  ASSIGN_OR_RETURN(const auto headers, HeadersOf(records, record));
  const bool binary = std::ranges::any_of(
      headers, [](const Header& header) { return header.name == "ce_specversion"; });
  const std::string_view value = records.values->GetView(record);
  RETURN_IF_ERROR(binary ? ReadBinary(headers, value, members)
                         : ReadStructured(value, members));
  for (const std::string_view name :
       {"ce_id", "ce_source", "ce_specversion", "ce_type"}) {
    if (TextOf(Find(attributes_, name)).empty()) {
      return Status::Data(fmt::format("the value is no CloudEvent: it has no `{}`",
                                      name.substr(kPrefix.size())));
    }
  }
  if (const auto version = TextOf(Find(attributes_, "ce_specversion"));
      version != "1.0") {
    return Status::Data(fmt::format("CloudEvents {} is not known, 1.0 is", version));
  }
  *gone = TextOf(Find(attributes_, "ce_type")).ends_with(".deleted");
  if (options().format.columns.empty()) return Status::Ok();
  members->insert(members->end(), attributes_.begin(), attributes_.end());
  return Status::Ok();
}

void CloudEventsDecoder::AddAttribute(std::string_view name, const Value& value) {
  if (names_.size() == names_.capacity()) return;
  names_.push_back(std::string(kPrefix) + std::string(name));
  attributes_.push_back({names_.back(), value});
}

Status CloudEventsDecoder::ReadBinary(const std::vector<Header>& headers,
                                      std::string_view value,
                                      std::vector<Member>* members) {
  std::string_view type = "application/json";
  for (const Header& header : headers) {
    if (!header.value) continue;
    if (header.name.starts_with(kPrefix)) {
      AddAttribute(header.name.substr(kPrefix.size()), Text(*header.value));
    } else if (header.name == "content-type") {
      type = *header.value;
    }
  }
  return ReadData(type, value, members);
}

Status CloudEventsDecoder::ReadStructured(std::string_view value,
                                          std::vector<Member>* members) {
  RETURN_IF_ERROR(event_reader_.Read(value, &event_));
  std::string_view type = "application/json";
  std::string_view data;
  for (const Member& member : event_) {
    if (member.name == "data") {
      data = member.value.text;
      if (member.value.kind == Kind::kNested) continue;
      return Status::Data("the event's data is no JSON object");
    }
    if (member.name == "data_base64") {
      auto bytes = json::ParseBase64(TextOf(&member.value));
      if (!bytes) return Status::Data("the event's data_base64 is not base64");
      data_ = *std::move(bytes);
      data = data_;
      continue;
    }
    if (member.name == "datacontenttype") type = TextOf(&member.value);
    AddAttribute(member.name, member.value);
  }
  if (data.empty()) {
    members->clear();
    return Find(attributes_, "ce_specversion")
               ? Status::Data("the event has no data")
               : Status::Data("the value is no CloudEvent: it has no `specversion`");
  }
  return ReadData(type, data, members);
}

Status CloudEventsDecoder::ReadData(std::string_view type, std::string_view data,
                                    std::vector<Member>* members) {
  if (type.find("json") == type.npos) {
    return Status::Data(fmt::format("the event's data is {}, not JSON", type));
  }
  return data_reader_.Read(data, members);
}

}  // namespace leat::cloudevents
