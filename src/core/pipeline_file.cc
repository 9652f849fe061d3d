#include "core/pipeline_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "core/config_reader.h"
#include "core/yaml.h"

namespace leat {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDay = 86'400'000'000;

Field CommitField() {
  return Field::Object(
      "commit", "When an epoch closes and is committed: at the first that is reached.",
      {Field::Duration("every", "After this time.").Between(1000, kDay).Default("1s"),
       Field::Int("rows", "After this many rows.")
           .Between(1, int64_t{1} << 40)
           .Default("50000"),
       Field::Bytes("bytes", "After staging this much.")
           .Between(1024, int64_t{1} << 40)
           .Default("64MiB")});
}

Field RetryField() {
  return Field::Object(
      "retry",
      "How a failure that may pass (a server that is away) is retried: after waits of "
      "random length under a bound that doubles each time.",
      {Field::Int("max",
                  "Fail after this many retries without progress; without it there is no "
                  "limit.")
           .Between(0, 1'000'000)
           .Example("5"),
       Field::Duration("first", "The bound of the first wait.")
           .Between(1000, kDay)
           .Default("500ms"),
       Field::Duration("longest", "The bound that it stops growing at.")
           .Between(1000, kDay)
           .Default("30s")});
}

Field BreakerField() {
  return Field::Object(
      "breaker",
      "When a source, or a sink, that keeps failing is left in peace: each has a breaker "
      "of its own. While one is open nothing is attempted.",
      {Field::Int("failures", "Open it after this many failures in a row.")
           .Between(1, 1'000'000)
           .Default("5"),
       Field::Duration("recovery", "How long it is open before the next attempt.")
           .Between(1000, kDay)
           .Default("60s"),
       Field::Int("probes",
                  "How many attempts may fail then before it opens again; one that "
                  "succeeds closes it.")
           .Between(1, 1000)
           .Default("3")});
}

Field RestartField() {
  return Field::Object(
      "restart",
      "How leat start restarts a pipeline that ended with an error, or that stands "
      "still.",
      {Field::Int("max",
                  "Call it failed after this many restarts without a healthy run in "
                  "between.")
           .Between(0, 1'000'000)
           .Default("10"),
       Field::Duration("check_every",
                       "How often it is looked at; one that ended is seen at once.")
           .Between(1000, kDay)
           .Default("30s"),
       Field::Duration("stalled",
                       "Restart it when it has committed nothing for this long, beyond "
                       "commit.every, while there was something to commit.")
           .Between(1000, 365 * kDay)
           .Default("5m"),
       Field::Duration("healthy",
                       "After running this long without a failure the count of restarts "
                       "begins anew.")
           .Between(1000, 365 * kDay)
           .Default("10m"),
       Field::Duration(
           "first",
           "The bound of the first wait before a restart; waits are of random "
           "length under a bound that doubles each time.")
           .Between(1000, kDay)
           .Default("1s"),
       Field::Duration("longest", "The bound that it stops growing at.")
           .Between(1000, kDay)
           .Default("5m")});
}

Field DeadLettersField() {
  return Field::Object(
      "dead_letters", "What becomes of rows that the sink cannot take.",
      {Field::Int("max",
                  "Stop the pipeline when more than this many are kept; without it "
                  "there is no limit.")
           .Between(0, int64_t{1} << 40)
           .Example("1000")});
}

template <typename Type>
std::vector<Field> PartFields(const std::vector<Type>& types) {
  std::vector<Field> fields;
  for (const Type& type : types) {
    fields.push_back(Field::Object(type.spec.name, type.spec.summary, type.spec.fields));
    fields.back().example = type.spec.example;
    fields.back().shorthand = type.spec.shorthand;
  }
  return fields;
}

std::string ReadFile(const fs::path& path, Diagnostics* diagnostics) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in || fs::is_directory(path)) {
    diagnostics->push_back(
        {{path.string()}, fmt::format("cannot be read: {}", strerror(errno)), ""});
  }
  return text.str();
}

// Each field as the pipeline's own file has it, else as leat.yaml, else by default.
class Chosen {
 public:
  Chosen(const Config& own, const Config& shared, std::string_view object)
      : own_(own.Object(object)), shared_(shared.Object(object)) {}

  Micros Duration(std::string_view field) const { return Of(field).Duration(field); }
  Millis Wait(std::string_view field) const {
    return std::chrono::duration_cast<Millis>(Duration(field));
  }
  int64_t Bytes(std::string_view field) const { return Of(field).Bytes(field); }
  int64_t Int(std::string_view field) const { return Of(field).Int(field); }
  // -1: there is no limit.
  int64_t Limit(std::string_view field) const {
    return Of(field).Has(field) ? Int(field) : -1;
  }

