#include "core/pipeline_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/describe.h"
#include "core/json_schema.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

Registry TestRegistry() {
  Registry registry;
  SourceType in;
  in.spec = {"in",
             "Reads.",
             {Field::String("url", "Where.").Required().Secret(),
              Field::Strings("tables", "Which."), Field::Strings("except", "Which not.")},
             "in:\n  url: x\n"};
  in.validate = [](const Config& config, Diagnostics* diagnostics) {
    if (!config.Has("tables") || !config.Has("except")) return;
    diagnostics->push_back({config.At("except"),
                            "\"tables\" and \"except\" exclude each other", "keep one"});
  };
  registry.Add(std::move(in));
  StepType mask;
  mask.spec = {"mask", "Hides.", {Field::String("column", "Which.").Required()}, ""};
  registry.Add(std::move(mask));
  SinkType out;
  out.spec = {"out", "Writes.", {Field::String("path", "Where.").Default("./lake")}, ""};
  registry.Add(std::move(out));
  return registry;
}

class ProjectTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "pipelines");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
  }
  Project Load(const std::vector<std::string>& paths) {
    diagnostics_.clear();
    return LoadProject(paths, registry_, Environment::Process(), &diagnostics_);
  }
  // What is wrong, without the folder's path.
  std::string Errors() {
    std::string all;
    for (const Diagnostic& d : diagnostics_) all += d.ToString() + "\n";
    std::string prefix = folder_.string() + "/";
    for (size_t at; (at = all.find(prefix)) != std::string::npos;) {
      all.erase(at, prefix.size());
    }
    return all;
  }

  Registry registry_ = TestRegistry();
  fs::path folder_;
  Diagnostics diagnostics_;
};

