#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/testing.h"
#include "cli/reference.h"
#include "cli/shell.h"
#include "core/pipeline_file.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kRoot = fs::path(LEAT_TESTDATA).parent_path().parent_path().parent_path();

class CommandLine : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("leat_cli_") +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "pipelines");
  }
  void TearDown() override { fs::remove_all(folder_); }

  int Run(const std::vector<std::string>& arguments) {
    fs::path out = folder_ / "out.txt", err = folder_ / "err.txt";
    int out_fd = open(out.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    int err_fd = open(err.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    Shell shell(out_fd, err_fd, Environment::Process());
    int code = RunCommandLine(arguments, &shell);
    close(out_fd);
    close(err_fd);
    out_ = ReadFile(out);
    err_ = ReadFile(err);
    return code;
  }
  void Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
  }

  fs::path folder_;
  std::string out_;
  std::string err_;
};

TEST_F(CommandLine, WrongUsageIs2AndSaysWhereHelpIs) {
  EXPECT_EQ(Run({}), kExitUsage);
  EXPECT_EQ(err_, "A subcommand is required\nSee leat --help\n");
  EXPECT_EQ(Run({"run"}), kExitUsage);
  EXPECT_EQ(err_, "PATH is required\nSee leat run --help\n");
  EXPECT_EQ(Run({"validate", ".", "--output", "xml"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("See leat validate --help\n"));
  EXPECT_EQ(Run({"describe"}), kExitUsage);
  EXPECT_EQ(Run({"describe", "mysqll"}), kExitUsage);
  EXPECT_EQ(Run({"generate"}), kExitUsage);
  EXPECT_EQ(Run({"generate", "shop", "--to", "mysql://h/d", "--for", "30"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("write a number with a unit, such as 30s, 5m"));
  EXPECT_EQ(out_, "");
}

TEST_F(CommandLine, HelpIsNotAnError) {
  EXPECT_EQ(Run({"--help"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("Exit codes: 0 done"));
  EXPECT_EQ(Run({"run", "--help"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("Usage: leat run"));
  EXPECT_EQ(err_, "");
}

TEST_F(CommandLine, ValidatePrintsEveryErrorAndEnds78) {
  Write("pipelines/a.yaml", "from: {mysqll: {}}\ncomit: {}\n");
  std::string file = folder_ / "pipelines/a.yaml";
  EXPECT_EQ(Run({"validate", folder_}), kExitConfig);
  EXPECT_THAT(err_, HasSubstr(file + ":1:8: there is no source \"mysqll\""));
  EXPECT_THAT(err_,
              HasSubstr(file + ":2:1: this pipeline has no field \"comit\"; did you "
                               "mean \"commit\"?\n"));
  EXPECT_THAT(err_, HasSubstr("3 errors\n"));
  EXPECT_EQ(Run({"validate", folder_, "--output", "json"}), kExitConfig);
  auto json = nlohmann::json::parse(out_);
  EXPECT_FALSE(json["ok"]);
  EXPECT_EQ(json["errors"][2]["line"], 2);
  EXPECT_EQ(json["errors"][2]["suggestion"], "did you mean \"commit\"?");
}

TEST_F(CommandLine, RunRefusesABadFileInJsonLinesWhereNobodyWatches) {
  Write("pipelines/a.yaml", "from: {mysqll: {}}\n");
  EXPECT_EQ(Run({"run", folder_}), kExitConfig);
  std::istringstream lines(err_);
  int count = 0;
  for (std::string line; std::getline(lines, line); count++) {
    EXPECT_EQ(nlohmann::json::parse(line)["level"], "error");
  }
  EXPECT_EQ(count, 2);
  EXPECT_FALSE(fs::exists(folder_ / "data"));
}

TEST_F(CommandLine, EveryReadCommandSpeaksJson) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"list"}, {"version"}, {"describe", "pipeline"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--output", "json"});
    EXPECT_EQ(Run(arguments), kExitDone);
    EXPECT_FALSE(nlohmann::json::parse(out_, nullptr, false).is_discarded()) << out_;
  }
  EXPECT_EQ(Run({"schema"}), kExitDone);
  EXPECT_FALSE(nlohmann::json::parse(out_, nullptr, false).is_discarded());
}

TEST_F(CommandLine, CompletionsAreScriptsTheShellCanRead) {
  EXPECT_EQ(Run({"completions", "bash"}), kExitDone);
  Write("leat.bash", out_);
  std::string script = folder_ / "leat.bash";
  std::string probe =
      "bash -c 'source " + script +
      "; COMP_WORDS=(leat generate s) COMP_CWORD=2; _leat; "
      "test \"${COMPREPLY[*]}\" = shop && COMP_WORDS=(leat run --until) && _leat && "
      "test \"${COMPREPLY[*]}\" = --until-caught-up'";
  EXPECT_EQ(std::system(probe.c_str()), 0);
  EXPECT_EQ(Run({"completions", "zsh"}), kExitDone);
  EXPECT_THAT(out_, testing::StartsWith("#compdef leat\n"));
  EXPECT_EQ(Run({"completions", "fish"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("complete -c leat -n "));
}

TEST_F(CommandLine, TheReferenceInDocsIsThatOfThisProgram) {
  EXPECT_EQ(Run({"describe", "--all"}), kExitDone);
  EXPECT_EQ(ReadFile(kRoot / "docs/reference.md"), out_)
      << "make it anew: build/leat describe --all > docs/reference.md";
}

TEST_F(CommandLine, TheExamplesAreValid) {
  for (const auto& entry : fs::directory_iterator(kRoot / "examples")) {
    if (!entry.is_directory()) continue;
    EXPECT_EQ(Run({"validate", entry.path()}), kExitDone) << err_;
  }
}

// A spec whose default does not parse ends the program; an unquoted doc is a slip.
TEST(Specs, AreWhole) {
  Registry registry;
  Shell shell(1, 2, Environment::Process());
  std::function<void(const std::string&, const std::vector<Field>&)> check =
      [&](const std::string& of, const std::vector<Field>& fields) {
        for (const Field& field : fields) {
          EXPECT_THAT(field.doc, testing::EndsWith(".")) << of << "." << field.name;
          EXPECT_FALSE(field.required && field.fallback) << of << "." << field.name;
          check(of + "." + field.name, field.fields);
        }
      };
  for (const NamedSpec& named : AllSpecs(shell.registry())) {
    EXPECT_THAT(named.spec.summary, testing::EndsWith(".")) << named.spec.name;
    check(named.spec.name, named.spec.fields);
  }
}

}  // namespace
}  // namespace leat
