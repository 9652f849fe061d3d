"""examples/orders-sink: orders by HTTP, through two topics, into MySQL's table orders; on Kafka
and, with one line changed, on the embedded broker."""

import json
from decimal import Decimal

import confluent_kafka
import pytest
from harness import kafka, orders, process


@pytest.fixture(params=["kafka", "embedded"])
def example(request, tmp_path, own_server):
    broker = None
    if request.param == "kafka":
        if reason := kafka.Kafka.reason_missing():
            pytest.skip(reason)
        broker = kafka.Kafka(tmp_path / "kafka")
    made = orders.Orders(tmp_path / "orders", own_server("mariadb"), broker)
    yield made
    if broker:
        broker.stop()


def arrived(example, run, count):
    def check():
        assert run.alive(), process.tail(run.log)
        return example.count() == count
    process.wait_until(check, 120, f"{count} orders are in MySQL")


def poison(example):
    """Something that is no JSON, between good records of the sink's topic."""
    if example.broker:
        producer = confluent_kafka.Producer(example.broker.client())
        producer.produce("enriched_orders", b'{"id": "half of')
        assert producer.flush(60) == 0
    else:
        command = process.subprocess.run(
            [orders.leat.PROGRAM, "topics", "produce", "enriched_orders"], cwd=example.folder,
            input='{"id": "half of\n', text=True, capture_output=True,
            env={**process.os.environ, **example.environment()}, timeout=60)
        assert command.returncode == 0, command.stderr


def reset_to_earliest(example):
    if example.broker:
        example.broker.wait_group_empty("sink-mysql-workers")
        example.broker.reset("sink-mysql-workers", "enriched_orders", dict.fromkeys(range(3), 0))
    else:
        example.ask("offsets", "sink-mysql-workers", "--reset", "earliest")


def test_a_posted_order_is_a_row_once(example):
    run = example.start()
    status, answer = example.client.send({"order_id": "ORD-001", "quantity": 3,
                                          "unit_price": 25.50})
    assert (status, answer["accepted"]) == (202, 1)
    arrived(example, run, 1)
    ((key, order, quantity, price, total, processed, created),) = example.rows(
        "id, order_id, quantity, unit_price, total_value, processed_at, created_at")
    assert len(key) == 36 and created is not None and processed > 1_700_000_000
    assert (order, quantity, price, total) == ("ORD-001", 3, Decimal("25.50"), Decimal("76.50"))
    # The table is the document's.
    (made,) = example.server.query("SHOW CREATE TABLE orders", orders.DATABASE)
    for part in ("`total_value` decimal(10,2) NOT NULL DEFAULT 0.00", "KEY `idx_order_id`",
                 "KEY `idx_processed_at`", "utf8mb4_unicode_ci", "ON UPDATE current_timestamp()"):
        assert part in made[1], made[1]

    poison(example)
    lines = "".join(json.dumps({"order_id": f"ORD-{i}", "quantity": i % 7, "unit_price": 1.25})
                    + "\n" for i in range(1000))
    assert example.client.send(lines.encode(), kind="application/x-ndjson")[0] == 202
    arrived(example, run, 1001)
    run.kill9()
    # What is posted while the sink is away, or is in flight when it dies, comes once as well.
    for kill in range(3):
        run = example.start()
        assert example.client.send([{"order_id": f"K{kill}-{i}", "quantity": 1, "unit_price": 2}
                                    for i in range(300)])[0] == 202
        process.wait_until(lambda n=kill: example.count() > 1001 + 300 * n, 120, "rows come")
        run.kill9()
    run = example.start()
    arrived(example, run, 1901)
    assert run.stop(60) == 0
    (seen,) = example.rows("COUNT(DISTINCT order_id), COUNT(*), SUM(total_value)")
    wanted = Decimal("76.50") + sum(Decimal(i % 7) * Decimal("1.25") for i in range(1000)) + 1800
    assert seen == (1901, 1901, wanted)
    (letter,) = json.loads(example.ask("dead-letters", "sink", "-o", "json"))
    assert "half of" in letter["row"]

    # Read again from the beginning, because somebody says so.
    before = example.rows("id, order_id, total_value", "ORDER BY id")
    example.server.execute(f"DELETE FROM {orders.DATABASE}.orders")
    reset_to_earliest(example)
    run = example.start()
    arrived(example, run, 1901)
    assert run.stop(60) == 0
    assert example.rows("id, order_id, total_value", "ORDER BY id") == before
