// CommitLog: the compacted topic leat-commits, in which a pipeline's tokens stand,
// written in the same transactions as its records.
//
// All is in partition 0, so that a token has one place whatever becomes of the topic.
// Keys are JSON: ["pipeline","shard"] for a token, ["pipeline",null,"id"] for who claimed
// that transactional id last. A token is written right before its transaction is
// committed, so nobody's reading waits long for another's transaction.
//
// Owned by one sink, its thread only. Errors: as the client's; kConfig when the topic
// would forget (cleanup.policy is not compact).
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "connectors/topic/kafka/client.h"
#include "core/epoch.h"
#include "core/project_settings.h"

namespace leat::topic::kafka {

class CommitLog {
 public:
  static constexpr char kTopic[] = "leat-commits";
  static constexpr int kPartition = 0;

  CommitLog(const Broker& broker, std::string pipeline, Logger& log,
            const CancelToken& cancel);

  // The topic is there and keeps what it is told; creates it.
  Status Prepare(Client& client);
  // Reads on, to what is committed as of now. Waits for transactions that are about to
  // commit a token or to be aborted.
  Status Refresh();

  // As of the last Refresh and Note.
  const std::map<ShardId, Token>& tokens() const { return tokens_; }
  // Who claimed the transactional id last; empty: nobody.
  std::string Owner(const std::string& id) const;
  // What this process has committed itself.
  void Note(const Token& token) { tokens_[token.shard] = token; }

  std::string TokenKey(const ShardId& shard) const;
  std::string OwnerKey(const std::string& id) const;

 private:
  Status ReadTo(int64_t end);
  void Take(const rd_kafka_message_t& message);

  const Broker broker_;
  const std::string pipeline_;
  Logger& log_;
  const CancelToken& cancel_;
  int64_t next_ = 0;
  std::map<ShardId, Token> tokens_;
  std::map<std::string, std::string> owners_;
};

}  // namespace leat::topic::kafka
