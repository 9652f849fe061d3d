// Opens a consistent read of a table at a log position known exactly: every transaction
// logged before the mark is in it, none after. Without a lock where the server allows it.
// Owned by one snapshot worker; one thread.
// Errors as Client's; kConfig when the log is off or a privilege is missing.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "connectors/mysql/client/catalog.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/snapshot/snapshot_mark.h"

namespace leat::mysql {

class SnapshotView {
 public:
  static Result<std::unique_ptr<SnapshotView>> Connect(const Url& url);

  // Reads on client() until Close see the table as of the mark.
  Result<LogMark> Open(const CatalogTable& table, const CancelToken& cancel);
  // Without a place in the log, which need not be there: of all tables, as of now.
  Status OpenForAll();
  Status Close();
  // Where the log ends now; what was committed before the call is in front of it.
  Result<LogMark> LogEnd();

  Client& client() { return *client_; }
  // Ends whatever runs. Any thread.
  void Interrupt() { client_->Interrupt(); }

 private:
  explicit SnapshotView(std::unique_ptr<Client> client) : client_(std::move(client)) {}
  Result<LogMark> OpenMariadb();
  Result<bool> TryWithoutLock(LogMark* mark);
  Result<bool> TryWithLock(const CatalogTable& table, LogMark* mark);
  Result<bool> LockTable(Client* client, const CatalogTable& table);
  Result<LogMark> LogEndOf(Client* client);
  std::string LogStatus() const;

  std::unique_ptr<Client> client_;
  std::unique_ptr<Client> locker_;  // made when a lock is needed
};

}  // namespace leat::mysql
