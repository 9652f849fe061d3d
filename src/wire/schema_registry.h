// SchemaRegistry: a client of Confluent's Schema Registry, for schemas of Avro records.
// What it answers is kept: an id and a registered schema never change. One thread.
// Errors: kTransient (not reachable, overloaded), kConfig (access denied, an incompatible
// schema, a server that is no registry), kData for an id that the registry does not know.
// Source: the REST interface of Confluent's Schema Registry.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "wire/http_client.h"

namespace leat {

struct RegistryOptions {
  std::string url;  // http://127.0.0.1:8081
  std::string user;
  std::string password;
  std::string ca;  // a file of certificates to trust instead of the system's
};

class SchemaRegistry {
 public:
  explicit SchemaRegistry(RegistryOptions options);

  // The text of a schema.
  Result<std::string> GetSchema(int32_t id);
  // The id of a schema under a subject; it is registered where it is new.
  Result<int32_t> Register(const std::string& subject, const std::string& schema);

 private:
  // `body` empty: a GET.
  Result<HttpAnswer> Call(const std::string& path, std::string_view body);
  Status Refused(const HttpAnswer& answer, std::string_view what) const;

  const std::string url_;
  HttpClient http_;
  std::map<int32_t, std::string> schemas_;
  std::map<std::pair<std::string, std::string>, int32_t> ids_;
};

}  // namespace leat
