#include "connectors/mysql/sink/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "connectors/mysql/values/text_decoder.h"

namespace leat::mysql {
namespace {

constexpr int kRowAlias = 80019;  // MySQL: VALUES (...) AS new
constexpr int kMostParameters = 65'000;
constexpr int kMostDeletes = 256;  // conditions that the optimizer takes as ranges

bool IsGeometry(const std::string& type) {
  for (const char* name :
       {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
        "multipolygon", "geometrycollection", "geomcollection"}) {
    if (type == name) return true;
  }
  return false;
}

bool HasAll(const std::vector<std::string>& names, const std::vector<std::string>& of) {
  return std::ranges::all_of(of, [&](const std::string& name) {
    return std::ranges::any_of(names,
                               [&](const std::string& n) { return SameName(n, name); });
  });
}

class Planner {
 public:
  Planner(const SinkOptions& options, const ServerInfo& server, TablePlan* plan)
      : options_(options), server_(server), plan_(*plan) {}

  Status Run() {
    plan_.name = QuoteTable(plan_.target.id.database, plan_.target.id.table);
    RETURN_IF_ERROR(CheckTable());
    RETURN_IF_ERROR(CheckKeys());
    RETURN_IF_ERROR(CheckColumns());
    MakeInsert();
    MakeUpsert();
    MakeDelete();
    return Status::Ok();
  }

 private:
  Status Refuse(std::string_view why) const {
    return Status::Config(fmt::format("table {}: {}", plan_.target.id.ToString(), why));
  }

  Status CheckTable() {
    if (!plan_.target.transactional) {
      return Refuse(
          "its engine has no transactions, so rows and position cannot be committed "
          "together: run ALTER TABLE ... ENGINE=InnoDB");
    }
    plan_.ordered = plan_.target.foreign_keys && options_.foreign_key_checks;
    if (plan_.ordered && options_.workers > 1) {
      return Refuse(
          "it has foreign keys, which several workers cannot keep in order: say "
          "`workers: "
          "1`, or `foreign_key_checks: off` where the source has checked them");
    }
    return Status::Ok();
  }

  Status CheckKeys() {
    const std::vector<std::string> key = plan_.shape.KeyNames();
    std::string second;
    for (const auto& [index, columns] : plan_.target.unique) {
      if (HasAll(columns, key) && HasAll(key, columns)) {
        if (index_ != "PRIMARY") index_ = index;
      } else if (!HasAll(columns, key) || key.empty()) {
        second = index;
      }
    }
    if (!second.empty() && options_.workers > 1) {
      return Refuse(fmt::format(
          "unique index `{}` ties rows of different keys together, which several workers "
          "cannot keep in order: say `workers: 1`",
          second));
    }
    if (!options_.keyed()) return Status::Ok();
    if (options_.workers > 1 && !index_.empty() && index_ != "PRIMARY") {
      return Refuse(fmt::format(
          "the key is unique index `{}`, of which the server locks what lies between its "
          "values too, so that several workers wait for each other: make it the primary "
          "key, or say `workers: 1`",
          index_));
    }
    if (index_.empty()) {
      return Refuse(fmt::format(
          "no primary key or unique index has exactly the key's columns ({0}), so a row "
          "would be written twice: run ALTER TABLE ... ADD UNIQUE ({0}), or name other "
          "columns with `key`",
          Joined(key, ", ")));
    }
    if (second.empty()) return Status::Ok();
    if (options_.mode == SinkOptions::Mode::kUpsert) {
      return Refuse(fmt::format(
          "unique index `{}` is not the key: an upsert could hit another row by it; drop "
          "it, make it the `key`, or say `mode: apply`",
          second));
    }
    if (plan_.ordered) {
      return Refuse(fmt::format(
          "it has foreign keys and a second unique index, `{}`: say `foreign_key_checks: "
          "off` where the source has checked them",
          second));
    }
    plan_.replace = true;
    return Status::Ok();
  }

