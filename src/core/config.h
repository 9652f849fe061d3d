// Config: a mapping of a pipeline file, already checked against its Spec, with the place
// of every value. Getters answer the declared default where the file is silent (without
// one: an empty or zero value; see Has); asking for a field the Spec does not declare, or
// by another type, is a bug and ends the program. Constant after parsing, cheap to copy;
// any thread. It cannot be printed: values of Secret fields are in it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "core/spec.h"

namespace leat {

struct Place {
  std::string file;
  int line = 0;  // from 1; 0: the file as a whole
  int column = 0;
};

// One finding about a file: what is wrong and what to do.
struct Diagnostic {
  Place place;
  std::string message;
  std::string suggestion;  // may be empty

  // file:line:column: message; suggestion
  std::string ToString() const;
};
using Diagnostics = std::vector<Diagnostic>;

// By file, line and column, as a reader goes through a file.
void SortByPlace(Diagnostics* diagnostics);
// One error of them all, a line each.
Status ToStatus(Diagnostics diagnostics);

class Config {
 public:
  bool Has(std::string_view field) const;  // the file has it
  const std::string& String(std::string_view field) const;
  int64_t Int(std::string_view field) const;
  bool Bool(std::string_view field) const;
  Micros Duration(std::string_view field) const;
  int64_t Bytes(std::string_view field) const;
  const std::vector<std::string>& Strings(std::string_view field) const;
  const std::map<std::string, std::string>& Map(std::string_view field) const;
  const Config& Object(std::string_view field) const;
  const std::map<std::string, Config>& Objects(std::string_view field) const;
  // kPart: the one the file names, and its own mapping.
  const std::string& PartName(std::string_view field) const;
  const Config& Part(std::string_view field) const;
  // kParts: one Config each, which has the single kPart field "part".
  const std::vector<Config>& Parts(std::string_view field) const;

  const Place& place() const { return place_; }
  Place At(std::string_view field) const;  // of its value, or of the mapping
  // What relative paths in it start from: the project's folder (where leat.yaml is).
  const std::string& folder() const { return folder_; }
  // A String that is a path: relative ones start at folder(); empty ones and URLs stay.
  std::string Path(std::string_view field) const;
  // Nothing was found wrong with it or below it.
  bool clean() const { return clean_; }

 private:
  friend class ConfigReader;
  struct Value;
  const Value& Get(std::string_view field) const;

  Place place_;
  std::string folder_;
  bool clean_ = true;
  std::map<std::string, std::shared_ptr<const Value>, std::less<>> values_;
};

}  // namespace leat
