"""A server that froze, and a network that drops packets: connections stay open and nothing
comes. The heartbeats are missed, the cause is said, a new connection loses nothing."""

import signal

import pytest
from harness import compare, leat, readers
from harness.proxy import Proxy

QUICK = {"heartbeat": "200ms"}


def rows(server, low, high):
    server.query("INSERT INTO t VALUES " + ", ".join(f"({i}, 1)" for i in range(low, high)))


def first_rows(server, project, run):
    """Through the snapshot, then through the log: its connection is there."""
    for low, high in ((0, 50), (50, 100)):
        rows(server, low, high)
        run.wait_for(lambda n=high: readers.count(project, "shop.t") == n, f"{high} rows")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_scar_32_a_server_that_froze(own_server, project, kind):
    server = own_server(kind)
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server.url(query="?connect_timeout=1s"), ["t"], mysql=QUICK)
    run = project.start()
    first_rows(server, project, run)
    server.process.signal(signal.SIGSTOP)
    try:
        run.wait_log("silent")  # the log's connection
        run.wait_log("connecting at")  # and a new one gets no answer
    finally:
        server.process.signal(signal.SIGCONT)
    rows(server, 100, 200)
    run.wait_for(lambda: readers.count(project, "shop.t") == 200, "the rows after")
    assert run.terminate() == leat.DONE
    compare.assert_equal(project, server, "shop.t")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_scar_32_packets_that_are_dropped(own_server, project, kind):
    server = own_server(kind)
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    proxy = Proxy(server.port)
    try:
        url = server.url(query="?connect_timeout=1s").replace(f":{server.port}/",
                                                              f":{proxy.port}/")
        project.pipeline(url, ["t"], mysql=QUICK)
        run = project.start()
        first_rows(server, project, run)
        for attempt in (1, 2):
            proxy.drop()
            rows(server, 100 * attempt, 100 * attempt + 100)
            run.wait_for(lambda n=attempt: run.text.count("silent for") >= n, "it is noticed")
            proxy.restore()
            run.wait_for(lambda n=attempt: readers.count(project, "shop.t") == 100 * n + 100,
                         "the rows of the drop")
        assert run.terminate() == leat.DONE
        compare.assert_equal(project, server, "shop.t")
    finally:
        proxy.close()


def test_scar_32_it_stops_while_the_server_is_frozen(own_server, project):
    server = own_server("mariadb")
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server.url(query="?connect_timeout=1s"), ["t"], mysql={"heartbeat": "60s"})
    run = project.start()
    first_rows(server, project, run)
    server.process.signal(signal.SIGSTOP)
    try:
        assert run.terminate() == leat.DONE
    finally:
        server.process.signal(signal.SIGCONT)