  Status CheckColumns() {
    for (size_t i = 0; i < plan_.shape.names.size(); i++) {
      const std::string& name = plan_.shape.names[i];
      const TargetColumn* column = plan_.target.Find(name);
      if (!column) {
        return Refuse(fmt::format(
            "it has no column `{}`: say `evolve: true`, name another with `columns`, or "
            "drop the column in a step",
            name));
      }
      if (!column->generated) columns_.push_back(static_cast<int>(i));
    }
    for (const TargetColumn& column : plan_.target.columns) {
      const bool given = std::ranges::any_of(plan_.shape.names, [&](const auto& name) {
        return SameName(name, column.name);
      });
      if (given || column.nullable || column.has_default || column.generated) continue;
      return Refuse(
          fmt::format("column `{}` is NOT NULL without a default, and the source has no "
                      "value for it: "
                      "give it a default, or make it nullable",
                      column.name));
    }
    return Status::Ok();
  }

  const TargetColumn& Target(int column) const { return plan_.ColumnOf(column); }

  std::string Value(int column) const {
    return IsGeometry(Target(column).data_type) ? "ST_GeomFromWKB(?)" : "?";
  }

  // Compared as a string, a number would be a double, with fewer digits.
  std::string Compared(int column) const {
    const TargetColumn& target = Target(column);
    const auto type = plan_.shape.source->columns[static_cast<size_t>(column)].type->id();
    const bool text = type == arrow::Type::STRING || type == arrow::Type::LARGE_STRING;
    if (text && target.data_type == "decimal") {
      return fmt::format("CAST(? AS DECIMAL(65,{}))", target.scale);
    }
    if (text && target.data_type.ends_with("int")) return "CAST(? AS DECIMAL(20,0))";
    return "?";
  }

  void MakeInsert() {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (int column : columns_) {
      names.push_back(QuoteName(Target(column).name));
      values.push_back(Value(column));
    }
    RowSql& sql = plan_.insert;
    sql.head =
        fmt::format("INSERT INTO {} ({}) VALUES ", plan_.name, Joined(names, ", "));
    sql.row = fmt::format("({})", Joined(values, ", "));
    sql.separator = ", ";
    sql.columns = columns_;
    sql.most_rows = kMostParameters / std::max<int>(1, static_cast<int>(columns_.size()));
  }

  void MakeUpsert() {
    plan_.upsert = plan_.insert;
    const bool alias = !server_.mariadb && server_.AtLeast(kRowAlias);
    std::vector<std::string> assignments;
    for (int column : columns_) {
      const bool key =
          std::ranges::find(plan_.shape.key, column) != plan_.shape.key.end();
      // A table of nothing but its key: its row stays as it is.
      if (key && columns_.size() > plan_.shape.key.size()) continue;
      const std::string name = QuoteName(Target(column).name);
      assignments.push_back(alias ? fmt::format("{0} = leat_new.{0}", name)
                                  : fmt::format("{0} = VALUES({0})", name));
    }
    plan_.upsert.tail =
        fmt::format("{} ON DUPLICATE KEY UPDATE {}", alias ? " AS leat_new" : "",
                    Joined(assignments, ", "));
  }

  void MakeDelete() {
    std::vector<std::string> conditions;
    for (int column : plan_.shape.key) {
      conditions.push_back(
          fmt::format("{} = {}", QuoteName(Target(column).name), Compared(column)));
    }
    RowSql& sql = plan_.remove;
    // Of a small table the optimizer would read all rows, and wait for those that another
    // worker has locked.
    sql.head = server_.mariadb
                   ? "DELETE FROM " + plan_.name + " WHERE "
                   : fmt::format(
                         "DELETE leat_old FROM {} AS leat_old FORCE INDEX ({}) "
                         "WHERE ",
                         plan_.name, QuoteName(index_));
    sql.row = fmt::format("({})", Joined(conditions, " AND "));
    sql.separator = " OR ";
    sql.columns = plan_.shape.key;
    sql.most_rows = kMostDeletes;
  }

  const SinkOptions& options_;
  const ServerInfo& server_;
  TablePlan& plan_;
  std::string index_;  // of the key
  std::vector<int> columns_;
};

}  // namespace

Result<std::shared_ptr<const TablePlan>> TablePlan::Make(const SinkOptions& options,
                                                         const Shape& shape,
                                                         const TargetTable& target,
                                                         const ServerInfo& server) {
  auto plan = std::make_shared<TablePlan>();
  plan->shape = shape;
  plan->target = target;
  RETURN_IF_ERROR(Planner(options, server, plan.get()).Run());
  return std::shared_ptr<const TablePlan>(std::move(plan));
}

}  // namespace leat::mysql
