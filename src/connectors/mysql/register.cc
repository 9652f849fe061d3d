#include "connectors/mysql/register.h"

#include "connectors/mysql/options.h"
#include "connectors/mysql/source.h"

namespace leat {

void RegisterMysql(Registry* registry) {
  SourceType type;
  type.spec = mysql::SourceSpec();
  type.validate = mysql::ValidateSource;
  type.make = [](const Config& config,
                 const Context& context) -> Result<std::unique_ptr<Source>> {
    ASSIGN_OR_RETURN(mysql::SourceOptions options, mysql::ReadSourceOptions(config));
    return std::unique_ptr<Source>(
        std::make_unique<mysql::LogSource>(std::move(options), context));
  };
  registry->Add(std::move(type));
}

}  // namespace leat
