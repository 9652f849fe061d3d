// Writer: one connection that writes rows inside a transaction, or a branch of one (XA).
// A statement that a row makes fail is undone and tried again in halves, until the row
// stands alone: it is a dead letter, the others are written.
//
// Owned by the sink; one thread at a time. Errors: as Client's; conflict() says more of
// the last one.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connectors/mysql/client/client.h"
#include "connectors/mysql/sink/options.h"
#include "connectors/mysql/sink/row_statement.h"

namespace leat::mysql {

class Writer {
 public:
  static constexpr int kLockWait = 5;
  // A row that cannot be written, and why.
  using Reject = std::function<void(const RowRef&, std::string reason)>;

  // `number` of this owner's connections, from 0. `lock_wait`: seconds for a row that
  // somebody else has locked.
  Writer(const SinkOptions& options, int number, int lock_wait = kLockWait);

  // Connected, anew where the connection was lost while nothing was under way. Without an
  // owner the connection only looks, and has no name.
  Result<Client*> Ready(const std::string& owner);
  // Begins a transaction, Ready or not; or a branch of that name, when Ready: who settles
  // it has to have found the connection.
  Status Begin(const std::string& owner, const std::string& branch);
  bool began() const { return began_; }

  Status Write(const std::shared_ptr<const TablePlan>& plan, Change change,
               const RowBatches& batches, std::span<const RowRef> rows,
               const Reject& reject);
  // Deletes every row of the table.
  Status Clear(const TablePlan& plan);

  // A branch: from then on it outlives the connection. Commit ends it.
  Status Prepare();
  Status Commit();
  // Also when nothing began. The connection goes where that fails.
  void Rollback();
  // Ends the connection, and with it what is not prepared.
  void Disconnect();

  // For statements of the transaction.
  Client* client() { return client_.get(); }
  // The last error: written again, the rows may go through.
  bool conflict() const { return conflict_; }
  // The table's statements are forgotten.
  void Forget(const TableId& table);

 private:
  Result<Client*> Connected(const std::string& owner);
  Status SetUp(const std::string& owner);
  Status TakeName(const std::string& name);
  Status Run(RowStatement& statement, const RowBatches& batches,
             std::span<const RowRef> rows, const Reject& reject);
  Status RunHalves(RowStatement& statement, const RowBatches& batches,
                   std::span<const RowRef> rows, const Reject& reject);
  Status Note(const Status& status);
  Status Failed(const RowStatement& statement, const ServerError& error);
  Result<RowStatement*> Find(const std::shared_ptr<const TablePlan>& plan, Change change);

  const SinkOptions& options_;
  const int number_;
  const int lock_wait_;
  std::unique_ptr<Client> client_;
  std::chrono::steady_clock::time_point used_;
  std::map<std::pair<TableId, Change>, std::unique_ptr<RowStatement>> statements_;
  size_t most_bytes_ = 0;  // of the values of one statement
  size_t packet_ = 0;      // the server's max_allowed_packet
  bool began_ = false;
  std::string branch_;
  bool prepared_ = false;
  bool conflict_ = false;
};

// What every connection of the sink sets: strict values, no waiting for ever.
Status SetUpSinkSession(Client& client, const SinkOptions& options, int lock_wait);

}  // namespace leat::mysql
