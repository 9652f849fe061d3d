// `format: cloudevents`: events of CloudEvents 1.0 with JSON data, structured (one JSON
// object) or binary (attributes in the headers ce_...), in any mixture. The data is read
// as `format: json` reads a record. Attributes are columns where they are declared by the
// names ce_id, ce_source, ce_type and so on. An event whose type ends in .deleted deletes
// the row that is its data; all others insert it.
// Source: the CloudEvents 1.0.2 specification, its JSON format and its Kafka binding.
#pragma once

#include "format/json/decoder.h"

namespace leat::cloudevents {

class CloudEventsDecoder final : public json::JsonDecoder {
 public:
  using JsonDecoder::JsonDecoder;

 protected:
  Status ReadValue(const Records& records, int64_t record,
                   std::vector<json::Member>* members, bool* gone) override;

 private:
  Status ReadBinary(const std::vector<Header>& headers, std::string_view value,
                    std::vector<json::Member>* members);
  Status ReadStructured(std::string_view value, std::vector<json::Member>* members);
  void AddAttribute(std::string_view name, const json::Value& value);
  Status ReadData(std::string_view type, std::string_view data,
                  std::vector<json::Member>* members);

  json::Reader event_reader_;
  json::Reader data_reader_;
  std::vector<json::Member> event_;
  std::vector<json::Member> attributes_;
  std::vector<std::string> names_;  // ce_... of the attributes
  std::string data_;                // out of base64
};

}  // namespace leat::cloudevents
