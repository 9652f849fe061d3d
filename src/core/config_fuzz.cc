// Pipeline files from nowhere: whatever the bytes are, reading them ends, and every error
// has a place in the file.
#include <cstdio>
#include <cstdlib>

#include "core/config_reader.h"
#include "core/pipeline_file.h"

namespace leat {
namespace {

Registry FuzzRegistry() {
  Registry registry;
  std::vector<Field> fields = {
      Field::String("url", "Where.").Required().Secret(),
      Field::Strings("tables", "Which.").Default("[a]"), Field::Map("labels", "Free."),
      Field::String("read", "How.").OneOf({"cdc", "poll"}).Default("cdc"),
      Field::Object("poll", "Polling.",
                    {Field::Duration("every", "How often.").Between(1, 1'000'000'000),
                     Field::Int("limit", "Rows.").Between(1, 1000).Default("100"),
                     Field::Bool("ties", "Whether."), Field::Bytes("size", "Bytes.")})};
  SourceType source;
  source.spec = {"mysql", "Reads.", fields, ""};
  registry.Add(std::move(source));
  StepType step;
  step.spec = {"mask", "Hides.", fields, ""};
  registry.Add(std::move(step));
  SinkType sink;
  sink.spec = {"iceberg", "Writes.", fields, ""};
  registry.Add(std::move(sink));
  return registry;
}

}  // namespace
}  // namespace leat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const leat::Registry registry = leat::FuzzRegistry();
  static const leat::Spec spec = leat::PipelineSpec(registry);
  // No file of this machine is read because some bytes spell its name.
  static const leat::Environment environment{
      [](const std::string& name) {
        return name.size() > 3 ? std::nullopt : std::optional<std::string>("5s");
      },
      [](const std::string&) -> leat::Result<std::string> {
        return leat::Status::Config("no files here");
      }};
  leat::Diagnostics diagnostics;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto node = leat::ParseYaml(text, "f", &diagnostics)) {
    leat::ConfigReader("f", ".", environment, &diagnostics)
        .Read(*node, spec.fields, "this pipeline");
  }
  for (const leat::Diagnostic& d : diagnostics) {
    if (d.place.line < 1 || d.place.column < 1 || d.message.empty()) std::abort();
  }
  bool clean = diagnostics.empty();
  if (leat::ToStatus(std::move(diagnostics)).ok() != clean) std::abort();
  return 0;
}
