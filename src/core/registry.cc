#include "core/registry.h"

namespace leat {
namespace {

template <typename Type>
const Type* FindType(const std::vector<Type>& types, std::string_view name) {
  for (const Type& type : types) {
    if (type.spec.name == name) return &type;
  }
  return nullptr;
}

}  // namespace

const SourceType* Registry::FindSource(std::string_view name) const {
  return FindType(sources_, name);
}
const StepType* Registry::FindStep(std::string_view name) const {
  return FindType(steps_, name);
}
const SinkType* Registry::FindSink(std::string_view name) const {
  return FindType(sinks_, name);
}

}  // namespace leat
