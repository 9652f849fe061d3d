#include "connectors/iceberg/register.h"

#include "connectors/iceberg/sink.h"
#include "core/registry.h"

namespace leat {
namespace iceberg {
namespace {

Field UpkeepFields() {
  return Field::Object(
      "upkeep",
      "What is done between epochs so that tables stay small and quick to read.",
      {Field::Bool("fold", "Fold small data files and position deletes together.")
           .Default("true"),
       Field::Int("keep_snapshots", "The newest snapshots are all kept.")
           .Default("100")
           .Between(1, 100'000),
       Field::Duration("keep_for",
                       "Of older snapshots one a minute is kept, for so long.")
           .Default("1h")
           .Between(0, INT64_MAX),
       Field::Duration("orphans_after",
                       "Files that nothing names are removed when so old; a commit "
                       "of any writer must not take longer.")
           .Default("1d")
           .Between(3'600'000'000, INT64_MAX)});
}

Field S3Fields() {
  return Field::Object(
      "s3", "How to reach S3; what is missing is taken from AWS_* variables.",
      {Field::String("endpoint", "URL of an S3-compatible server.")
           .Example("http://127.0.0.1:9000"),
       Field::String("region", "Region of the bucket."),
       Field::Bool("path_style", "Put the bucket into the path.").Default("true"),
       Field::String("access_key", "Access key id."),
       Field::String("secret_key", "Secret access key.").Secret(),
       Field::String("session_token", "Token of temporary credentials.").Secret()});
}

Spec MakeSpec() {
  Spec spec;
  spec.name = "iceberg";
  spec.summary = "Writes changes into Iceberg tables, one for each source table.";
  spec.fields = {
      Field::String("warehouse", "Folder, or s3://bucket/prefix, where the tables lie.")
          .Required()
          .Example("./lake"),
      Field::Object(
          "catalog", "Where the current metadata of each table is kept.",
          {Field::String("type",
                         "sql: a SQLite file, as PyIceberg's SqlCatalog reads it; "
                         "hadoop: version files beside the data.")
               .OneOf({"sql", "hadoop"})
               .Default("sql"),
           Field::String("name", "Name of the catalog in its database.").Default("leat"),
           Field::String("uri",
                         "The SQLite file; by default catalog.db in the warehouse, for "
                         "an S3 warehouse in the data folder.")
               .Example("./lake/catalog.db")}),
      Field::String("table",
                    "Name of the Iceberg table; {database}, {schema} and {table} are the "
                    "source's.")
          .Default("{database}.{table}"),
      Field::String("location",
                    "Where a new table's files lie; {warehouse} and the placeholders of "
                    "`table` are replaced.")
          .Example("\"{warehouse}/{table}\""),
      Field::String("mode",
                    "upsert: each row replaces the one of its key; append: every change "
                    "is a row, with _op and _ts.")
          .OneOf({"append", "upsert"})
          .Default("upsert"),
      Field::Strings("key", "Columns that identify a row; by default the source's key.")
          .Example("[id]"),
      Field::Strings("partition",
                     "How new tables are partitioned: columns, or year, month, day, "
                     "hour, bucket(N, ...), truncate(N, ...) of one.")
          .Example("[\"day(created_at)\", \"bucket(16, id)\"]"),
      Field::Bytes("target_file_size", "A data file that has grown so large is closed.")
          .Default("256MiB")
          .Between(int64_t{1} << 20, int64_t{4} << 30),
      UpkeepFields(),
      S3Fields(),
  };
  spec.example =
      "iceberg:\n"
      "  warehouse: ./lake\n"
      "  mode: upsert\n";
  return spec;
}

SinkOptions OptionsFrom(const Config& config) {
  SinkOptions options;
  options.warehouse = config.Path("warehouse");
  const Config& s3 = config.Object("s3");
  options.s3.endpoint = s3.String("endpoint");
  options.s3.region = s3.String("region");
  options.s3.path_style = s3.Bool("path_style");
  options.s3.access_key = s3.String("access_key");
  options.s3.secret_key = s3.String("secret_key");
  options.s3.session_token = s3.String("session_token");
  const Config& catalog = config.Object("catalog");
  options.catalog.type = catalog.String("type");
  options.catalog.name = catalog.String("name");
  options.catalog.uri = catalog.Path("uri");
  options.table = config.String("table");
  options.location = config.String("location");
  options.mode = config.String("mode") == "append" ? Mode::kAppend : Mode::kUpsert;
  options.key = config.Strings("key");
  options.partition = config.Strings("partition");
  options.file_bytes = config.Bytes("target_file_size");
  const Config& upkeep = config.Object("upkeep");
  options.upkeep.folds = upkeep.Bool("fold");
  options.upkeep.table.keep_snapshots = static_cast<int>(upkeep.Int("keep_snapshots"));
  options.upkeep.table.keep_for = upkeep.Duration("keep_for");
  options.upkeep.orphan_age = upkeep.Duration("orphans_after");
  return options;
}

void Validate(const Config& config, Diagnostics* findings) {
  const auto find = [&](std::string_view field, std::string message,
                        std::string suggestion) {
    findings->push_back({config.At(field), std::move(message), std::move(suggestion)});
  };
  const bool s3 = config.String("warehouse").starts_with("s3://");
  if (config.Has("s3") && !s3) {
    find("s3", "s3 is set, but the warehouse is not on S3",
         "write the warehouse as s3://bucket/prefix, or remove s3");
  }
  if (s3 && config.Object("catalog").String("type") == "hadoop") {
    find("catalog", "a hadoop catalog cannot be kept on S3",
         "use `catalog: {type: sql}`");
  }
  if (config.Has("key") && config.String("mode") == "append") {
    find("key", "key has no meaning with `mode: append`", "remove it");
  }
  if (TableName::Parse(config.String("table")).space.empty()) {
    find("table", "the table's name has no namespace",
         "write it as namespace.table, e.g. \"{database}.{table}\"");
  }
}

// Proves that the warehouse takes files and that the catalog answers.
Result<std::vector<CheckItem>> Check(const Config& config, const Context& context) {
  const SinkOptions options = OptionsFrom(config);
  std::vector<CheckItem> items;
  const auto failed = [&](std::string what, const Status& status) {
    items.push_back({false, std::move(what), status.message()});
    return items;
  };
  const std::string warehouse = "warehouse " + options.warehouse + " is writable";
  auto files = FileIo::Make(options.warehouse, options.s3);
  if (!files.ok()) return failed(warehouse, files.status());
  const std::string probe = (*files)->root() + "/.leat-check";
  Status written = (*files)->Write(probe, "leat");
  if (written.ok()) written = (*files)->Sync();
  if (written.ok()) written = (*files)->Remove(probe);
  if (!written.ok()) return failed(warehouse, written);
  items.push_back({true, warehouse, ""});

  const std::string answers = "the " + options.catalog.type + " catalog answers";
  auto catalog = OpenCatalog(options.catalog, **files, context.project.data.string());
  if (!catalog.ok()) return failed(answers, catalog.status());
  if (const auto list = (*catalog)->List("leat"); !list.ok()) {
    return failed(answers, list.status());
  }
  items.push_back({true, answers, ""});
  return items;
}

Result<std::unique_ptr<Sink>> MakeSink(const Config& config, const Context& context) {
  ASSIGN_OR_RETURN(auto sink, IcebergSink::Make(OptionsFrom(config), context));
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace
}  // namespace iceberg

void RegisterIceberg(Registry* registry) {
  SinkType type;
  type.spec = iceberg::MakeSpec();
  type.validate = iceberg::Validate;
  type.make = iceberg::MakeSink;
  type.check = iceberg::Check;
  registry->Add(std::move(type));
}

}  // namespace leat
