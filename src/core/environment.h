// What the text of a scalar may draw on from outside its file: ${VAR}, ${VAR:default},
// ${VAR:?message} and ${file:/path}; $${ stands for a plain ${. What is put in is never
// looked at again. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace leat {

struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<Result<std::string>(const std::string& path)> file;

  static Environment Process();
};

struct Replaced {
  std::string text;
  bool changed = false;
  std::vector<std::string> secrets;  // what came out of files
  // One for each replacement that failed: what is wrong, what to do, and the byte of the
  // scalar it starts at.
  struct Problem {
    std::string message;
    std::string suggestion;
    size_t at = 0;
  };
  std::vector<Problem> problems;
};

Replaced ReplaceVariables(std::string_view scalar, const Environment& environment);

}  // namespace leat
