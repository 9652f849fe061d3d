#include "steps/sql/register.h"

#include "core/registry.h"
#include "steps/sql/step.h"

namespace leat {

void RegisterSql(Registry* registry) {
  StepType type;
  type.spec.name = "sql";
  type.spec.summary =
      "Changes rows by a SELECT over the table input, the rows of the moment.";
  type.spec.shorthand = "query";
  type.spec.example = "sql: SELECT *, amount * 0.1 AS tax FROM input WHERE amount > 0\n";
  type.spec.fields = {
      Field::String("query", "One SELECT in DuckDB's SQL over the table input.")
          .Required()
          .Example("SELECT *, amount * 0.1 AS tax FROM input"),
      Field::Strings(
          "tables",
          "The tables it is for, by names or patterns with * and ?; others pass "
          "unchanged. Empty: every table.")
          .Example("[orders]")};
  type.validate = [](const Config& config, Diagnostics* diagnostics) {
    auto step = sql::SqlStep::Make({config.String("query"), {}});
    if (!step.ok()) {
      diagnostics->push_back({config.At("query"), step.status().message(), ""});
    }
  };
  type.make = [](const Config& config, const Context&) {
    return sql::SqlStep::Make({config.String("query"), config.Strings("tables")});
  };
  registry->Add(std::move(type));
}

}  // namespace leat
