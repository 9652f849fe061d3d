#include "connectors/topic/http/source.h"

#include <fmt/format.h>

#include "store/store.h"

namespace leat::topic::http {
std::vector<Field> SourceFields() {
  std::vector<Field> fields = {
      Field::Int("port", "The TCP port it listens on.")
          .Between(1, 65535)
          .Required()
          .Example("7001"),
      Field::String("path", "The path that records are POSTed to.")
          .Default("/")
          .Example("/api/orders"),
      Field::String(
          "address",
          "The address it listens on. Anything but loopback lets other machines "
          "send records: set a token, and encrypt in front of it.")
          .Default("127.0.0.1"),
      Field::String("token",
                    "What a client has to send as Authorization: Bearer TOKEN. Empty: "
                    "nothing.")
          .Secret()
          .Example("${ORDERS_TOKEN}"),
      Field::Bytes("max_body", "The longest body it takes.")
          .Between(1, int64_t{1} << 30)
          .Default("1MiB"),
      Field::String(
          "topic",
          "The embedded topic that keeps records from the answer until they are "
          "read. Default: the pipeline's name.")
          .Example("raw_orders"),
      Field::Duration("retention", "How long records stay in that topic once read.")
          .Default("1d")};
  for (Field& field : DecoderFields()) fields.push_back(std::move(field));
  return fields;
}

void ValidateSource(const Config& config, Diagnostics* diagnostics) {
  const std::string& path = config.String("path");
  if (!path.starts_with('/') || path.find_first_of("?# ") != std::string::npos) {
    diagnostics->push_back({config.At("path"),
                            fmt::format("\"path\" cannot be \"{}\"", path),
                            "write a path such as /api/orders"});
  }
  if (config.Has("topic") && !IsTopicName(config.String("topic"))) {
    diagnostics->push_back(
        {config.At("topic"),
         fmt::format("\"{}\" cannot name a topic", config.String("topic")),
         "use up to 249 letters, digits, . _ and -"});
  }
}

Result<std::unique_ptr<Source>> HttpSource::Make(const Config& config,
                                                 const Context& context) {
  SourceOptions inbox;
  const std::string topic =
      config.Has("topic") ? config.String("topic") : context.pipeline;
  if (!IsTopicName(topic)) {
    return Status::Config("the pipeline's name " + topic +
                          " cannot name a topic; give the source http a `topic`");
  }
  inbox.topics.names = {topic};
  ASSIGN_OR_RETURN(inbox.format, ReadDecoderOptions(config));
  TopicSettings settings;
  settings.retention = config.Duration("retention");
  ServerOptions server;
  server.address = config.String("address");
  server.port = static_cast<int>(config.Int("port"));
  server.path = config.String("path");
  server.max_body = config.Bytes("max_body");
  server.token = config.String("token");
  server.json = inbox.format.name == "json";
  server.topic = topic;
  return std::unique_ptr<Source>(
      new HttpSource(std::move(inbox), std::move(settings), std::move(server), context));
}

HttpSource::HttpSource(SourceOptions inbox, TopicSettings settings, ServerOptions server,
                       const Context& context)
    : topic_(server.topic),
      settings_(std::move(settings)),
      log_(context.store->topics()),
      inbox_(std::move(inbox), context),
      server_(std::move(server), context.clock, context.log,
              [this](Records records) -> Result<int64_t> {
                return log_.Append({topic_, 0}, std::move(records));
              }) {}

Status HttpSource::Open(const Needs& needs) {
  RETURN_IF_ERROR(inbox_.Open(needs));
  RETURN_IF_ERROR(log_.CreateMissing(topic_, settings_));
  return server_.Start();
}

}  // namespace leat::topic::http
