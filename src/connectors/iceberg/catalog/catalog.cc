#include "connectors/iceberg/catalog/catalog.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/folder.h"
#include "connectors/iceberg/catalog/hadoop_catalog.h"
#include "connectors/iceberg/catalog/sql_catalog.h"

namespace leat::iceberg {

TableName TableName::Parse(std::string_view text) {
  size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return {"default", std::string(text)};
  return {std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

Result<std::unique_ptr<Catalog>> OpenCatalog(const CatalogOptions& options, FileIo& files,
                                             const std::string& data) {
  if (options.type == "hadoop") {
    if (!files.local()) {
      return Status::Config(
          "A Hadoop catalog in S3 would need a file to be created only if it is absent, "
          "which is not possible there: two writers could lose each other's commits. Use "
          "catalog: {type: sql}");
    }
    return std::unique_ptr<Catalog>(new HadoopCatalog(files));
  }
  std::string path = options.uri;
  if (path.starts_with("sqlite:///")) path.erase(0, 10);
  if (path.find("://") != std::string::npos) {
    return Status::Config(fmt::format(
        "The catalog {} cannot be opened; a sql catalog is a SQLite file here", path));
  }
  if (path.empty()) {
    path = files.local() ? LocalPath(files.root()) + "/catalog.db" : data + "/catalog.db";
  }
  RETURN_IF_ERROR(MakeFolder(std::filesystem::absolute(path).parent_path())
                      .Within("creating the catalog " + path));
  ASSIGN_OR_RETURN(std::unique_ptr<SqlCatalog> catalog,
                   SqlCatalog::Open(path, options.name, files));
  return std::unique_ptr<Catalog>(std::move(catalog));
}

}  // namespace leat::iceberg
