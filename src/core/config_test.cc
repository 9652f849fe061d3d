#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/redact.h"
#include "core/config_reader.h"

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

Spec TestSpec() {
  std::vector<Field> parts = {
      Field::Object(
          "mysql", "MySQL.",
          {Field::String("url", "Where.").Required().Example("mysql://host/db")}),
      Field::Object("files", "Files.",
                    {Field::String("path", "Where.").Default("./in")})};
  return {
      "this file",
      "For tests.",
      {Field::String("name", "Its name."),
       Field::String("mode", "How.").OneOf({"append", "upsert"}).Default("upsert"),
       Field::Int("rows", "How many.").Between(1, 1000).Default("100"),
       Field::Bool("force", "Whether."),
       Field::Duration("every", "How often.").Between(1000, 3600'000'000).Default("1s"),
       Field::Bytes("bytes", "How large.").Default("64MiB"),
       Field::Strings("tables", "Which.").Default("[a, b]"),
       Field::Map("labels", "Free."), Field::String("password", "Of the user.").Secret(),
       Field::Object("commit", "When.", {Field::Int("size", "Size.").Between(1, 9)}),
       Field::Part("from", "Whence.", "source", parts),
       Field::Parts("steps", "What.", "step", parts)},
      ""};
}

TEST(Config, APartMayBeWrittenAsItsOneValue) {
  Spec spec = TestSpec();
  for (Field& field : spec.fields) {
    if (field.name == "steps") field.fields[1].shorthand = "path";
  }
  auto config =
      ParseConfig(spec, "steps:\n  - files: ./short\n  - files: {path: ./long}\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->Parts("steps")[0].Part("part").String("path"), "./short");
  EXPECT_EQ(config->Parts("steps")[0].Part("part").At("path").line, 2);
  EXPECT_EQ(config->Parts("steps")[1].Part("part").String("path"), "./long");
}

std::string ErrorOf(std::string_view yaml) {
  Result<Config> config = ParseConfig(TestSpec(), yaml, "p.yaml");
  return config.ok() ? "" : config.status().message();
}

TEST(Config, ReadsEveryType) {
  auto config = ParseConfig(TestSpec(), R"(
name: orders
mode: append
rows: 7
force: True
every: 250ms
bytes: 1GB
tables: [x, "cust*"]
labels: {team: shop, no: 5, null: x}
commit: {size: 3}
from: {mysql: {url: "mysql://h/d"}}
steps:
  - files: {path: ./out}
  - files
)");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->String("name"), "orders");
  EXPECT_EQ(config->String("mode"), "append");
  EXPECT_EQ(config->Int("rows"), 7);
  EXPECT_TRUE(config->Bool("force"));
  EXPECT_EQ(config->Duration("every"), Millis(250));
  EXPECT_EQ(config->Bytes("bytes"), 1'000'000'000);
  EXPECT_THAT(config->Strings("tables"), ElementsAre("x", "cust*"));
  EXPECT_THAT(config->Map("labels"),
              ElementsAre(Pair("no", "5"), Pair("null", "x"), Pair("team", "shop")));
  EXPECT_EQ(config->Object("commit").Int("size"), 3);
  EXPECT_EQ(config->PartName("from"), "mysql");
  EXPECT_EQ(config->Part("from").String("url"), "mysql://h/d");
  ASSERT_EQ(config->Parts("steps").size(), 2U);
  EXPECT_EQ(config->Parts("steps")[0].Part("part").String("path"), "./out");
  EXPECT_EQ(config->Parts("steps")[1].Part("part").String("path"), "./in");
  EXPECT_EQ(config->At("rows").line, 4);
  EXPECT_EQ(config->At("rows").column, 7);
}

TEST(Config, AnswersDefaultsWhereTheFileIsSilent) {
  auto config = ParseConfig(TestSpec(), "tables: one\ncommit:\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_FALSE(config->Has("mode"));
  EXPECT_EQ(config->String("mode"), "upsert");
  EXPECT_EQ(config->Duration("every"), Millis(1000));
  EXPECT_EQ(config->Bytes("bytes"), 64 << 20);
  EXPECT_THAT(config->Strings("tables"), ElementsAre("one"));
  EXPECT_EQ(config->String("name"), "");
  EXPECT_TRUE(config->Parts("steps").empty());
  auto empty = ParseConfig(TestSpec(), "");
  ASSERT_TRUE(empty.ok());
  EXPECT_THAT(empty->Strings("tables"), ElementsAre("a", "b"));
}

TEST(Config, PathsStartAtTheProjectsFolder) {
  auto path = [](const std::string& text) {
    auto config = ParseConfig(TestSpec(), "name: \"" + text + "\"", "p.yaml", "shop");
    return config.ok() ? config->Path("name") : config.status().message();
  };
  EXPECT_EQ(path("./lake"), "shop/lake");
  EXPECT_EQ(path("../lake"), "lake");
  EXPECT_EQ(path("/lake"), "/lake");
  EXPECT_EQ(path("s3://lake/x"), "s3://lake/x");
  EXPECT_EQ(path(""), "");
}

struct ErrorCase {
  const char* name;
  const char* yaml;
  const char* error;
};

class ConfigError : public testing::TestWithParam<ErrorCase> {};

TEST_P(ConfigError, SaysWhereWhatAndWhatToDo) {
  EXPECT_EQ(ErrorOf(GetParam().yaml), GetParam().error);
}

const ErrorCase kErrors[] = {
    {"UnknownField", "tabels: [a]",
     R"(p.yaml:1:1: this file has no field "tabels"; did you mean "tables"?)"},
    {"UnknownFieldNothingNear", "commit: {zzzzz: 1}",
     R"(p.yaml:1:10: "commit" has no field "zzzzz"; it has: size)"},
    {"WrongTypeInt", "rows: many",
     R"(p.yaml:1:7: "rows" has to be an integer, not "many"; write a whole number, such as 100)"},
    {"WrongTypeBool", "force: yes",
     R"(p.yaml:1:8: "force" has to be a boolean, not "yes"; write true or false)"},
    {"BareDuration", "every: 30",
     R"(p.yaml:1:8: "every" has to be a duration, not "30"; add a unit, such as 30s)"},
    {"WrongSize", "bytes: 64 megs",
     R"(p.yaml:1:8: "bytes" has to be a size, not "64 megs"; write a size, such as 4096, 64MiB, 1GB)"},
    {"BelowBound", "rows: 0",
     R"(p.yaml:1:7: "rows" has to be at least 1 and at most 1000, not "0")"},
    {"AboveBound", "every: 2h",
     R"(p.yaml:1:8: "every" has to be at least 1ms and at most 1h, not "2h")"},
    {"BadChoice", "mode: upsrt",
     R"(p.yaml:1:7: "mode" cannot be "upsrt"; did you mean "upsert"?)"},
    {"BadChoiceNothingNear", "mode: merge",
     R"(p.yaml:1:7: "mode" cannot be "merge"; it is one of: append, upsert)"},
    {"MissingRequired", "from: {mysql: {}}",
     R"(p.yaml:1:15: source mysql needs "url"; such as url: mysql://host/db)"},
    {"MissingVariable", "name: a-${LEAT_TEST_UNSET}",
     "p.yaml:1:9: the environment variable LEAT_TEST_UNSET is not set; set it, or write "
     "${LEAT_TEST_UNSET:default}"},
    {"VariableWithMessage", R"(name: "${LEAT_TEST_UNSET:?the shop's name}")",
     "p.yaml:1:8: the shop's name; set the environment variable LEAT_TEST_UNSET"},
    {"NotAVariable", "name: ${a b}",
     R"(p.yaml:1:7: "${a b}" does not name a variable; for a plain ${ write $${)"},
    {"OpenVariable", "name: x${a",
     "p.yaml:1:8: ${ without a closing }; for a plain ${ write $${"},
    {"MissingFile", "name: ${file:/nonexistent/x}",
     "p.yaml:1:7: cannot read the file /nonexistent/x: No such file or directory; create "
     "it, or let this user read it"},
    {"DuplicateKey", "rows: 1\nname: a\nrows: 2",
     R"(p.yaml:3:1: "rows" stands here twice, first in line 1; keep one)"},
    {"UnknownPart", "from: {mysqll: {}}",
     R"(p.yaml:1:8: there is no source "mysqll"; did you mean "mysql"?)"},
    {"UnknownPartNothingNear", "from: {kinesis: {}}",
     R"(p.yaml:1:8: there is no source "kinesis"; a source is one of: mysql, files)"},
    {"TwoParts", "from: {files: {}, mysql: {url: x}}",
     R"(p.yaml:1:19: two sources, "files" and "mysql", where one can be; put each into a pipeline file of its own)"},
    {"ListOfParts", "from: [files, files]",
     R"(p.yaml:1:7: "from" has to name one source, not a list; put each into a pipeline file of its own)"},
    {"NoPart", "from: {}",
     R"(p.yaml:1:7: "from" names no source; it is one of: mysql, files)"},
    {"StepsNotAList", "steps: {files: {}}",
     R"(p.yaml:1:8: "steps" has to be a list, not a mapping; list each step with a leading -)"},
    {"NoValue",
     "name:", R"(p.yaml:1:1: "name" has no value; give it one, or remove the line)"},
    {"ListForString", "name: [a]",
     R"(p.yaml:1:7: "name" has to be one string, not a list)"},
    {"UnquotedBraces", "name: {table}",
     R"(p.yaml:1:7: "name" has to be one string, not a mapping; put a value that starts with { into quotes)"},
    {"MapForStrings", "tables: {a: b}",
     R"(p.yaml:1:9: "tables" has to be a list of strings, not a mapping; write tables: [a, b])"},
    {"NestedList", "tables: [a, [b]]",
     R"(p.yaml:1:13: an item of "tables" has to be a string, not a list)"},
    {"NestedMap", "labels: {a: {b: c}}",
     R"(p.yaml:1:13: "a" in "labels" has to be a string, not a mapping)"},
    {"ScalarForObject", "commit: 5",
     R"(p.yaml:1:9: "commit" has to be a mapping, not a single value; write size: ...)"},
    {"NotAMapping", "- a",
     R"(p.yaml:1:1: this file has to be a mapping, not a list; write name: ...)"},
    {"Tab", "commit:\n\tsize: 1",
     "p.yaml:2:6: not valid YAML: illegal map value; indent with spaces, not tabs"},
    {"UnquotedStar", "tables: [*]",
     "p.yaml:1:11: not valid YAML: alias not found after *; put a value that starts with "
     "* "
     "into quotes"},
    {"UnquotedBracesAndMore", "name: {database}.{table}\n",
     "p.yaml:1:17: not valid YAML: end of map not found; put a value that starts with { "
     "into "
     "quotes"},
    {"TwoDocuments", "name: a\n---\nname: b\n",
     "p.yaml:1:1: the file has more than one YAML document; put each into a file of its "
     "own"},
    {"NotText", "name: a\nmode: \x01",
     "p.yaml:2:7: byte 0x01 is not text; save the file as UTF-8"},
    {"NotUtf8", "name: \xff",
     "p.yaml:1:7: byte 0xff is not text; save the file as UTF-8"},
    {"SelfAlias", "labels: &a {b: *a}",
     "p.yaml:1:16: an alias stands inside what it names; write the value out"},
    {"AllInOrder", "rows: 0\nnmae: x\nfrom:\n  mysql: {url: [1]}\n",
     "p.yaml:1:7: \"rows\" has to be at least 1 and at most 1000, not \"0\"\n"
     "p.yaml:2:1: this file has no field \"nmae\"; did you mean \"name\"?\n"
     "p.yaml:4:16: \"url\" has to be one string, not a list"},
};

INSTANTIATE_TEST_SUITE_P(, ConfigError, testing::ValuesIn(kErrors),
                         [](const auto& info) { return info.param.name; });

TEST(Config, ReplacesVariablesInScalarsOnlyAndNeverReparses) {
  setenv("LEAT_TEST_VALUE", "[a, b] # ${HOME} {", 1);
  setenv("LEAT_TEST_ROWS", "12", 1);
  setenv("LEAT_TEST_EMPTY", "", 1);
  auto config = ParseConfig(TestSpec(), R"(
name: ${LEAT_TEST_VALUE}
rows: ${LEAT_TEST_ROWS}
mode: ${LEAT_TEST_EMPTY:append}
tables: ["${LEAT_TEST_UNSET:}x", "$${literal}", "$5"]
)");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->String("name"), "[a, b] # ${HOME} {");
  EXPECT_EQ(config->Int("rows"), 12);
  EXPECT_EQ(config->String("mode"), "append");
  EXPECT_THAT(config->Strings("tables"), ElementsAre("x", "${literal}", "$5"));
}

TEST(Config, ResolvesAnchorsAndMergeKeys) {
  auto config = ParseConfig(TestSpec(), R"(
tables: &t [a, b]
labels: {<<: {x: "1", y: "2"}, y: "3"}
steps:
  - mysql: &m {url: one}
  - mysql: *m
)");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_THAT(config->Map("labels"), ElementsAre(Pair("x", "1"), Pair("y", "3")));
  EXPECT_EQ(config->Parts("steps")[1].Part("part").String("url"), "one");
}

TEST(Config, RefusesAliasBombsAndDeepNesting) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; i++) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; j++) bomb += "*a" + std::to_string(i - 1) + ",";
    bomb += "]\n";
  }
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("the file has more than 50000 values"));
  EXPECT_THAT(ErrorOf("name: " + std::string(40, '[') + std::string(40, ']')),
              HasSubstr("values are nested more than 32 deep"));
  EXPECT_THAT(ErrorOf("name: " + std::string(100000, '[')), HasSubstr("p.yaml:1:"));
  EXPECT_THAT(ErrorOf(std::string(2 << 20, 'a')),
              HasSubstr("the file is larger than 1048576 bytes"));
}

