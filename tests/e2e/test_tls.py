"""?tls=verify: a certificate of a known authority, for this very host, that is still good;
for statements and for the log that is sent."""

import pytest
from harness import compare, leat
from harness.certificates import Authority


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "our-authority")


def url(server, ca, host="localhost", **more):
    text = server.url(query=f"?tls=verify&ca={ca}", **more)
    return text.replace("127.0.0.1", host)


def table(server):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1), (2, 2)")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_snapshot_and_log_through_verified_tls(own_server, project, authority, kind, host):
    server = own_server(kind, authority.options("good", "localhost", "127.0.0.1"))
    server.execute("ALTER USER leat@'%' REQUIRE SSL")  # for each connection, the log's too
    table(server)
    project.pipeline(url(server, authority.ca, host), ["t"])
    project.catch_up()
    run = project.start()
    for i in range(3, 6):
        server.query(f"INSERT INTO t SELECT {i} * 10000 + d.id, 1 FROM t d")
    run.wait_for(lambda: compare.difference(project, server, "shop.t") is None, "the rows")
    dumps = [row for row in server.query("SHOW PROCESSLIST") if row[4].startswith("Binlog Dump")]
    assert dumps, "the log is sent to a user who must use TLS"
    assert run.terminate() == leat.DONE


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_large_log_through_tls(own_server, project, authority, kind):
    """Records of TLS and events do not end together; an event spans many of them."""
    server = own_server(kind, [*authority.options("good", "localhost"),
                               "--max-allowed-packet=64M", "--innodb-log-file-size=256M"]
                        if kind == "mariadb" else
                        [*authority.options("good", "localhost"), "--max-allowed-packet=64M"])
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
    project.pipeline(url(server, authority.ca), ["t"])
    project.catch_up()
    server.query("INSERT INTO t VALUES (1, REPEAT('a', 20 << 20)), (2, 'b'), "
                 "(3, REPEAT('c', 16777215))")
    for i in range(200):
        server.query(f"INSERT INTO t VALUES ({100 + i}, REPEAT('d', {i * 97}))")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def refused(project, *parts):
    for arguments in (("check", "."), ("run", ".", "--until-caught-up")):
        run = project.command(*arguments)
        assert run.wait() in (leat.FAILED, leat.BAD_CONFIG), run.text
        for part in ("tls=verify", *parts):
            assert part in run.text, f"{part!r} is not in:\n{run.text[-3000:]}"


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_what_cannot_be_verified_is_refused(own_server, project, authority, tmp_path, kind):
    other = Authority(tmp_path, "other-authority")
    server = own_server(kind, authority.options("good", "localhost"))
    table(server)
    project.pipeline(url(server, other.ca), ["t"])
    refused(project, "certificate")
    # Right authority, another host's name.
    project.pipeline(url(server, authority.ca, "127.0.0.1"), ["t"])
    refused(project, "127.0.0.1")
    # Nobody's authority: that of the system does not know it either.
    project.pipeline(server.url(query="?tls=verify").replace("127.0.0.1", "localhost"), ["t"])
    refused(project, "certificate")
    # An authority that is not there.
    project.pipeline(url(server, tmp_path / "missing.pem"), ["t"])
    refused(project, "missing.pem")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_an_expired_certificate_is_refused(own_server, project, authority, kind):
    server = own_server(kind, authority.options("old", "localhost", expired=True))
    table(server)
    project.pipeline(url(server, authority.ca), ["t"])
    refused(project, "expired")


def test_a_server_without_tls_is_refused(own_server, project, authority):
    server = own_server("mariadb", ["--skip-ssl"])
    table(server)
    project.pipeline(url(server, authority.ca), ["t"])
    refused(project, "TLS")
