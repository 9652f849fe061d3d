// Token holders: two tables that only grow, with a cursor (_id) for polling.
#include <fmt/format.h>

#include "cli/generate.h"
#include "connectors/mysql/client/client.h"

namespace leat::generate {
namespace {

constexpr uint64_t kContracts = 200;
constexpr uint64_t kHolders = 5'000;
constexpr const char* kErc721 = "erc721_holders";
constexpr const char* kErc20 = "erc20_holders";
constexpr const char* kErc721Columns =
    "(contract_address, token_id, holder_address, block_number, transaction_hash, "
    "updated_at)";
constexpr const char* kErc20Columns =
    "(contract_address, holder_address, balance, block_number, transaction_hash, "
    "updated_at)";

class Nft final : public Workload {
 public:
  explicit Nft(const Options& options) : options_(options), random_(options.seed) {}

  std::string_view main_table() const override { return kErc721; }

  Status CreateTables(mysql::Client& client) override {
    for (const auto& [name, own] :
         {std::pair(kErc721, "token_id VARCHAR(78) NOT NULL"),
          std::pair(kErc20, "balance DECIMAL(38,0) NOT NULL")}) {
      RETURN_IF_ERROR(client.Execute(fmt::format("DROP TABLE IF EXISTS {}", name)));
      RETURN_IF_ERROR(client.Execute(fmt::format(
          "CREATE TABLE {} (_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "
          "contract_address CHAR(42) NOT NULL, holder_address CHAR(42) NOT NULL, {}, "
          "block_number BIGINT NOT NULL, transaction_hash CHAR(66) NOT NULL, "
          "updated_at TIMESTAMP(3) NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
          name, own)));
    }
    return Status::Ok();
  }

  Status Fill(mysql::Client& client) override {
    filled_ = true;
    BulkInsert erc721(client, fmt::format("{} {}", kErc721, kErc721Columns));
    for (int64_t i = 0; i < options_.rows; i++) {
      RETURN_IF_ERROR(erc721.Add(Erc721("'2025-06-01 00:00:00.250'")));
    }
    RETURN_IF_ERROR(erc721.Finish());
    BulkInsert erc20(client, fmt::format("{} {}", kErc20, kErc20Columns));
    for (int64_t i = 0; i < options_.rows; i++) {
      RETURN_IF_ERROR(erc20.Add(Erc20("'2025-06-01 00:00:00.500'")));
    }
    return erc20.Finish();
  }

  Status Learn(mysql::Client& client) override {
    if (filled_) return Status::Ok();
    ASSIGN_OR_RETURN(auto last, client.QueryValue(fmt::format(
                                    "SELECT MAX(block_number) FROM {}", kErc20)));
    block_ = static_cast<uint64_t>(std::atoll(last.value_or("19000000").c_str())) + 1;
    random_ = Random(options_.seed ^ block_);  // not the rows that are there again
    return Status::Ok();
  }

  std::string Change() override {
    bool nft = random_.Below(2) == 0;
    return nft ? fmt::format("INSERT INTO {} {} VALUES {};", kErc721, kErc721Columns,
                             Erc721("NOW(3)"))
               : fmt::format("INSERT INTO {} {} VALUES {};", kErc20, kErc20Columns,
                             Erc20("NOW(3)"));
  }

 private:
  // The same few addresses come again, as they do on a chain.
  static std::string Address(uint64_t number) { return "0x" + Random(number).Hex(40); }
  std::string Contract() { return Address(random_.Below(kContracts)); }
  std::string Holder() { return Address(1'000'000 + random_.Below(kHolders)); }

  std::string Erc721(std::string_view moment) {
    // Some collections count their tokens, some hash them into 256 bits.
    std::string token = random_.Below(10) > 0
                            ? fmt::format("{}", random_.Below(10'000))
                            : fmt::format("{}{:019}{:019}", 1 + random_.Below(9),
                                          random_.Next() % 10'000'000'000'000'000'000U,
                                          random_.Next() % 10'000'000'000'000'000'000U);
    return fmt::format("('{}','{}','{}',{},'0x{}',{})", Contract(), token, Holder(),
                       block_++, random_.Hex(64), moment);
  }

  std::string Erc20(std::string_view moment) {
    return fmt::format("('{}','{}',{}{:018},{},'0x{}',{})", Contract(), Holder(),
                       random_.Below(1'000'000'000),
                       random_.Below(1'000'000'000'000'000'000), block_++,
                       random_.Hex(64), moment);
  }

  const Options options_;
  Random random_;
  bool filled_ = false;
  uint64_t block_ = 19'000'000;
};

}  // namespace

std::unique_ptr<Workload> MakeNft(const Options& options) {
  return std::make_unique<Nft>(options);
}

}  // namespace leat::generate
