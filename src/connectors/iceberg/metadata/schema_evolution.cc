#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "connectors/iceberg/metadata/schema.h"

namespace leat::iceberg {
namespace {

// Whether every value of `from` is one of `to`, and Iceberg lets a column change so.
bool Widens(const Type& from, const Type& to) {
  switch (from.id) {
    case TypeId::kInt: return to.id == TypeId::kLong;
    case TypeId::kFloat: return to.id == TypeId::kDouble;
    case TypeId::kDecimal:
      return to.id == TypeId::kDecimal && to.scale == from.scale &&
             to.precision > from.precision;
    default: return false;
  }
}

// A nested type compared without ids, which only the table gives.
bool SameTypes(const Type& a, const Type& b) {
  if (a.id != b.id || a.precision != b.precision || a.scale != b.scale ||
      a.length != b.length || a.fields.size() != b.fields.size()) {
    return false;
  }
  for (size_t i = 0; i < a.fields.size(); i++) {
    if (a.fields[i].name != b.fields[i].name) return false;
    if (!SameTypes(a.fields[i].type, b.fields[i].type)) return false;
  }
  return true;
}

class Evolution {
 public:
  Evolution(const Schema& current, const SchemaChange& change, int* last_column_id)
      : current_(current), change_(change), last_column_id_(last_column_id) {}

  Result<Schema> Run() {
    if (RenamedAlready()) return current_;
    next_.id = current_.id;
    for (size_t i = 0; i < change_.columns.size(); i++) {
      const Column& column = change_.columns[i];
      const NestedField* old = Before(i);
      auto field = old ? Change(*old, column) : Add(column);
      if (!field.ok()) return field.status();
      if (old && !taken_.insert(old->id).second) {
        return Status::Config(fmt::format(
            "Cannot tell which column '{}' was before: the Iceberg table's columns are "
            "not "
            "those from before the change; drop the table and let it be read anew",
            column.name));
      }
      next_.fields.push_back(*std::move(field));
    }
    RETURN_IF_ERROR(KeepOthers());
    SetKey();
    return next_;
  }

 private:
  // A log read again: the renames (two columns may have changed places) were made by the
  // run before, and making them twice would undo them.
  bool RenamedAlready() const {
    bool renames = false;
    if (change_.columns.size() != current_.fields.size()) return false;
    for (size_t i = 0; i < change_.renamed_from.size(); i++) {
      const std::string& before = change_.renamed_from[i];
      if (before.empty() || change_.columns[i].name != current_.fields[i].name)
        return false;
      renames = renames || before != change_.columns[i].name;
    }
    return renames;
  }

  // The table's field that column `i` was so far.
  const NestedField* Before(size_t i) const {
    const std::string& name = change_.columns[i].name;
    if (change_.renamed_from.empty()) return current_.Find(name);
    const std::string& before = change_.renamed_from[i];
    if (before.empty()) return nullptr;
    const NestedField* old = current_.Find(before);
    // The rename was made already, by an earlier run over the same log.
    return old ? old : current_.Find(name);
  }

  Result<NestedField> Change(const NestedField& old, const Column& column) const {
    int unused_ids = current_.MaxId() + 1;
    auto wanted = TypeFor(*column.type, &unused_ids);
    if (!wanted.ok()) return wanted.status().Within("column '" + column.name + "'");
    NestedField field = old;
    field.name = column.name;
    if (column.nullable) field.required = false;
    if (SameTypes(old.type, *wanted) || Widens(*wanted, old.type)) return field;
    if (Widens(old.type, *wanted)) {
      field.type = *std::move(wanted);
      return field;
    }
    return Status::Config(fmt::format(
        "The column '{}' became {} ({}), but in the Iceberg table it is {}, and Iceberg "
        "cannot change one into the other. Either change it back, or add a column of the "
        "new type under another name, or drop the Iceberg table and let it be read anew",
        column.name, wanted->ToString(), column.source_type, old.type.ToString()));
  }

  // Rows written so far have no value for it, so it can never be required.
  Result<NestedField> Add(const Column& column) {
    NestedField field;
    field.id = ++*last_column_id_;
    field.name = column.name;
    int next_id = *last_column_id_ + 1;
    auto type = TypeFor(*column.type, &next_id);
    if (!type.ok()) return type.status().Within("column '" + column.name + "'");
    *last_column_id_ = next_id - 1;
    field.type = *std::move(type);
    return field;
  }

  // Fields of the table that the writer did not know of stay, at the end and optional.
  Status KeepOthers() {
    for (const NestedField& old : current_.fields) {
      if (taken_.contains(old.id)) continue;
      bool known = std::find(change_.previous.begin(), change_.previous.end(),
                             old.name) != change_.previous.end();
      if (known) continue;
      if (next_.Find(old.name)) {
        if (change_.previous.empty()) continue;  // dropped and added under the same name
        return Status::Config(fmt::format(
            "A new column '{}' came, but the Iceberg table has a column of that name "
            "that is not from this source; rename one of them",
            old.name));
      }
      next_.fields.push_back(old);
      next_.fields.back().required = false;
    }
    return Status::Ok();
  }

  void SetKey() {
    for (int position : change_.key) {
      const NestedField& field = next_.fields[static_cast<size_t>(position)];
      bool fits = field.required && field.type.primitive() &&
                  field.type.id != TypeId::kFloat && field.type.id != TypeId::kDouble;
      if (fits) next_.identifier_ids.push_back(field.id);
    }
    if (next_.identifier_ids.size() != change_.key.size()) next_.identifier_ids.clear();
  }

  const Schema& current_;
  const SchemaChange& change_;
  int* last_column_id_;
  Schema next_;
  std::set<int> taken_;
};

}  // namespace

Result<Schema> Evolve(const Schema& current, const SchemaChange& change,
                      int* last_column_id) {
  return Evolution(current, change, last_column_id).Run();
}

}  // namespace leat::iceberg