 private:
  const Config& Of(std::string_view field) const {
    return own_.Has(field) ? own_ : shared_;
  }

  const Config& own_;
  const Config& shared_;
};

Policies PoliciesOf(const Config& own, const Config& shared) {
  const Chosen commit(own, shared, "commit");
  const Chosen retry(own, shared, "retry");
  const Chosen breaker(own, shared, "breaker");
  const Chosen restart(own, shared, "restart");
  return {.commit = {commit.Duration("every"), commit.Int("rows"), commit.Bytes("bytes")},
          .retry = {retry.Limit("max"), retry.Wait("first"), retry.Wait("longest")},
          .breaker = {breaker.Int("failures"), breaker.Wait("recovery"),
                      breaker.Int("probes")},
          .restart = {restart.Int("max"), restart.Wait("check_every"),
                      restart.Wait("stalled"), restart.Wait("healthy"),
                      restart.Wait("first"), restart.Wait("longest")},
          .max_dead_letters = Chosen(own, shared, "dead_letters").Limit("max")};
}

// One project while it is read: paths may lie in several folders.
class Loader {
 public:
  Loader(const Registry& registry, const Environment& environment,
         Diagnostics* diagnostics)
      : registry_(registry),
        environment_(environment),
        diagnostics_(diagnostics),
        pipeline_spec_(PipelineSpec(registry)),
        project_spec_(ProjectSpec(registry)) {}

