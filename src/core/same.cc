#include "core/same.h"

#include <algorithm>

namespace leat {
namespace {

bool SamePart(const Config& a, const Config& b, const Field& field) {
  const std::string& name = a.PartName(field.name);
  if (name != b.PartName(field.name)) return false;
  auto part = std::ranges::find(field.fields, name, &Field::name);
  return part == field.fields.end() ||
         SameConfig(a.Part(field.name), b.Part(field.name), part->fields);
}

bool SameParts(const Config& a, const Config& b, const Field& field) {
  Field part = field;
  part.type = FieldType::kPart;
  part.name = "part";
  return std::ranges::equal(
      a.Parts(field.name), b.Parts(field.name),
      [&](const Config& x, const Config& y) { return SamePart(x, y, part); });
}

bool SameObjects(const Config& a, const Config& b, const Field& field) {
  return std::ranges::equal(
      a.Objects(field.name), b.Objects(field.name), [&](const auto& x, const auto& y) {
        return x.first == y.first && SameConfig(x.second, y.second, field.fields);
      });
}

bool SameField(const Config& a, const Config& b, const Field& field) {
  const std::string& name = field.name;
  // Without a default, an unwritten field and an empty one are told apart by parts.
  if (!field.fallback && a.Has(name) != b.Has(name)) return false;
  switch (field.type) {
    case FieldType::kString: return a.String(name) == b.String(name);
    case FieldType::kInt: return a.Int(name) == b.Int(name);
    case FieldType::kBool: return a.Bool(name) == b.Bool(name);
    case FieldType::kDuration: return a.Duration(name) == b.Duration(name);
    case FieldType::kBytes: return a.Bytes(name) == b.Bytes(name);
    case FieldType::kStrings: return a.Strings(name) == b.Strings(name);
    case FieldType::kMap: return a.Map(name) == b.Map(name);
    case FieldType::kObject:
      return SameConfig(a.Object(name), b.Object(name), field.fields);
    case FieldType::kObjects: return SameObjects(a, b, field);
    case FieldType::kPart: return SamePart(a, b, field);
    case FieldType::kParts: return SameParts(a, b, field);
  }
  return false;
}

template <typename Type>
bool SameUse(const PartUse& a, const PartUse& b, const Type* type) {
  return a.name == b.name && SameConfig(a.config, b.config, type->spec.fields);
}

}  // namespace

bool SameConfig(const Config& a, const Config& b, const std::vector<Field>& fields) {
  return a.folder() == b.folder() &&
         std::ranges::all_of(fields, [&](const Field& f) { return SameField(a, b, f); });
}

bool SamePipeline(const PipelineFile& a, const PipelineFile& b,
                  const Registry& registry) {
  return a.name == b.name && SameUse(a.from, b.from, registry.FindSource(a.from.name)) &&
         std::ranges::equal(a.steps, b.steps,
                            [&](const PartUse& x, const PartUse& y) {
                              return SameUse(x, y, registry.FindStep(x.name));
                            }) &&
         SameUse(a.to, b.to, registry.FindSink(a.to.name)) && a.policies == b.policies;
}

bool SameSettings(const ProjectSettings& a, const ProjectSettings& b) {
  return a.data == b.data && a.broker.servers == b.broker.servers &&
         a.broker.options == b.broker.options && a.topics == b.topics;
}

}  // namespace leat
