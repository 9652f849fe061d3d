"""The rows that are measured: `orders`, about 110 bytes as text and 75 in the log."""

ORDERS = """CREATE TABLE {name} (
  id BIGINT PRIMARY KEY, customer_id INT, status VARCHAR(20), amount DECIMAL(10,2),
  note VARCHAR(100), created_at DATETIME(3), updated_at TIMESTAMP)"""
ROW = """{id}, {id} % 100000, ELT(1 + {id} % 4, 'new', 'paid', 'shipped', 'done'),
  ({id} % 1000000) / 100, CONCAT('note for order ', {id}, ' of this shop'),
  '2024-01-01' + INTERVAL {id} % 31536000 SECOND, '2024-06-01' + INTERVAL {id} % 86400 SECOND"""
PROCEDURES = [
    # Single rows, a thousand a transaction.
    """CREATE OR REPLACE PROCEDURE single_rows(low BIGINT, high BIGINT) BEGIN
      DECLARE i BIGINT DEFAULT low;
      START TRANSACTION;
      WHILE i < high DO
        INSERT INTO orders VALUES (@ROW@);
        SET i = i + 1;
        IF i % 1000 = 0 THEN COMMIT; START TRANSACTION; END IF;
      END WHILE;
      COMMIT; END""",
    # Updates, each a transaction of its own.
    """CREATE OR REPLACE PROCEDURE single_updates(low BIGINT, high BIGINT) BEGIN
      DECLARE i BIGINT DEFAULT low;
      WHILE i < high DO
        UPDATE orders SET amount = amount + 1, status = 'changed' WHERE id = i;
        SET i = i + 1;
      END WHILE; END""",
    # Half new rows, half updates of random old ones, a thousand a transaction.
    """CREATE OR REPLACE PROCEDURE mixed(low BIGINT, high BIGINT, old_keys BIGINT) BEGIN
      DECLARE i BIGINT DEFAULT low;
      DECLARE k BIGINT;
      START TRANSACTION;
      WHILE i < high DO
        INSERT INTO orders VALUES (@ROW@);
        SET k = FLOOR(RAND() * old_keys);
        UPDATE orders SET amount = amount + 1 WHERE id = k;
        SET i = i + 1;
        IF i % 500 = 0 THEN COMMIT; START TRANSACTION; END IF;
      END WHILE;
      COMMIT; END""",
]


def prepare(server):
    server.query(ORDERS.format(name="orders"))
    for procedure in PROCEDURES:
        server.query(procedure.replace("@ROW@", ROW.format(id="i")))


def multi_row(server, low, high, name="orders", statement_rows=1000):
    """Statements of a thousand rows, each a transaction."""
    connection = server.connect()
    with connection.cursor() as cursor:
        for start in range(low, high, statement_rows):
            end = min(high, start + statement_rows) - 1
            cursor.execute(f"INSERT INTO {name} SELECT {ROW.format(id='seq')} "
                           f"FROM seq_{start}_to_{end}")
    connection.close()


def single_rows(server, low, high):
    server.query(f"CALL single_rows({low}, {high})")


def single_updates(server, low, high):
    server.query(f"CALL single_updates({low}, {high})")


def mixed(server, low, high, old_keys):
    server.query(f"CALL mixed({low}, {high}, {old_keys})")


def one_transaction(server, low, high):
    server.query(f"INSERT INTO orders SELECT {ROW.format(id='seq')} "
                 f"FROM seq_{low}_to_{high - 1}")
