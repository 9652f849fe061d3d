// The suite on the Iceberg sink, in a local folder, as the registry makes it.
#include <arrow/array/array_primitive.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "base/failpoint.h"
#include "base/text.h"
#include "conformance/memory_source.h"
#include "conformance/suite.h"
#include "connectors/iceberg/catalog/catalog.h"
#include "connectors/iceberg/data/parquet_reader.h"
#include "connectors/iceberg/table.h"
#include "core/config_reader.h"
#include "core/register_parts.h"
#include "wire/file_io.h"

namespace leat::conformance {
namespace {

namespace fs = std::filesystem;

// The ids in a table, data files less position deletes, sorted.
std::vector<int64_t> IcebergIds(const fs::path& warehouse,
                                const std::string& catalog_type,
                                const std::string& name) {
  iceberg::CatalogOptions options;
  options.type = catalog_type;
  auto files = Must(FileIo::Make(warehouse.string(), {}));
  auto catalog = Must(iceberg::OpenCatalog(options, *files, ""));
  auto table = Must(iceberg::Table::Load(*catalog, *files, Clock::System(),
                                         iceberg::TableName::Parse(name)));
  std::vector<int64_t> ids;
  if (!table) return ids;
  iceberg::Schema wanted;
  wanted.fields.push_back(*table->schema().Find("id"));
  Status read = table->ForEachFile([&](const iceberg::ManifestEntry& entry) -> Status {
    if (entry.file.content != iceberg::DataFile::Content::kData) {
      return Status::Bug("inserts alone were written, but there are deletes");
    }
    auto reader = Must(iceberg::ParquetReader::Open(*files, entry.file.path, wanted));
    while (auto batch = Must(reader->Next())) {
      const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (int64_t i = 0; i < column.length(); i++) ids.push_back(column.Value(i));
    }
    return Status::Ok();
  });
  Must(read);
  std::ranges::sort(ids);
  return ids;
}

struct IcebergSetting {
  std::string name;
  std::string mode;
  std::string catalog;
};
void PrintTo(const IcebergSetting& setting, std::ostream* out) { *out << setting.name; }

const std::map<ShardId, std::vector<MemoryTransaction>> kIcebergLog = {
    {"s", {{{"a", 0}}, {{"b", 1}}, {{"a", 2}, {"b", 3}}, {}, {{"b", 4}, {"a", 5}}}}};

class IcebergSubject final : public Subject {
 public:
  explicit IcebergSubject(IcebergSetting setting) : setting_(std::move(setting)) {
    RegisterParts(&registry_);
    Reset();
  }

  void Reset() override {
    fs::remove_all(warehouse());
    log_ = std::make_unique<MemoryLog>(kIcebergLog);
    const SinkType* type = registry_.FindSink("iceberg");
    config_ = std::make_unique<Config>(Must(ParseConfig(
        type->spec, fmt::format("warehouse: {}\nmode: {}\ncatalog: {{type: {}}}\n",
                                warehouse().string(), setting_.mode, setting_.catalog))));
  }

  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context&) -> Result<std::unique_ptr<Source>> {
      return std::unique_ptr<Source>(new MemorySource(*log_, {}));
    };
    parts.sink = [this](const Context& context) {
      return registry_.FindSink("iceberg")->make(*config_, context);
    };
    return parts;
  }

  CommitPolicy policy() const override {
    return {std::chrono::hours(1), 2, int64_t{1} << 30};
  }

  std::vector<std::string> Judge(Store& store, bool store_kept) override {
    std::map<std::string, std::vector<int64_t>> expected;
    for (const MemoryTransaction& transaction : kIcebergLog.at("s")) {
      for (const MemoryChange& change : transaction) {
        expected[change.table].push_back(change.id);
      }
    }
    std::vector<std::string> wrong;
    for (const auto& [table, ids] : expected) {
      std::vector<int64_t> rows =
          IcebergIds(warehouse(), setting_.catalog, "db." + table);
      if (rows == ids) continue;
      wrong.push_back(fmt::format("table {} has rows [{}], expected [{}]", table,
                                  Joined(rows, " "), Joined(ids, " ")));
    }
    return wrong;
  }

  bool IsRequest(const std::string& failpoint) const override {
    return failpoint.starts_with("iceberg.catalog");
  }

 private:
  fs::path warehouse() const { return base_ / "lake"; }

  const IcebergSetting setting_;
  Registry registry_;
  TestFolder base_{"warehouse"};
  std::unique_ptr<MemoryLog> log_;
  std::unique_ptr<Config> config_;
};

class IcebergConformance : public ::testing::TestWithParam<IcebergSetting> {
 protected:
  void SetUp() override { suite_.CleanRun(); }
  void TearDown() override {
    EXPECT_TRUE(suite_.failures().empty()) << Joined(suite_.failures(), "\n");
  }
  IcebergSubject subject_{GetParam()};
  Suite suite_{subject_, {.pairs = 20}};
};

TEST_P(IcebergConformance, CleanRunPassesEveryDurableStep) {
  std::vector<std::string> trace = suite_.CleanRun();
  for (const char* step :
       {"iceberg.stage.before", "iceberg.stage.after", "iceberg.commit.before",
        "iceberg.commit.after", "iceberg.files.before_sync", "iceberg.files.after_sync",
        "iceberg.catalog.before_commit", "iceberg.catalog.after_commit"}) {
    EXPECT_THAT(trace, ::testing::Contains(step));
  }
}
TEST_P(IcebergConformance, CrashAtEveryStep) { suite_.CrashEverywhere(); }
TEST_P(IcebergConformance, Scar_20_LostReplies) { suite_.LoseReplies(); }
TEST_P(IcebergConformance, Scar_23_ZombiesAndLateCommits) { suite_.WakeZombies(); }
TEST_P(IcebergConformance, LostStores) { suite_.LoseStores(); }
TEST_P(IcebergConformance, RestoredStores) { suite_.RestoreOldStores(); }

INSTANTIATE_TEST_SUITE_P(, IcebergConformance,
                         ::testing::Values(IcebergSetting{"append", "append", "sql"},
                                           IcebergSetting{"upsert", "upsert", "sql"},
                                           IcebergSetting{"hadoop", "append", "hadoop"}),
                         [](const auto& info) { return info.param.name; });

// A sink that nobody put on trial would be one that nobody knows to be right.
TEST(Conformance, EverySinkWithTokensIsOnTrial) {
  Registry registry;
  RegisterParts(&registry);
  const std::set<std::string> tried = {"iceberg", "mysql", "notify", "topic"};
  const std::set<std::string> without_tokens = {"discard", "stdout"};
  for (const SinkType& type : registry.sinks()) {
    EXPECT_TRUE(tried.contains(type.spec.name) || without_tokens.contains(type.spec.name))
        << type.spec.name << " has no conformance test";
  }
}

}  // namespace
}  // namespace leat::conformance
