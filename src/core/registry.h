// Registry: every source, step and sink by name, with its Spec and how to make one.
// Filled once at start by the calls that CMake generates from the folders of
// src/connectors and src/steps (RegisterX in each); constant afterwards.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/sink.h"
#include "core/source.h"
#include "core/spec.h"
#include "core/step.h"

namespace leat {

// One fact `leat check` proved, or what is missing and the exact statement that mends it.
struct CheckItem {
  bool ok = false;
  std::string what;
  std::string remedy;  // empty when ok
};

template <typename Part>
struct PartType {
  Spec spec;
  // What the Spec cannot say: fields that exclude or need each other. May be null.
  std::function<void(const Config&, Diagnostics*)> validate;
  std::function<Result<std::unique_ptr<Part>>(const Config&, const Context&)> make;
  // Connects and proves versions, privileges, settings. May be null: nothing to prove.
  std::function<Result<std::vector<CheckItem>>(const Config&, const Context&)> check;
  // Of a source: how many workers share its shards. May be null: one.
  std::function<int(const Config&)> workers;
  // Of a source: the one value in a position that people know it by, such as the cursor
  // of a poll. May be null, or answer nothing: there is none.
  std::function<std::string(const Position&)> cursor;
};
using SourceType = PartType<Source>;
using StepType = PartType<Step>;
using SinkType = PartType<Sink>;

class Registry {
 public:
  void Add(SourceType type) { sources_.push_back(std::move(type)); }
  void Add(StepType type) { steps_.push_back(std::move(type)); }
  void Add(SinkType type) { sinks_.push_back(std::move(type)); }

  const SourceType* FindSource(std::string_view name) const;
  const StepType* FindStep(std::string_view name) const;
  const SinkType* FindSink(std::string_view name) const;

  const std::vector<SourceType>& sources() const { return sources_; }
  const std::vector<StepType>& steps() const { return steps_; }
  const std::vector<SinkType>& sinks() const { return sinks_; }

 private:
  std::vector<SourceType> sources_;
  std::vector<StepType> steps_;
  std::vector<SinkType> sinks_;
};

}  // namespace leat
