// The reference workloads that leat generate makes: tables in a database, filled and then
// changed. Each is deterministic by its seed as long as it starts from empty tables.
// One thread; errors are those of the server, with what was being done.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace leat::mysql {
class Client;
}

namespace leat::generate {

struct Options {
  std::string to;  // mysql://user:password@host:port/database
  uint64_t seed = 1;
  bool replace = false;
  double live = 0;     // transactions a second; 0: none
  Micros duration{0};  // of the live part; 0: until stopped
  int64_t customers = 1'000'000;
  int64_t orders = 25'000;
  int64_t rows = 100'000;  // nft: of each table
};

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere, which the standard
// library's distributions are not.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  // From 0 to n - 1.
  uint64_t Below(uint64_t n) { return Next() % n; }
  std::string Hex(int digits);
  std::string Uuid();

 private:
  uint64_t state_;
};

// Rows of one table, many a statement. Nothing is sent until a statement is full or
// Finish.
class BulkInsert {
 public:
  // `into` is "orders (id, name)".
  BulkInsert(mysql::Client& client, std::string_view into);
  // A row as SQL: "(1, 'a')".
  Status Add(std::string_view row);
  Status Finish();

 private:
  Status Send();

  mysql::Client& client_;
  const std::string start_;
  std::string statement_;
  int statements_ = 0;  // of the open transaction
};

// What one kind of workload is made of.
class Workload {
 public:
  virtual ~Workload() = default;
  // A table that is there when the workload's tables are.
  virtual std::string_view main_table() const = 0;
  virtual Status CreateTables(mysql::Client& client) = 0;  // drops those that are there
  virtual Status Fill(mysql::Client& client) = 0;
  // Learns from the tables what Change needs, after Fill or where they were there before.
  virtual Status Learn(mysql::Client& client) = 0;
  // The statements of the next transaction, without BEGIN and COMMIT.
  virtual std::string Change() = 0;
};

std::unique_ptr<Workload> MakeShop(const Options& options);
std::unique_ptr<Workload> MakeNft(const Options& options);

// Creates, fills and changes, as the options say, until done or cancelled. `say` gets a
// line for each thing done.
Status Generate(const Options& options, Workload* workload, const CancelToken& cancel,
                const std::function<void(std::string_view)>& say);

}  // namespace leat::generate
