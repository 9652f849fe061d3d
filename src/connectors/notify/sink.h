// NotifySink: each row a message to people, in the source's order.
//
// Messages leave in Write, where a row that the target refuses can still become a dead
// letter of its epoch. After each the ledger is saved, so that rows that are read again
// (the process was killed, an error in the midst of an epoch) are passed over: a message
// comes once, or again, with the same id, where it was on its way and its reply was not
// heard. Deletes make no message. Errors: Channel's and Ledger's; kConfig for a template
// that names a column which the table has not. Threads: core/sink.h.
#pragma once

#include <map>
#include <string>

#include "connectors/notify/channel.h"
#include "connectors/notify/ledger.h"
#include "connectors/notify/options.h"
#include "core/sink.h"

namespace leat::notify {

class NotifySink final : public TokenlessSink {
 public:
  NotifySink(SinkOptions options, const Context& context);

  Needs needs() const override { return {}; }
  Status Open(std::span<const SchemaRef> tables) override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return 0; }
  Result<Prepared> Prepare() override { return Prepared{}; }
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;

 private:
  // What became of a message: sent, unless one of these.
  struct Fate {
    bool left_out = false;
    std::string refused;  // why the target will never take it
  };

  // Each template's columns have to be there.
  Status CheckColumns(const SchemaRef& table);
  Result<Ledger::Rows*> RowsOf(const ShardId& shard);
  Status Take(Ledger::Rows* rows, const ShardId& shard, const Chunk& chunk, int64_t row,
              std::vector<DeadLetter>* rejects);
  Result<Fate> Tell(Message message);
  // Sets the message's text; answers its key.
  std::string Fill(const Values& values, Message* message) const;
  std::string IdOf(const ShardId& shard, const Ledger::Rows& rows) const;

  const SinkOptions options_;
  const Context context_;
  Ledger ledger_;
  Channel channel_;
  std::map<TableId, SchemaRef> checked_;
};

}  // namespace leat::notify
