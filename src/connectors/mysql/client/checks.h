// What a server must be and allow before it can be followed: version, log settings,
// privileges, each with the statement or my.cnf line that is missing. For `leat check`
// and for the start of a pipeline. Borrows the client for the call.
// Errors: as Client's; what is missing is no error but an item.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/client/catalog.h"
#include "core/registry.h"

namespace leat::mysql {

class Client;

struct ServerNeeds {
  bool log = true;            // `read: cdc`; otherwise rows are selected only
  bool full_metadata = true;  // not `metadata: minimal`
};

struct ServerCheck {
  CheckItem item;
  bool required = true;  // not OK stops a pipeline at its start
};

// Server, log and privileges, then each followed table.
Result<std::vector<ServerCheck>> CheckServer(Client* client, const ServerNeeds& needs,
                                             const TablePatterns& tables);

// kConfig with every required item that is not OK and its remedy.
Status RequireAll(const std::vector<ServerCheck>& checks, const std::string& where);

}  // namespace leat::mysql