TEST_F(ProjectTest, ReadsAFolder) {
  Write("leat.yaml",
        "data: ./state\n"
        "defaults:\n  commit: {every: 5s}\n  dead_letters: {max: 9}\n"
        "  restart: {max: 2, check_every: 1s}\n  breaker: {failures: 7}\n");
  Write("pipelines/b.yaml",
        "from: {in: {url: u}}\nsteps: [mask: {column: c}]\nto: out\ncommit: {rows: 10}\n"
        "restart: {max: 3, stalled: 1h}\nbreaker: {probes: 1}");
  Write("pipelines/a.yaml",
        "name: first\nfrom: {in: {url: u, tables: t}}\nto: {out: {path: ./x}}\n"
        "dead_letters: {max: 0}\n");
  Project project = Load({folder_.string()});
  EXPECT_EQ(Errors(), "");
  EXPECT_EQ(project.settings.data, folder_ / "state");
  ASSERT_EQ(project.pipelines.size(), 2U);
  const PipelineFile& a = project.pipelines[0];
  EXPECT_EQ(a.name, "first");
  EXPECT_EQ(a.from.name, "in");
  EXPECT_THAT(a.from.config.Strings("tables"), ElementsAre("t"));
  EXPECT_EQ(a.to.config.String("path"), "./x");
  EXPECT_EQ(a.to.config.folder(), folder_.string());
  EXPECT_EQ(a.policies.max_dead_letters, 0);
  const PipelineFile& b = project.pipelines[1];
  EXPECT_EQ(b.name, "b");
  ASSERT_EQ(b.steps.size(), 1U);
  EXPECT_EQ(b.steps[0].config.String("column"), "c");
  EXPECT_EQ(b.policies.commit.every, Millis(5000));
  EXPECT_EQ(b.policies.commit.rows, 10);
  EXPECT_EQ(b.policies.commit.bytes, 64 << 20);
  EXPECT_EQ(b.policies.max_dead_letters, 9);
  EXPECT_EQ(b.policies.breaker, (BreakerPolicy{7, Millis(60'000), 1}));
  EXPECT_EQ(b.policies.restart.max, 3);
  EXPECT_EQ(b.policies.restart.check_every, Millis(1000));
  EXPECT_EQ(b.policies.restart.stalled, std::chrono::hours(1));
  EXPECT_EQ(a.policies.restart.max, 2);
  EXPECT_EQ(a.policies.breaker.failures, 7);
}

TEST_F(ProjectTest, TakesLeatYamlFromTheFilesFolderOrItsParent) {
  Write("leat.yaml", "data: /elsewhere/data");
  Write("pipelines/a.yaml", "from: {in: {url: u}}\nto: out");
  Write("b.yaml", "from: {in: {url: u}}\nto: out");
  EXPECT_EQ(Load({folder_ / "pipelines/a.yaml"}).settings.data, "/elsewhere/data");
  EXPECT_EQ(Load({folder_ / "b.yaml"}).settings.data, "/elsewhere/data");
  fs::remove(folder_ / "leat.yaml");
  EXPECT_EQ(Load({folder_ / "pipelines/a.yaml"}).settings.data, folder_ / "data");
  EXPECT_EQ(Load({folder_ / "b.yaml"}).settings.data, folder_ / "data");
  EXPECT_EQ(Errors(), "");
  auto settings = LoadSettings(folder_, registry_, Environment::Process());
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->data, folder_ / "data");
}

TEST_F(ProjectTest, KnowsBrokerAndTopics) {
  Write("pipelines/a.yaml", "from: {in: {url: u}}\nto: out");
  EXPECT_TRUE(Load({folder_}).settings.broker.embedded());
  Write("leat.yaml",
        "broker: kafka://b:9\n"
        "topics:\n  orders: {partitions: 10, retention: 7d}\n  seen: {compact: true}\n"
        "  plain:\n");
  const ProjectSettings settings = Load({folder_}).settings;
  EXPECT_EQ(Errors(), "");
  EXPECT_THAT(settings.broker.servers, ElementsAre("b:9"));
  ASSERT_EQ(settings.topics.size(), 3u);
  const TopicSettings& orders = settings.topics.at("orders");
  EXPECT_EQ(orders.partitions, 10);
  EXPECT_EQ(orders.retention, std::chrono::hours(7 * 24));
  EXPECT_FALSE(orders.compact);
  EXPECT_TRUE(settings.topics.at("seen").compact);
  EXPECT_EQ(settings.topics.at("plain"), TopicSettings());
}

TEST_F(ProjectTest, KnowsWhereTheApiListens) {
  Write("pipelines/a.yaml", "from: {in: {url: u}}\nto: out");
  EXPECT_EQ(Load({folder_}).api.port, 8083);
  EXPECT_TRUE(IsLoopback(Load({folder_}).api.address));
  Write("leat.yaml", "api: off");
  EXPECT_EQ(Load({folder_}).api.address, "");
  Write("leat.yaml", "api: '[::1]:80'");
  EXPECT_EQ(Load({folder_}).api.address, "::1");
  Write("leat.yaml", "api: {listen: '[::]:9', viewer_token: v, operator_token: o}");
  const ApiSettings api = Load({folder_}).api;
  EXPECT_EQ(api.operator_token, "o");
  EXPECT_FALSE(IsLoopback(api.address));
  EXPECT_EQ(Errors(), "");
  Write("leat.yaml", "api: {listen: '[::]:9', viewer_token: v}");
  Load({folder_});
  EXPECT_THAT(Errors(), HasSubstr("leat.yaml:1:15: other machines reach the API"));
  Write("leat.yaml", "api: 8083");
  Load({folder_});
  EXPECT_THAT(Errors(), HasSubstr("leat.yaml:1:6: \"8083\" is no address"));
}

TEST_F(ProjectTest, TellsAllThatIsWrongInAllFiles) {
  Write("leat.yaml",
        "data_: x\nbroker: nats\ndefaults: {commit: {every: 10}}\n"
        "topics: {orders: {partition: 3}}\n");
  Write("pipelines/a.yaml", "from: {inn: {url: u}}\nto: {out: {pth: x}}\n");
  Write("pipelines/b.yaml",
        "name: a b\nfrom: {in: {url: u, tables: t, except: e}}\nto: out\n");
  Write("pipelines/c.yaml", "from: {in: {tables: t}}\nsteps: [{mask: {}, hash: {}}]\n");
  Write("pipelines/d.yaml", "from: {in: {url: u}, out: {}}\nto: [out, out]\n");
  Write("pipelines/e.yaml", "a: [\n");
  Load({folder_.string()});
  EXPECT_EQ(Errors(),
            R"(leat.yaml:1:1: leat.yaml has no field "data_"; did you mean "data"?
leat.yaml:2:9: the broker is "embedded" or kafka://host:port,host:port?option=value
leat.yaml:3:28: "every" has to be a duration, not "10"; add a unit, such as 10s
leat.yaml:4:19: "orders" in "topics" has no field "partition"; did you mean "partitions"?
pipelines/a.yaml:1:8: there is no source "inn"; did you mean "in"?
pipelines/a.yaml:2:12: sink out has no field "pth"; did you mean "path"?
pipelines/b.yaml:1:7: "a b" cannot name a pipeline; use up to 100 letters, digits, _ - and .
pipelines/b.yaml:2:40: "tables" and "except" exclude each other; keep one
pipelines/c.yaml:1:1: this pipeline needs "to"; such as to: {iceberg: {...}}
pipelines/c.yaml:1:12: source in needs "url"; Where.
pipelines/c.yaml:2:16: step mask needs "column"; Which.
pipelines/c.yaml:2:20: there is no step "hash"; a step is one of: mask
pipelines/d.yaml:1:22: there is no source "out"; a source is one of: in
pipelines/d.yaml:2:5: "to" has to name one sink, not a list; put each into a pipeline file of its own
pipelines/e.yaml:2:1: not valid YAML: end of sequence flow not found
)");
}

TEST_F(ProjectTest, SaysWhatIsWrongWithPaths) {
  Write("pipelines/a.yaml", "name: x\nfrom: {in: {url: u}}\nto: out");
  Write("pipelines/b.yaml", "name: x\nfrom: {in: {url: u}}\nto: out");
  fs::create_directories(folder_ / "empty");
  Load({folder_.string(), folder_ / "none.yaml", folder_ / "empty"});
  EXPECT_THAT(Errors(), HasSubstr("none.yaml: there is no such file or folder; name a "
                                  "pipeline file, or a folder with pipelines/*.yaml\n"));
  EXPECT_THAT(Errors(),
              HasSubstr("empty: there are no pipelines in this folder; put one a "
                        "file into empty/pipelines/NAME.yaml\n"));
  EXPECT_THAT(Errors(), HasSubstr("empty: is another project than "));
  EXPECT_THAT(Errors(),
              HasSubstr("pipelines/b.yaml:1:7: the pipeline of pipelines/a.yaml has the "
                        "name \"x\" too; give one another name\n"));
}

TEST_F(ProjectTest, DescribesItselfInEveryForm) {
  Spec spec = PipelineSpec(registry_);
  std::string text = DescribeText(spec, "");
  EXPECT_THAT(text, HasSubstr("  commit.every  duration; 1ms to 1d; default: 1s\n"));
  EXPECT_THAT(text, HasSubstr("  from  one source; required\n"));
  EXPECT_THAT(DescribeMarkdown(spec, ""),
              HasSubstr("| `commit.bytes` | size | 1KiB to 1TiB; default: 64MiB | After "
                        "staging this much. |\n"));
  EXPECT_THAT(DescribeJson(registry_.sources()[0].spec, "source"),
              HasSubstr("\"secret\": true"));
  std::string schema = JsonSchema(spec);
  EXPECT_THAT(schema, HasSubstr("\"additionalProperties\": false"));
  EXPECT_THAT(schema, HasSubstr("\"maxProperties\": 1"));
}

}  // namespace
}  // namespace leat
