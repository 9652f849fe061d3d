#include "connectors/mysql/sink/options.h"

#include <fmt/format.h>

#include <set>

namespace leat::mysql {
namespace {

constexpr std::string_view kSinkExample = R"(mysql:
  url: mysql://leat:${SHOP_PASSWORD}@127.0.0.1:3306/copy
  table: "{table}"
  mode: upsert
  key: [id]
)";

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

bool HasPlaceholder(const std::string& table) {
  return table.find('{') != std::string::npos;
}

std::vector<Field> TableFields() {
  return {
      Field::String("table",
                    "The table that rows go to, or database.table; {database}, {schema} "
                    "and {table} are the source's.")
          .Default("{table}")
          .Example("orders"),
      Field::String("mode",
                    "insert: each row is a new one; upsert: each row replaces the one of "
                    "its key, deletes are left out; apply: as at the source, with "
                    "deletes.")
          .OneOf({"insert", "upsert", "apply"})
          .Default("upsert"),
      Field::Strings("key",
                     "Columns that identify a row, by the source's names; by default the "
                     "source's key.")
          .Example("[id]"),
      Field::Map("columns",
                 "Names of columns that differ: the source's name to the table's.")
          .Example("{ts: created_at}"),
      Field::String("create",
                    "auto: a table that is missing is made, from `ddl` or from the "
                    "source's schema; never: it has to be there.")
          .OneOf({"auto", "never"})
          .Default("auto"),
      Field::String("ddl",
                    "The CREATE TABLE statement that makes a missing table; {table} "
                    "stands for its quoted name.")
          .Example("\"CREATE TABLE {table} (id BIGINT PRIMARY KEY, total DECIMAL(10,2))"
                   "\""),
      Field::Bool("evolve",
                  "Follow the source's changed columns: add new ones, rename, widen; "
                  "none is ever dropped.")
          .Default("true"),
  };
}

}  // namespace

TableId SinkOptions::TableFor(const TableId& source) const {
  std::string name = Replaced(table, "{database}", source.database);
  name = Replaced(std::move(name), "{schema}", source.schema);
  const size_t dot = name.find('.');
  // What stands for the source's table is put in last: its own dots are no separators.
  TableId out;
  out.database = dot == std::string::npos ? url.database : name.substr(0, dot);
  out.table = dot == std::string::npos ? name : name.substr(dot + 1);
  out.table = Replaced(std::move(out.table), "{table}", source.table);
  return out;
}

Spec SinkSpec() {
  Spec spec;
  spec.name = "mysql";
  spec.summary =
      "Writes rows into MySQL 8+ and MariaDB 10.6+ tables, exactly once: the position is "
      "committed with the rows, in table leat_commits.";
  spec.fields = TableFields();
  spec.fields.insert(
      spec.fields.begin(),
      Field::String("url",
                    "The server and the database of leat_commits: "
                    "mysql://user:password@host:port/database, with options "
                    "tls=off|prefer|verify, ca=FILE, socket=PATH, connect_timeout=10s.")
          .Required()
          .Secret()
          .Example("mysql://leat:${SHOP_PASSWORD}@127.0.0.1:3306/copy"));
  spec.fields.push_back(
      Field::Int("workers",
                 "Connections that write; the rows of one key all take the same one, and "
                 "an epoch of several is committed in two phases (XA).")
          .Default("1")
          .Between(1, 32));
  spec.fields.push_back(Field::Int("batch_rows", "Rows of one statement, at most.")
                            .Default("1000")
                            .Between(1, 10'000));
  spec.fields.push_back(
      Field::String("foreign_key_checks",
                    "on: foreign keys are checked, and rows written one by one in the "
                    "source's order where there are any; off: the source has done it.")
          .OneOf({"on", "off"})
          .Default("on"));
  spec.example = kSinkExample;
  return spec;
}

void ValidateSink(const Config& config, Diagnostics* diagnostics) {
  auto complain = [&](std::string_view field, std::string message, std::string remedy) {
    diagnostics->push_back({config.At(field), std::move(message), std::move(remedy)});
  };
  auto url = Url::Parse(config.String("url"));
  if (!url.ok()) {
    complain("url", url.status().message(), "");
  } else if (url->database.empty()) {
    complain("url", "the url names no database, and table leat_commits needs one",
             "write mysql://user:password@host:port/database");
  }
  const std::string& ddl = config.String("ddl");
  if (!ddl.empty() && config.String("create") == "never") {
    complain("ddl", "`ddl` makes a table, `create: never` forbids it", "remove one");
  }
  if (!ddl.empty() && HasPlaceholder(config.String("table")) &&
      ddl.find("{table}") == std::string::npos) {
    complain("ddl", "`table` stands for many tables, but `ddl` makes one",
             "write CREATE TABLE {table} (...)");
  }
  std::set<std::string> names;
  for (const auto& [source, target] : config.Map("columns")) {
    if (!names.insert(target).second) {
      complain("columns", fmt::format("two columns go to `{}`", target),
               "give each a name of its own");
    }
  }
}

Result<SinkOptions> ReadSinkOptions(const Config& config) {
  SinkOptions out;
  ASSIGN_OR_RETURN(out.url, Url::Parse(config.String("url")));
  if (out.url.database.empty()) {
    return Status::Config("the url names no database, and table leat_commits needs one");
  }
  out.table = config.String("table");
  const std::string& mode = config.String("mode");
  using Mode = SinkOptions::Mode;
  out.mode = mode == "insert"   ? Mode::kInsert
             : mode == "upsert" ? Mode::kUpsert
                                : Mode::kApply;
  out.key = config.Strings("key");
  out.columns = config.Map("columns");
  out.create = config.String("create") == "auto";
  out.ddl = config.String("ddl");
  out.evolve = config.Bool("evolve");
  out.workers = static_cast<int>(config.Int("workers"));
  out.batch_rows = static_cast<int>(config.Int("batch_rows"));
  out.foreign_key_checks = config.String("foreign_key_checks") == "on";
  return out;
}

}  // namespace leat::mysql
