#include "connectors/topic/kafka/instance.h"

#include <fmt/format.h>

#include <fstream>
#include <random>

#include "base/folder.h"

namespace leat::topic::kafka {

Result<std::string> InstanceId(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "kafka-instance";
  std::string id;
  std::ifstream in(file);
  if (in >> id && id.size() == 16) return id;
  RETURN_IF_ERROR(MakeFolder(folder));
  std::random_device random;
  id = fmt::format("{:08x}{:08x}", random(), random());
  const std::filesystem::path fresh = file.string() + ".new";
  std::error_code error;
  if (!(std::ofstream(fresh) << id << "\n").flush()) {
    return Status::Config("cannot write " + fresh.string());
  }
  std::filesystem::rename(fresh, file, error);
  if (error)
    return Status::Config("cannot write " + file.string() + ": " + error.message());
  return id;
}

}  // namespace leat::topic::kafka
