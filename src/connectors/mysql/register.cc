#include "connectors/mysql/register.h"

#include "connectors/mysql/once.h"
#include "connectors/mysql/options.h"
#include "connectors/mysql/poll_position.h"
#include "connectors/mysql/sink/checks.h"
#include "connectors/mysql/sink/options.h"
#include "connectors/mysql/sink/sink.h"
#include "connectors/mysql/source.h"

namespace leat {
namespace {

SourceType MysqlSource() {
  SourceType type;
  type.spec = mysql::SourceSpec();
  type.validate = mysql::ValidateSource;
  type.make = [](const Config& config,
                 const Context& context) -> Result<std::unique_ptr<Source>> {
    ASSIGN_OR_RETURN(mysql::SourceOptions options, mysql::ReadSourceOptions(config));
    if (options.read == mysql::SourceOptions::Read::kPoll) {
      return mysql::MakePollSource(options.url, options.poll, context);
    }
    if (options.read == mysql::SourceOptions::Read::kOnce) {
      return mysql::MakeOnceSource(options, context);
    }
    return std::unique_ptr<Source>(
        std::make_unique<mysql::LogSource>(std::move(options), context));
  };
  type.check = [](const Config& config,
                  const Context&) -> Result<std::vector<CheckItem>> {
    ASSIGN_OR_RETURN(mysql::SourceOptions options, mysql::ReadSourceOptions(config));
    ASSIGN_OR_RETURN(auto client, mysql::Client::Connect(options.url));
    ASSIGN_OR_RETURN(auto checks, mysql::CheckServer(client.get(), options.server_needs(),
                                                     options.tables));
    std::vector<CheckItem> items;
    for (mysql::ServerCheck& check : checks) items.push_back(std::move(check.item));
    return items;
  };
  type.cursor = [](const Position& position) {
    auto poll = mysql::PollPosition::Parse(position);
    return poll.ok() ? poll->floor : std::string();
  };
  return type;
}

SinkType MysqlTarget() {
  SinkType type;
  type.spec = mysql::SinkSpec();
  type.validate = mysql::ValidateSink;
  type.make = [](const Config& config,
                 const Context& context) -> Result<std::unique_ptr<Sink>> {
    ASSIGN_OR_RETURN(mysql::SinkOptions options, mysql::ReadSinkOptions(config));
    return std::unique_ptr<Sink>(
        std::make_unique<mysql::MysqlSink>(std::move(options), context));
  };
  type.check = [](const Config& config,
                  const Context& context) -> Result<std::vector<CheckItem>> {
    ASSIGN_OR_RETURN(mysql::SinkOptions options, mysql::ReadSinkOptions(config));
    return mysql::CheckTarget(options, context);
  };
  return type;
}

}  // namespace

void RegisterMysql(Registry* registry) {
  registry->Add(MysqlSource());
  registry->Add(MysqlTarget());
}

}  // namespace leat