  void AddPath(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) return AddFolder(path);
    if (path.filename() == "leat.yaml") {
      return AddFolder(path.has_parent_path() ? path.parent_path() : fs::path("."));
    }
    if (!fs::exists(path, error)) {
      diagnostics_->push_back(
          {{path.string()},
           "there is no such file or folder",
           "name a pipeline file, or a folder with pipelines/*.yaml"});
      return;
    }
    OpenProject(ProjectFolder(path));
    AddFile(path);
  }

  // Where leat.yaml is: the file's folder or the one above; else whichever of the two
  // holds the pipelines folder.
  static fs::path ProjectFolder(const fs::path& file) {
    std::error_code error;
    fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    fs::path above = folder == "." ? fs::path("..") : (folder / "..").lexically_normal();
    if (above.empty()) above = ".";
    if (fs::exists(folder / "leat.yaml", error)) return folder;
    if (fs::exists(above / "leat.yaml", error)) return above;
    return fs::absolute(folder).lexically_normal().filename() == "pipelines" ? above
                                                                             : folder;
  }

  void OpenProject(const fs::path& folder) {
    fs::path whole = fs::absolute(folder).lexically_normal();
    if (!project_.folder.empty()) {
      if (whole != opened_) {
        diagnostics_->push_back(
            {{folder.string()},
             fmt::format("is another project than {}", project_.folder.string()),
             "give each project a process of its own"});
      }
      return;
    }
    opened_ = whole;
    project_.folder = folder;
    shared_ = ReadShared(folder);
    fs::path data = shared_.String("data");
    project_.settings.data =
        data.is_absolute() ? data : (folder / data).lexically_normal();
    auto broker = Broker::Parse(shared_.String("broker"));
    if (broker.ok()) {
      project_.settings.broker = *std::move(broker);
    } else {
      diagnostics_->push_back({shared_.At("broker"), broker.status().message(), ""});
    }
    for (const auto& [name, topic] : shared_.Objects("topics")) {
      project_.settings.topics[name] = TopicSettingsOf(topic);
    }
    project_.api = Api(shared_.Object("api"));
    if (shared_.Has("notify")) AddAlerts(folder / "leat.yaml", shared_.Object("notify"));
  }

  Project Take() { return std::move(project_); }

 private:
  Config ReadShared(const fs::path& folder) {
    fs::path path = folder / "leat.yaml";
    YamlNode node;
    std::error_code error;
    if (fs::exists(path, error)) {
      std::string text = ReadFile(path, diagnostics_);
      if (auto parsed = ParseYaml(text, path.string(), diagnostics_)) node = *parsed;
    }
    return ConfigReader(path.string(), folder.string(), environment_, diagnostics_)
        .Read(node, project_spec_.fields, "leat.yaml");
  }

  ApiSettings Api(const Config& config) {
    auto api = ApiSettings::Parse(config.String("listen"));
    if (!api.ok()) {
      diagnostics_->push_back({config.At("listen"), api.status().message(), ""});
      return {};
    }
    api->viewer_token = config.String("viewer_token");
    api->operator_token = config.String("operator_token");
    if (!api->address.empty() && !IsLoopback(api->address) &&
        api->operator_token.empty()) {
      diagnostics_->push_back(
          {config.At("listen"),
           fmt::format("other machines reach the API on {}", api->address),
           "give it an operator_token, or let it listen on 127.0.0.1"});
    }
    return *std::move(api);
  }

  // The pipeline that tells what happens to the others.
  void AddAlerts(const fs::path& path, const Config& config) {
    project_.alerts = ReadAlertSettings(config, diagnostics_);
    PipelineFile out;
    out.file = path.string();
    out.internal = true;
    out.name = kAlertsName;
    CheckName(out.name, config.place());
    const auto topic = ParseYaml(
        fmt::format("name: {}\nformat: json\ncolumns: {}", kAlertsName, AlertColumns()),
        path.string(), diagnostics_);
    out.from = {
        "topic",
        ConfigReader(path.string(), project_.folder.string(), environment_, diagnostics_)
            .Read(*topic, registry_.FindSource("topic")->spec.fields, "source topic")};
    out.to = {"notify", config};
    Validate(registry_.FindSink("notify"), out.to);
    const Config& defaults = shared_.Object("defaults");
    out.policies = PoliciesOf(defaults, defaults);
    project_.pipelines.push_back(std::move(out));
  }

  void AddFolder(const fs::path& folder) {
    OpenProject(folder);
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder / "pipelines", error)) {
      std::string extension = entry.path().extension();
      if (extension == ".yaml" || extension == ".yml") files.push_back(entry.path());
    }
    if (files.empty()) {
      diagnostics_->push_back(
          {{folder.string()},
           "there are no pipelines in this folder",
           "put one a file into " + (folder / "pipelines").string() + "/NAME.yaml"});
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) AddFile(file);
  }

  void AddFile(const fs::path& path) {
    fs::path whole = fs::absolute(path).lexically_normal();
    if (std::find(seen_.begin(), seen_.end(), whole) != seen_.end()) return;
    seen_.push_back(whole);
    size_t before = diagnostics_->size();
    std::string text = ReadFile(path, diagnostics_);
    if (diagnostics_->size() > before) return;
    auto node = ParseYaml(text, path.string(), diagnostics_);
    if (!node) return;
    Config config =
        ConfigReader(path.string(), project_.folder.string(), environment_, diagnostics_)
            .Read(*node, pipeline_spec_.fields, "this pipeline");
    project_.pipelines.push_back(Pipeline(path, config));
  }

  PipelineFile Pipeline(const fs::path& path, const Config& config) {
    PipelineFile out;
    out.file = path.string();
    out.name = config.Has("name") ? config.String("name") : path.stem().string();
    CheckName(out.name, config.At("name"));
    out.from = Part(config, "from");
    Validate(registry_.FindSource(out.from.name), out.from);
    for (const Config& step : config.Parts("steps")) {
      out.steps.push_back(Part(step, "part"));
      Validate(registry_.FindStep(out.steps.back().name), out.steps.back());
    }
    out.to = Part(config, "to");
    Validate(registry_.FindSink(out.to.name), out.to);
    out.policies = PoliciesOf(config, shared_.Object("defaults"));
    return out;
  }

  static PartUse Part(const Config& config, std::string_view field) {
    return {config.PartName(field), config.Part(field)};
  }

  template <typename Type>
  void Validate(const Type* type, const PartUse& use) {
    if (type && type->validate && use.config.clean()) {
      type->validate(use.config, diagnostics_);
    }
  }

  // It names folders, tokens and metrics.
  void CheckName(const std::string& name, const Place& place) {
    auto fine = [](unsigned char c) {
      return c < 0x80 && (std::isalnum(c) || c == '_' || c == '-' || c == '.');
    };
    if (name.empty() || name.size() > 100 || name[0] == '.' || name[0] == '-' ||
        !std::all_of(name.begin(), name.end(), fine)) {
      diagnostics_->push_back({place, fmt::format("\"{}\" cannot name a pipeline", name),
                               "use up to 100 letters, digits, _ - and ."});
      return;
    }
    auto [first, fresh] = names_.try_emplace(name, place);
    if (!fresh) {
      diagnostics_->push_back({place,
                               fmt::format("the pipeline of {} has the name \"{}\" too",
                                           first->second.file, name),
                               "give one another name"});
    }
  }

  const Registry& registry_;
  const Environment& environment_;
  Diagnostics* diagnostics_;
  const Spec pipeline_spec_;
  const Spec project_spec_;
  Project project_;
  fs::path opened_;
  Config shared_;
  std::vector<fs::path> seen_;
  std::map<std::string, Place> names_;
};

}  // namespace

