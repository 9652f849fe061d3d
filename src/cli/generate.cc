// leat generate: the reference workloads in a database of the user's, once or live.
#include "cli/generate.h"

#include "cli/commands.h"
#include "cli/signals.h"
#include "core/units.h"

namespace leat {
namespace {

struct Chosen {
  generate::Options options;
  std::string duration;
};

int RunWorkload(const Chosen& chosen, const Shell& shell,
                std::unique_ptr<generate::Workload> workload) {
  CancelToken cancel;
  SignalWatch signals([&] { cancel.Cancel(); }, [] {});
  Status status = generate::Generate(
      chosen.options, workload.get(), cancel,
      [&](std::string_view line) { shell.Err(std::string(line) + "\n"); });
  return status.ok() ? static_cast<int>(kExitDone) : shell.Fail(status);
}

std::shared_ptr<Chosen> AddCommon(Arguments app) {
  auto chosen = std::make_shared<Chosen>();
  generate::Options& options = chosen->options;
  app.Option("--to", &options.to, "mysql://user:password@host:port/database").Required();
  app.Option("--seed", &options.seed, "Another seed, other rows").ShowDefault();
  app.Flag("--replace", &options.replace, "Drop the tables where they are there");
  app.Option("--live", &options.live, "Then go on with so many transactions a second")
      .Between(0.001, 1e6);
  app.Option("--for", &chosen->duration, "End the live part after this time: 30s, 5m")
      .Check([&options](const std::string& text) {
        auto micros = ParseDuration(text);
        if (micros) options.duration = Micros(*micros);
        return micros ? "" : "write a number with a unit, such as 30s, 5m";
      });
  return chosen;
}

void AddShop(Arguments parent, const Command& command) {
  Arguments app = parent.Command(
      "shop",
      "orders, order_details, customers, payment_method; consistent at all times");
  auto chosen = AddCommon(app);
  app.Option("--customers", &chosen->options.customers, "How many")
      .Between(int64_t{1}, int64_t{1} << 30)
      .ShowDefault();
  app.Option("--orders", &chosen->options.orders,
             "How many; order_details are 1.88 times as many")
      .Between(int64_t{1}, int64_t{1} << 30)
      .ShowDefault();
  app.Footer(
      R"(A live transaction is a new order with its details, or a change or the end of an old one, or
a change of a customer.

Examples:
  leat generate shop --to mysql://root@127.0.0.1:3306/shop
  leat generate shop --to mysql://root@127.0.0.1:3306/shop --live 200 --for 1m)");
  app.Run([command, chosen] {
    *command.exit_code =
        RunWorkload(*chosen, *command.shell, generate::MakeShop(chosen->options));
  });
}

void AddNft(Arguments parent, const Command& command) {
  Arguments app = parent.Command(
      "nft", "erc721_holders and erc20_holders, which only grow, by their key _id");
  auto chosen = AddCommon(app);
  app.Option("--rows", &chosen->options.rows, "Of each table")
      .Between(int64_t{1}, int64_t{1} << 40)
      .ShowDefault();
  app.Footer(R"(Examples:
  leat generate nft --to mysql://root@127.0.0.1:3306/tx_collector --rows 10000
  leat generate nft --to mysql://root@127.0.0.1:3306/tx_collector --live 50)");
  app.Run([command, chosen] {
    *command.exit_code =
        RunWorkload(*chosen, *command.shell, generate::MakeNft(chosen->options));
  });
}

}  // namespace

void AddGenerate(const Command& command) {
  Arguments app = command.arguments.Command(
      "generate", "Fill a database with a reference workload, and keep changing it");
  app.RequireCommand();
  AddShop(app, command);
  AddNft(app, command);
}

}  // namespace leat