TEST(Config, Scar_30_NoErrorCarriesASecret) {
  setenv("LEAT_TEST_SECRET", "hunter2-secret", 1);
  std::string file = testing::TempDir() + "/leat_secret";
  std::ofstream(file) << "from-a-file\n";
  for (const std::string& yaml : {std::string("password: [hunter2-secret]"),
                                  std::string("rows: ${LEAT_TEST_SECRET}"),
                                  std::string("mode: mysql://u:hunter2-secret@h/d"),
                                  "mode: ${file:" + file + "}"}) {
    std::string error = ErrorOf(yaml);
    EXPECT_FALSE(error.empty()) << yaml;
    EXPECT_THAT(error, Not(HasSubstr("hunter2-secret")));
    EXPECT_THAT(error, Not(HasSubstr("from-a-file")));
  }
}

TEST(Config, Scar_30_SecretsAreRegisteredForMasking) {
  setenv("LEAT_TEST_PW", "pw%21of-url", 1);
  auto config = ParseConfig(
      TestSpec(),
      "password: plain-password\nname: mysql://leat:${LEAT_TEST_PW}@host/db\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->String("password"), "plain-password");
  EXPECT_EQ(Redact("login plain-password, then pw!of-url"), "login ***, then ***");
}

TEST(ConfigDeath, AskingForWhatIsNotDeclaredIsABug) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto config = ParseConfig(TestSpec(), "");
  ASSERT_TRUE(config.ok());
  EXPECT_DEATH(config->String("nope"), "field \"nope\" is not declared");
  EXPECT_DEATH(config->Int("name"), "\"name\" is asked for by another type");
  EXPECT_DEATH(config->Int("every"), "\"every\" is asked for by another type");
}

}  // namespace
}  // namespace leat
