// The shop: customers, orders, their details, payment methods. An order's num_products is
// at all times the number of its details, in every transaction.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/generate.h"
#include "connectors/mysql/client/client.h"

namespace leat::generate {
namespace {

constexpr std::string_view kFirst[] = {
    "Amelia", "Noah",  "Olivia", "Liam",   "Aisha",  "Mateo",  "Sofía",  "José",
    "Zoë",    "Lukas", "Mia",    "Jürgen", "Ingrid", "Søren",  "Łukasz", "Zuzanna",
    "Anh",    "Minh",  "Linh",   "Hương",  "민준",   "서연",   "陽翔",   "さくら",
    "Chloé",  "Louis", "Priya",  "Arjun",  "Fatima", "Yusuf",  "Nia",    "Kwame",
    "Grace",  "Henry", "Elena",  "Marco",  "Giulia", "Dmitri", "Olga",   "Hannah"};
constexpr std::string_view kLast[] = {
    "Smith",     "Johnson", "García", "Martínez", "Müller",   "Schmidt", "Nguyễn",
    "Trần",      "Lê",      "Kim",    "Lee",      "Park",     "佐藤",    "鈴木",
    "Dubois",    "Moreau",  "Rossi",  "Bianchi",  "Kowalski", "Nowak",   "Hansen",
    "Johansson", "Silva",   "Santos", "O'Brien",  "Murphy",   "Patel",   "Singh",
    "Khan",      "Ali",     "Okafor", "Mensah",   "Ivanov",   "Petrova", "Yılmaz",
    "Demir",     "Cohen",   "Levi",   "Walker",   "Young"};
constexpr std::string_view kTiers[] = {"bronze", "silver", "gold", "platinum"};
constexpr std::string_view kMethods[][2] = {{"Cash", "None"},
                                            {"Credit card", "Vietcombank"},
                                            {"Credit card", "BIDV"},
                                            {"Credit card", "Techcombank"},
                                            {"Debit card", "Vietcombank"},
                                            {"Debit card", "ACB"},
                                            {"Debit card", "MB Bank"},
                                            {"Bank transfer", "VPBank"},
                                            {"Bank transfer", "TPBank"},
                                            {"E-wallet", "MoMo"},
                                            {"E-wallet", "ZaloPay"},
                                            {"Voucher", "None"}};
constexpr uint64_t kStores = 50;
constexpr uint64_t kProducts = 1000;
constexpr int kMaxDetails = 8;
// The reference has 47,089 details for 25,000 orders.
constexpr int64_t kDetails = 47'089;
constexpr int64_t kOrders = 25'000;
constexpr size_t kMaxKnownOrders = 200'000;

constexpr const char* kTables[][2] = {
    {"payment_method",
     "id INT NOT NULL PRIMARY KEY, method_name VARCHAR(50) NOT NULL, "
     "bank VARCHAR(50) NOT NULL"},
    {"customers",
     "id INT NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, "
     "phone_number VARCHAR(20) NOT NULL, tier VARCHAR(20) NOT NULL, "
     "updated_at DATETIME NOT NULL"},
    {"orders",
     "id CHAR(36) NOT NULL PRIMARY KEY, timestamp TIMESTAMP NOT NULL, "
     "customer_id INT NOT NULL, store_id INT NOT NULL, payment_method_id INT NOT NULL, "
     "num_products INT NOT NULL"},
    {"order_details",
     "order_id CHAR(36) NOT NULL, product_id INT NOT NULL, quantity INT NOT NULL, "
     "PRIMARY KEY (order_id, product_id)"}};

// Seconds of 2025, as the server reads it in a session in UTC.
std::string Moment(uint64_t seconds) {
  uint64_t day = seconds / 86400 % 365;
  constexpr uint64_t kMonths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int month = 0;
  while (day >= kMonths[month]) day -= kMonths[month++];
  return fmt::format("'2025-{:02}-{:02} {:02}:{:02}:{:02}'", month + 1, day + 1,
                     seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

class Shop final : public Workload {
 public:
  explicit Shop(const Options& options) : options_(options), random_(options.seed) {}

  std::string_view main_table() const override { return "orders"; }

  Status CreateTables(mysql::Client& client) override {
    for (const auto& [name, columns] : kTables) {
      RETURN_IF_ERROR(client.Execute(fmt::format("DROP TABLE IF EXISTS {}", name)));
      RETURN_IF_ERROR(client.Execute(fmt::format(
          "CREATE TABLE {} ({}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4", name, columns)));
    }
    return Status::Ok();
  }

  Status Fill(mysql::Client& client) override {
    BulkInsert methods(client, "payment_method (id, method_name, bank)");
    for (size_t i = 0; i < std::size(kMethods); i++) {
      RETURN_IF_ERROR(methods.Add(
          fmt::format("({},'{}','{}')", i + 1, kMethods[i][0], kMethods[i][1])));
    }
    RETURN_IF_ERROR(methods.Finish());
    BulkInsert customers(client, "customers (id, name, phone_number, tier, updated_at)");
    for (int64_t id = 1; id <= options_.customers; id++) {
      RETURN_IF_ERROR(customers.Add(fmt::format("({},{},{},'{}',{})", id, Name(), Phone(),
                                                kTiers[TierOf(random_.Next())],
                                                Moment(random_.Below(31'536'000)))));
    }
    RETURN_IF_ERROR(customers.Finish());
    return FillOrders(client);
  }

  Status Learn(mysql::Client& client) override {
    bool filled_here = !orders_.empty();
    ASSIGN_OR_RETURN(auto last, client.QueryValue("SELECT MAX(id) FROM customers"));
    customers_ = static_cast<uint64_t>(std::atoll(last.value_or("1").c_str()));
    if (filled_here) return Status::Ok();
    ASSIGN_OR_RETURN(
        mysql::Rows rows,
        client.Query(fmt::format("SELECT id FROM orders LIMIT {}", kMaxKnownOrders)));
    for (mysql::Row& row : rows) orders_.push_back(row[0].value_or(""));
    // The orders of this seed may all be there already.
    random_ =
        Random(options_.seed ^ static_cast<uint64_t>(leat::Clock::System().WallMicros()));
    return Status::Ok();
  }

  std::string Change() override {
    uint64_t dice = random_.Below(100);
    if (dice < 55 || orders_.empty()) return NewOrder();
    if (dice < 75) return ChangeCustomer();
    if (dice < 85) return ChangePayment();
    return dice < 92 ? AddProduct() : DropOrder();
  }

 private:
  std::string Name() {
    return mysql::QuoteText(fmt::format("{} {}", kFirst[random_.Below(std::size(kFirst))],
                                        kLast[random_.Below(std::size(kLast))]));
  }
  std::string Phone() {
    return fmt::format("'+84-9{:02}-{:06}'", random_.Below(100),
                       random_.Below(1'000'000));
  }
  static size_t TierOf(uint64_t random) {
    uint64_t percent = random % 100;
    return percent < 60 ? 0 : percent < 85 ? 1 : percent < 96 ? 2 : 3;
  }

  std::string OrderRow(const std::string& id, const std::string& moment, int details) {
    return fmt::format("('{}',{},{},{},{},{})", id, moment, 1 + random_.Below(customers_),
                       1 + random_.Below(kStores), 1 + random_.Below(std::size(kMethods)),
                       details);
  }
  // Products of one order differ.
  std::vector<std::string> DetailRows(const std::string& id, int details) {
    std::vector<std::string> rows;
    uint64_t product = random_.Below(kProducts);
    for (int i = 0; i < details; i++) {
      rows.push_back(
          fmt::format("('{}',{},{})", id, 1 + product % kProducts, 1 + random_.Below(5)));
      product += 1 + random_.Below(kProducts / kMaxDetails);
    }
    return rows;
  }

  Status FillOrders(mysql::Client& client) {
    customers_ = static_cast<uint64_t>(std::max<int64_t>(options_.customers, 1));
    std::vector<uint8_t> details(static_cast<size_t>(options_.orders), 1);
    for (int64_t more = options_.orders * (kDetails - kOrders) / kOrders; more > 0;) {
      uint8_t& count = details[random_.Below(details.size())];
      if (count >= kMaxDetails) continue;
      count++;
      more--;
    }
    BulkInsert orders(client,
                      "orders (id, timestamp, customer_id, store_id, payment_method_id, "
                      "num_products)");
    std::vector<std::string> ids;
    for (size_t i = 0; i < details.size(); i++) {
      ids.push_back(random_.Uuid());
      std::string moment = Moment(i * 31'536'000 / details.size());
      RETURN_IF_ERROR(orders.Add(OrderRow(ids[i], moment, details[i])));
    }
    RETURN_IF_ERROR(orders.Finish());
    BulkInsert lines(client, "order_details (order_id, product_id, quantity)");
    for (size_t i = 0; i < details.size(); i++) {
      for (const std::string& row : DetailRows(ids[i], details[i])) {
        RETURN_IF_ERROR(lines.Add(row));
      }
    }
    RETURN_IF_ERROR(lines.Finish());
    if (ids.size() > kMaxKnownOrders) ids.resize(kMaxKnownOrders);
    orders_ = std::move(ids);
    return Status::Ok();
  }

  std::string NewOrder() {
    std::string id = random_.Uuid();
    int details = 1 + static_cast<int>(random_.Below(3));
    orders_.push_back(id);
    return fmt::format(
        "INSERT INTO orders (id, timestamp, customer_id, store_id, payment_method_id, "
        "num_products) VALUES {};"
        "INSERT INTO order_details (order_id, product_id, quantity) VALUES {};",
        OrderRow(id, "NOW()", details), Joined(DetailRows(id, details), ","));
  }

  std::string ChangeCustomer() {
    return fmt::format(
        "UPDATE customers SET tier='{}', phone_number={}, updated_at=NOW() WHERE id={};",
        kTiers[TierOf(random_.Next())], Phone(), 1 + random_.Below(customers_));
  }

  std::string ChangePayment() {
    return fmt::format("UPDATE orders SET payment_method_id={} WHERE id='{}';",
                       1 + random_.Below(std::size(kMethods)), KnownOrder());
  }

  // The order gets one product more, unless it has that product or is gone.
  std::string AddProduct() {
    std::string id = KnownOrder();
    return fmt::format(
        "INSERT IGNORE INTO order_details (order_id, product_id, quantity) "
        "SELECT id, {}, {} FROM orders WHERE id='{}';"
        "UPDATE orders SET num_products=(SELECT COUNT(*) FROM order_details "
        "WHERE order_id='{}') WHERE id='{}';",
        1 + random_.Below(kProducts), 1 + random_.Below(5), id, id, id);
  }

  std::string DropOrder() {
    size_t at = random_.Below(orders_.size());
    std::string id = std::move(orders_[at]);
    orders_[at] = std::move(orders_.back());
    orders_.pop_back();
    return fmt::format(
        "DELETE FROM order_details WHERE order_id='{}';"
        "DELETE FROM orders WHERE id='{}';",
        id, id);
  }

  const std::string& KnownOrder() { return orders_[random_.Below(orders_.size())]; }

  const Options options_;
  Random random_;
  std::vector<std::string> orders_;  // some that are there
  uint64_t customers_ = 1;
};

}  // namespace

std::unique_ptr<Workload> MakeShop(const Options& options) {
  return std::make_unique<Shop>(options);
}

}  // namespace leat::generate
