#include "format/codec.h"

#include "format/avro/decoder.h"
#include "format/avro/encoder.h"
#include "format/cloudevents/decoder.h"
#include "format/cloudevents/encoder.h"
#include "format/csv/decoder.h"
#include "format/csv/encoder.h"
#include "format/debezium/decoder.h"
#include "format/debezium/encoder.h"
#include "format/json/decoder.h"
#include "format/json/encoder.h"
#include "format/raw.h"

namespace leat {
namespace {

Status NeedRegistry(const FormatOptions& format) {
  if (format.registry.url.empty()) {
    return Status::Config(
        "`format: avro` keeps its schemas in a registry: name it as registry: {url: "
        "...}");
  }
  // Errors show the address.
  if (format.registry.url.find('@') == std::string::npos) return Status::Ok();
  return Status::Config(
      "registry.url has a user in it: write registry.user and registry.password instead");
}

}  // namespace

Result<std::unique_ptr<Decoder>> MakeDecoder(DecoderOptions options) {
  const std::string name = options.format.name;
  if (name == "json") {
    return std::unique_ptr<Decoder>(
        std::make_unique<json::JsonDecoder>(std::move(options)));
  }
  if (name == "debezium") {
    return std::unique_ptr<Decoder>(
        std::make_unique<debezium::DebeziumDecoder>(std::move(options)));
  }
  if (name == "avro") {
    RETURN_IF_ERROR(NeedRegistry(options.format));
    return std::unique_ptr<Decoder>(
        std::make_unique<avro::AvroDecoder>(std::move(options)));
  }
  if (name == "csv") {
    return std::unique_ptr<Decoder>(
        std::make_unique<csv::CsvDecoder>(std::move(options)));
  }
  if (name == "cloudevents") {
    return std::unique_ptr<Decoder>(
        std::make_unique<cloudevents::CloudEventsDecoder>(std::move(options)));
  }
  if (name == "raw") {
    return std::unique_ptr<Decoder>(std::make_unique<RawDecoder>(std::move(options)));
  }
  return Status::Config("records cannot be read as `format: " + name + "`");
}

Result<std::unique_ptr<Encoder>> MakeEncoder(EncoderOptions options) {
  const std::string name = options.format.name;
  if (!options.clock) options.clock = &Clock::System();
  if (name == "json") {
    return std::unique_ptr<Encoder>(
        std::make_unique<json::JsonEncoder>(std::move(options)));
  }
  if (name == "debezium") {
    return std::unique_ptr<Encoder>(
        std::make_unique<debezium::DebeziumEncoder>(std::move(options)));
  }
  if (name == "avro") {
    RETURN_IF_ERROR(NeedRegistry(options.format));
    return std::unique_ptr<Encoder>(
        std::make_unique<avro::AvroRowEncoder>(std::move(options)));
  }
  if (name == "csv") {
    return std::unique_ptr<Encoder>(
        std::make_unique<csv::CsvEncoder>(std::move(options)));
  }
  if (name == "cloudevents") {
    return std::unique_ptr<Encoder>(
        std::make_unique<cloudevents::CloudEventsEncoder>(std::move(options)));
  }
  if (name == "raw") {
    return std::unique_ptr<Encoder>(std::make_unique<RawEncoder>(std::move(options)));
  }
  return Status::Config("records cannot be written as `format: " + name + "`");
}

}  // namespace leat
