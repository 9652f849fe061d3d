// The routes of the API that commands answer too: each is one request to the control
// socket (runtime/control.h), and one operation of the OpenAPI document. Constant; any
// thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace leat {

enum class Role : uint8_t { kViewer, kOperator };

// A parameter of a query; the command calls it the same.
struct QueryParameter {
  std::string_view name;
  int64_t most = 0;  // a number from 0 to this; 0: it is text
  std::string_view fallback;
  std::string_view doc;
  bool required = false;
};

struct Route {
  std::string_view method;
  std::string_view path;     // "/api/pipelines/{name}/stop": one {name} at most
  std::string_view command;  // of the control socket; empty: answered here
  std::string_view field;    // what that command calls {name}
  std::string_view summary;
  std::span<const QueryParameter> query = {};

  // {name} is that of a pipeline of this process.
  bool of_pipeline() const { return path.starts_with("/api/pipelines/{name}"); }

  // Who looks may, who changes has to be an operator.
  Role role() const { return method == "GET" ? Role::kViewer : Role::kOperator; }
};

std::span<const Route> Routes();

struct RouteMatch {
  const Route* route = nullptr;
  std::string name;  // what stands for {name}
};
// Nothing where no route has the path. Where one has, but not the method, its route is
// null.
std::optional<RouteMatch> FindRoute(std::string_view method, std::string_view path);

// The methods that a path takes: "GET, POST"; empty: it is of no route.
std::string MethodsOf(std::string_view path);

// OpenAPI 3.1, as JSON.
std::string OpenApi();

}  // namespace leat
