#include "core/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace leat {
namespace {

constexpr size_t kMaxFile = 64 << 10;

bool IsName(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '_');
  });
}

// The file without the newline editors end it with.
Result<std::string> ReadSmallFile(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string content(kMaxFile + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!in.is_open() || in.bad()) {
    return Status::Config(
        fmt::format("cannot read the file {}: {}", path, strerror(errno)));
  }
  content.resize(static_cast<size_t>(in.gcount()));
  if (content.size() > kMaxFile) {
    return Status::Config(fmt::format("the file {} is larger than 64 KiB", path));
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  return content;
}

void PutFile(const std::string& path, const Environment& environment,
             Replaced::Problem problem, Replaced* out) {
  auto content = environment.file(path);
  if (!content.ok()) {
    problem.message = content.status().message();
    problem.suggestion = "create it, or let this user read it";
    out->problems.push_back(std::move(problem));
    return;
  }
  out->text += *content;
  out->secrets.push_back(*std::move(content));
}

void PutVariable(std::string_view inside, const Environment& environment,
                 Replaced::Problem problem, Replaced* out) {
  size_t colon = inside.find(':');
  std::string name(inside.substr(0, colon));
  if (!IsName(name)) {
    problem.message = fmt::format("\"${{{}}}\" does not name a variable", inside);
    problem.suggestion = "for a plain ${ write $${";
    out->problems.push_back(std::move(problem));
    return;
  }
  std::optional<std::string> value = environment.variable(name);
  if (colon == std::string_view::npos) {
    if (!value) {
      problem.message = fmt::format("the environment variable {} is not set", name);
      problem.suggestion = fmt::format("set it, or write ${{{}:default}}", name);
      out->problems.push_back(std::move(problem));
    }
    out->text += value.value_or("");
    return;
  }
  std::string_view rest = inside.substr(colon + 1);
  bool has = value && !value->empty();
  if (has) {
    out->text += *value;
  } else if (!rest.starts_with('?')) {
    out->text += rest;
  } else {
    problem.message = rest.size() > 1
                          ? std::string(rest.substr(1))
                          : fmt::format("the environment variable {} is not set", name);
    problem.suggestion = fmt::format("set the environment variable {}", name);
    out->problems.push_back(std::move(problem));
  }
}

}  // namespace

Environment Environment::Process() {
  return {[](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value ? std::optional<std::string>(value) : std::nullopt;
          },
          ReadSmallFile};
}

Replaced ReplaceVariables(std::string_view scalar, const Environment& environment) {
  Replaced out;
  size_t done = 0;
  for (size_t at = scalar.find("${"); at != std::string_view::npos;
       at = scalar.find("${", done)) {
    out.changed = true;
    if (at > done && scalar[at - 1] == '$') {
      out.text += scalar.substr(done, at - 1 - done);
      out.text += "${";
      done = at + 2;
      continue;
    }
    out.text += scalar.substr(done, at - done);
    size_t end = scalar.find('}', at);
    Replaced::Problem problem;
    problem.at = at;
    if (end == std::string_view::npos) {
      problem.message = "${ without a closing }";
      problem.suggestion = "for a plain ${ write $${";
      out.problems.push_back(std::move(problem));
      return out;
    }
    std::string_view inside = scalar.substr(at + 2, end - at - 2);
    if (inside.starts_with("file:")) {
      PutFile(std::string(inside.substr(5)), environment, std::move(problem), &out);
    } else {
      PutVariable(inside, environment, std::move(problem), &out);
    }
    done = end + 1;
  }
  out.text += scalar.substr(done);
  return out;
}

}  // namespace leat
