#include "connectors/stdout/register.h"

#include <unistd.h>

#include "connectors/stdout/sink.h"
#include "core/registry.h"
#include "format/codec.h"

namespace leat {

void RegisterStdout(Registry* registry) {
  SinkType type;
  type.spec.name = "stdout";
  type.spec.summary = "Prints each row as a line of JSON.";
  type.spec.fields = {
      Field::Bool("events", "Print schema changes, truncations, drops and renames too.")
          .Default("true"),
      Field::String("topic",
                    "Print the records that a topic of this name would get, in `format`, "
                    "instead of rows.")
          .Example("topic: shop.{database}.{table}")};
  for (Field& field : EncoderFields()) type.spec.fields.push_back(std::move(field));
  type.spec.example = "stdout: {}\n";
  type.make = [](const Config& config,
                 const Context& context) -> Result<std::unique_ptr<Sink>> {
    std::unique_ptr<Encoder> encoder;
    if (config.Has("topic")) {
      EncoderOptions options;
      options.format = ReadEncoderOptions(config);
      options.topic = config.String("topic");
      options.clock = &context.clock;
      ASSIGN_OR_RETURN(encoder, MakeEncoder(std::move(options)));
    }
    return std::unique_ptr<Sink>(std::make_unique<standard_output::StdoutSink>(
        STDOUT_FILENO, config.Bool("events"), std::move(encoder)));
  };
  registry->Add(std::move(type));
}

}  // namespace leat
