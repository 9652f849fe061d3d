#!/usr/bin/env python3
"""The demo of examples/orders-sink: a private Kafka and MariaDB; orders come by HTTP, go through
two topics, get an id and a total on the way, and end as rows of MySQL's table orders, each once.
Judged by the counts and sums of what was posted. Ends with 1 where they differ.

Everything lies in build/demo-orders and is made anew each time; all servers listen on loopback
only and are stopped at the end. usage: demo_orders.py [--orders 50000] [--embedded]
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import database, kafka, orders, process  # noqa: E402
from showing import Clock, command, last_word, note, paint, title, verdict  # noqa: E402

FOLDER = ROOT / "build" / "demo-orders"
BATCH = 500  # orders of one POST


class Demo:
    def __init__(self, options):
        self.options = options
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        self.server = self.broker = self.example = self.run = None

    def start_servers(self):
        title("A private MariaDB" + ("" if self.options.embedded else " and Kafka"))
        clock = Clock()
        self.server = database.MariaDb(FOLDER / "mariadb")
        note(f"MariaDB on 127.0.0.1:{self.server.port}")
        if not self.options.embedded:
            if reason := kafka.Kafka.reason_missing():
                raise SystemExit(f"{reason}; try --embedded")
            self.broker = kafka.Kafka(FOLDER / "kafka")
            note(f"Kafka on {self.broker.brokers}")
        note(str(clock))
        self.example = orders.Orders(FOLDER / "orders-sink", self.server, self.broker)

    def first_order(self):
        title("leat run examples/orders-sink")
        self.run = self.example.start()
        order = {"order_id": "ORD-001", "quantity": 3, "unit_price": 25.50}
        url = f"http://127.0.0.1:{self.example.client.port}/api/orders"
        command(f"curl -d '{json.dumps(order)}' -H 'Content-Type: application/json' {url}")
        clock = Clock()
        status, answer = self.example.client.send(order)
        note(f"{status} {json.dumps(answer)}")
        self.wait(1)
        (row,) = self.example.rows("id, order_id, quantity, unit_price, total_value")
        note(f"MySQL: {dict(zip(('id', 'order_id', 'quantity', 'unit_price', 'total_value'), map(str, row)))} {clock}")

    def wait(self, count):
        def there():
            if not self.run.alive():
                raise SystemExit(f"leat ended:\n{process.tail(self.run.log)}")
            return self.example.count() >= count
        process.wait_until(there, 300, f"{count} rows in MySQL")

    def many_orders(self):
        count = self.options.orders
        title(f"{count:,} orders, {BATCH} a POST; in the middle kill -9")
        started = time.monotonic()
        note(f"{'':<8}{'accepted':>12}{'in MySQL':>12}{'rows/s':>10}")
        killed = False
        for first in range(0, count, BATCH):
            body = [{"order_id": f"ORD-{i:07}", "quantity": i % 9 + 1, "unit_price": i % 50 + 0.25}
                    for i in range(first, min(first + BATCH, count))]
            status, answer = self.example.client.send(body)
            if status != 202:
                raise SystemExit(f"{status} {answer}")
            if first % (count // 5 // BATCH * BATCH or BATCH) == 0:
                self.show(started, first + len(body))
            if not killed and first >= count // 2:
                self.run.kill9()
                note(paint("31", "        kill -9; started again"))
                self.run = self.example.start()
                killed = True
        self.wait(count + 1)
        self.show(started, count)

    def show(self, started, accepted):
        seconds = time.monotonic() - started
        rows = self.example.count() - 1
        note(f"{seconds:>6.1f} s{accepted:>12,}{rows:>12,}{rows / seconds:>10,.0f}")

    def lag(self):
        title("Lag of the group sink-mysql-workers")
        if not self.broker:
            for line in self.example.ask("lag", "sink-mysql-workers").splitlines():
                note(line)
            return
        process.wait_until(lambda: not any(self.lags().values()), 60, "the group's offsets")
        for partition, lag in self.lags().items():
            note(f"enriched_orders[{partition}]  lag {lag}")

    def lags(self):
        ends = {}
        for message in self.broker.read("enriched_orders"):
            ends[message.partition()] = message.offset() + 1
        done = self.broker.committed("sink-mysql-workers", "enriched_orders")
        return {p: max(0, end - done.get(p, 0)) for p, end in sorted(ends.items())}

    def judge(self):
        title("Each order once")
        self.run.signal(signal.SIGTERM)
        if self.run.wait(60):
            raise SystemExit(f"leat failed:\n{process.tail(self.run.log)}")
        count = self.options.orders
        want = (count + 1, count + 1, Decimal("76.50") + sum(
            (i % 9 + 1) * (i % 50 + Decimal("0.25")) for i in range(count)))
        (have,) = self.example.rows("COUNT(*), COUNT(DISTINCT order_id), SUM(total_value)")
        for name, a, b in zip(("rows", "order_ids", "revenue"), want, have):
            verdict(f"{name:<12}posted {a:>16,}   in MySQL {b:>16,}", a == b)
        note(f"{FOLDER.relative_to(ROOT)}/orders-sink   the project: leat.yaml, pipelines/, data/")
        return want == have

    def close(self):
        if self.run:
            self.run.stop(20)
        for server in (self.broker, self.server):
            if server:
                server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=50000)
    parser.add_argument("--embedded", action="store_true", help="without Kafka")
    demo = Demo(parser.parse_args())
    clock = Clock()
    try:
        demo.start_servers()
        demo.first_order()
        demo.many_orders()
        demo.lag()
        same = demo.judge()
    finally:
        demo.close()
    return last_word(same, "every order is a row, once", "rows DIFFER from orders", clock)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
