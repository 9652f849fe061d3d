// HttpSource: what is POSTed to a server of the pipeline's own. A record is kept in an
// embedded topic before it is acknowledged, and read from there like any topic: whatever
// happens between the answer and the sink, it is neither lost nor doubled. The topic is
// embedded even where the project's broker is Kafka. Threads and errors: core/source.h.
#pragma once

#include <optional>

#include "connectors/topic/embedded/source.h"
#include "connectors/topic/http/server.h"

namespace leat::topic::http {

std::vector<Field> SourceFields();
void ValidateSource(const Config& config, Diagnostics* diagnostics);

class HttpSource final : public Source {
 public:
  static Result<std::unique_ptr<Source>> Make(const Config& config,
                                              const Context& context);

  Status Open(const Needs& needs) override;
  Result<std::vector<SchemaRef>> Tables() override { return inbox_.Tables(); }
  Result<Position> Start(const ShardId& shard, const Resume& resume) override {
    return inbox_.Start(shard, resume);
  }
  Result<ReadResult> Read(SteadyTime deadline) override { return inbox_.Read(deadline); }
  Result<Position> End(const ShardId& shard) override { return inbox_.End(shard); }
  bool Reached(const Position& at, const Position& target) const override {
    return inbox_.Reached(at, target);
  }
  Lag GetLag() const override { return inbox_.GetLag(); }
  void Ack(const ShardId& shard, const Position& committed) override {
    inbox_.Ack(shard, committed);
  }

 private:
  HttpSource(SourceOptions inbox, TopicSettings settings, ServerOptions server,
             const Context& context);

  const std::string topic_;
  const TopicSettings settings_;
  TopicLog& log_;
  embedded::EmbeddedSource inbox_;
  Server server_;  // ends first: it calls the log
};

}  // namespace leat::topic::http
