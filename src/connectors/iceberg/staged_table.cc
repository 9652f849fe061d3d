#include "connectors/iceberg/staged_table.h"

#include <fmt/format.h>

#include <random>

#include "core/json.h"

namespace leat::iceberg {
namespace {

nlohmann::json FilesToJson(const std::vector<DataFile>& files) {
  auto json = nlohmann::json::array();
  for (const DataFile& file : files) json.push_back(ToJson(file));
  return json;
}

Status ReadFiles(const nlohmann::json& json, std::vector<DataFile>* files) {
  for (const auto& item : json) {
    ASSIGN_OR_RETURN(DataFile file, DataFileFromJson(item));
    files->push_back(std::move(file));
  }
  return Status::Ok();
}

Result<StagedTable> ReadStaged(const nlohmann::json& json) {
  StagedTable staged;
  staged.name = json.at("name").get<std::string>();
  staged.base_snapshot = json.at("base").get<int64_t>();
  staged.base_sequence = json.at("sequence").get<int64_t>();
  staged.truncate = json.at("truncate").get<bool>();
  staged.named = json.at("named").get<std::vector<std::string>>();
  RETURN_IF_ERROR(ReadFiles(json.at("data"), &staged.data));
  RETURN_IF_ERROR(ReadFiles(json.at("deletes"), &staged.deletes));
  return staged;
}

}  // namespace

std::string ToJson(const Manifest& manifest) {
  auto json = nlohmann::json::object();
  for (const auto& [table, staged] : manifest) {
    json[table] = {{"name", staged.name},
                   {"base", staged.base_snapshot},
                   {"sequence", staged.base_sequence},
                   {"truncate", staged.truncate},
                   {"named", staged.named},
                   {"data", FilesToJson(staged.data)},
                   {"deletes", FilesToJson(staged.deletes)}};
  }
  return DumpJson(json);
}

Result<Manifest> ManifestFromJson(std::string_view text) {
  Manifest manifest;
  if (text.empty()) return manifest;
  try {
    const auto json = ParseJson<nlohmann::json>(text);
    for (const auto& [table, staged] : json.items()) {
      ASSIGN_OR_RETURN(manifest[table], ReadStaged(staged));
    }
  } catch (const nlohmann::json::exception& e) {
    return Status::Bug(std::string("the saved manifest cannot be read: ") + e.what());
  }
  return manifest;
}

std::set<std::string> FilesOf(std::span<const Checkpoint> epochs) {
  std::set<std::string> files;
  for (const Checkpoint& epoch : epochs) {
    const auto manifest = ManifestFromJson(epoch.manifest);
    if (!manifest.ok()) continue;
    for (const auto& [table, staged] : *manifest) {
      for (const DataFile& file : staged.data) files.insert(file.path);
      for (const DataFile& file : staged.deletes) files.insert(file.path);
    }
  }
  return files;
}

std::string NewStageName() {
  std::random_device random;
  std::string name;
  for (int i = 0; i < 4; i++) name += fmt::format("{:08x}", random());
  return name;
}

}  // namespace leat::iceberg