std::vector<Field> TopicFields() {
  return {
      Field::Int("partitions", "How many partitions it has.")
          .Between(1, 10'000)
          .Default("1"),
      Field::Duration("retention", "How long records are kept; without it, for ever.")
          .Between(1'000'000, 36'500 * kDay)
          .Example("7d"),
      Field::Bytes("retention_bytes",
                   "How much of a partition is kept; without it there is no limit.")
          .Between(1, int64_t{1} << 50)
          .Example("10GiB"),
      Field::Bool("compact", "Keep the newest record of each key, for ever.")
          .Default("false"),
      Field::Int("replication",
                 "On how many brokers of a Kafka cluster; as many as the cluster says "
                 "unless given.")
          .Between(1, 100),
      Field::Map("config", "Other settings of a topic on a Kafka cluster.")
          .Example("{min.insync.replicas: 2}")};
}

TopicSettings TopicSettingsOf(const Config& config) {
  return {.partitions = static_cast<int>(config.Int("partitions")),
          .retention = config.Duration("retention"),
          .retention_bytes = config.Bytes("retention_bytes"),
          .compact = config.Bool("compact"),
          .replication = static_cast<int>(config.Int("replication")),
          .config = config.Map("config")};
}

Spec PipelineSpec(const Registry& registry) {
  Spec spec;
  spec.name = "pipeline";
  spec.summary = "A pipeline file: one source, any number of steps, one sink.";
  spec.fields = {
      Field::String("name",
                    "Its name in the sink's tokens, logs and commands; the file's "
                    "name unless given.")
          .Example("orders"),
      Field::Part("from", "Where rows come from.", "source",
                  PartFields(registry.sources()))
          .Required()
          .Example("{mysql: {...}}"),
      Field::Parts("steps", "What is done to them on the way, in this order.", "step",
                   PartFields(registry.steps())),
      Field::Part("to", "Where they go.", "sink", PartFields(registry.sinks()))
          .Required()
          .Example("{iceberg: {...}}"),
      CommitField(),
      RetryField(),
      BreakerField(),
      RestartField(),
      DeadLettersField()};
  return spec;
}

namespace {

Field ApiField() {
  Field api = Field::Object(
      "api",
      "The HTTP API of a daemon: health, metrics, what leat status and its like do.",
      {Field::String(
           "listen",
           "The address and port it listens on; off: there is none. Anything but "
           "loopback needs an operator_token, and TLS in front of it.")
           .Default("127.0.0.1:8083"),
       Field::String("viewer_token",
                     "What a client that only looks has to send as Authorization: Bearer "
                     "TOKEN.")
           .Secret()
           .Example("${LEAT_VIEWER_TOKEN}"),
       Field::String(
           "operator_token",
           "The same for one that changes things, too. Without any token whoever "
           "reaches a loopback address may do both.")
           .Secret()
           .Example("${LEAT_OPERATOR_TOKEN}")});
  api.shorthand = "listen";
  return api;
}

}  // namespace

Spec ProjectSpec(const Registry& registry) {
  Spec spec;
  spec.name = "leat.yaml";
  spec.summary = "What the pipelines of a project share.";
  spec.fields = {
      Field::String("data",
                    "The folder for checkpoints, state and caches; relative to "
                    "this file.")
          .Default("./data"),
      Field::String("broker",
                    "Where topics are: embedded, or "
                    "kafka://host:port,host:port?option=value with the options of "
                    "Kafka's clients.")
          .Default("embedded")
          .Example("kafka://127.0.0.1:9092"),
      Field::Objects("topics", "Topics, created at start where they are missing.",
                     TopicFields())
          .Example("{orders: {partitions: 10}}"),
      ApiField(),
      Field::Object("notify",
                    "Where messages about the project's own pipelines go: what the sink "
                    "notify takes, and what is told.",
                    AlertFields(registry))
          .Example("{slack: \"${SLACK_WEBHOOK}\"}"),
      Field::Object("defaults", "For pipelines that do not say otherwise.",
                    {CommitField(), RetryField(), BreakerField(), RestartField(),
                     DeadLettersField()})};
  spec.example =
      "data: ./data\nbroker: embedded\ntopics:\n  orders: {partitions: 10}\n"
      "defaults:\n  commit: {every: 1s}\n";
  return spec;
}

Project LoadProject(const std::vector<std::string>& paths, const Registry& registry,
                    const Environment& environment, Diagnostics* diagnostics) {
  Loader loader(registry, environment, diagnostics);
  for (const std::string& path : paths) loader.AddPath(path);
  SortByPlace(diagnostics);
  return loader.Take();
}

Result<ProjectSettings> LoadSettings(const std::string& path, const Registry& registry,
                                     const Environment& environment) {
  Diagnostics diagnostics;
  Loader loader(registry, environment, &diagnostics);
  std::error_code error;
  loader.OpenProject(fs::is_directory(path, error) ? fs::path(path)
                                                   : Loader::ProjectFolder(path));
  if (!diagnostics.empty()) return ToStatus(std::move(diagnostics));
  return loader.Take().settings;
}

}  // namespace leat
