
#include "cli/commands.h"
#include "core/json.h"

namespace leat {

void AddVersion(const Command& command) {
  auto output = std::make_shared<std::string>("text");
  Arguments app = command.arguments.Command("version", "Print which Leat this is");
  AddOutput(app, output.get());
  app.Run([command, output] {
    command.shell->Out(*output == "json"
                           ? DumpJson(nlohmann::json{{"version", LEAT_VERSION}}) + "\n"
                           : std::string("leat " LEAT_VERSION "\n"));
  });
}

}  // namespace leat
