"""The source http: what is POSTed and answered with 202 arrives, whatever happens then."""

import http.client
import json
import socket
import threading

import pytest
from harness import leat, post, process, readers

ORDER = {"id": 1, "product": "청바지", "quantity": 2, "price": 19.5}


@pytest.fixture
def client(project):
    return accept(project)


def accept(project, **http):
    port = process.free_port()
    project.write("pipelines/orders.yaml", {
        "from": {"http": {"port": port, "path": "/api/orders", "topic": "orders",
                          "columns": "id bigint not null, product string, quantity int, "
                                     "price decimal(10,2)", "key": ["id"], **http}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "shop.{table}",
                           "mode": "upsert"}},
        "commit": {"every": "100ms"}})
    return post.Client(port)


def start(project, client, **env):
    run = project.start(env=env)
    run.wait_for(client.listens, "it listens")
    return run


def orders(project):
    try:
        return sorted(readers.rows(project, "shop.orders", ["id", "product", "quantity"]))
    except Exception:  # there is no table yet
        return []


def arrived(run, project, count):
    run.wait_for(lambda: len(orders(project)) == count, f"{count} orders are there")


def test_a_post_becomes_a_row(project, client):
    run = start(project, client)
    status, answer = client.send(ORDER)
    assert (status, answer["accepted"], answer["topic"], answer["offset"]) == (
        202, 1, "orders", 0)
    assert client.send([{**ORDER, "id": i} for i in (2, 3)])[1]["accepted"] == 2
    lines = "\n".join(json.dumps({**ORDER, "id": i}) for i in (4, 5)) + "\n\n"
    assert client.send(lines.encode(), kind="application/x-ndjson")[1]["offset"] == 3
    arrived(run, project, 5)
    assert orders(project)[0] == (1, "청바지", 2)
    run.terminate()


def test_what_cannot_be_taken_is_refused_with_the_reason(project):
    client = accept(project, token="${SHOP_TOKEN}", max_body=2000)
    run = start(project, client, SHOP_TOKEN="s3cr3t")
    auth = {"Authorization": "Bearer s3cr3t"}

    def refused(status, reason, *arguments, **options):
        got, answer = client.send(*arguments, **options)
        assert got == status and reason in answer["error"], (got, answer)

    refused(401, "Authorization: Bearer", ORDER)
    refused(401, "Authorization: Bearer", ORDER, Authorization="Bearer s3cr3")
    refused(400, "", b'{"id": 1,', **auth)
    refused(400, "element 2", b'[{"id": 1}, 5]', **auth)
    refused(400, "line 2", b'{"id": 1}\n{"id"}', kind="application/x-ndjson", **auth)
    refused(400, "no record", b"[]", **auth)
    refused(404, "/api/orders", ORDER, path="/api/order", **auth)
    refused(405, "POST", ORDER, method="PUT", **auth)
    refused(415, "application/json", b"id=1", kind="application/x-www-form-urlencoded", **auth)
    refused(415, "application/json", b'{"id": 1}', kind="text/plain", **auth)
    refused(413, "2000 bytes, see max_body", {"id": 1, "product": "x" * 3000}, **auth)
    assert client.send(ORDER, **auth)[0] == 202
    arrived(run, project, 1)
    run.terminate()
    assert "s3cr3t" not in run.text


def test_a_record_of_another_shape_is_a_dead_letter(project, client):
    run = start(project, client)
    assert client.send([{**ORDER, "quantity": "many"}, {**ORDER, "id": 2}])[0] == 202
    arrived(run, project, 1)
    run.terminate()
    (letter,) = json.loads(project.command("dead-letters", "orders", "-o", "json")
                           .expect(leat.DONE).text)
    assert "quantity" in letter["reason"] and "many" in letter["row"]


def test_what_was_accepted_outlives_kill_9(project, client):
    accepted, refused, lock = [], [], threading.Lock()
    stop = threading.Event()

    def send(worker):
        for i in range(10_000):
            if stop.is_set():
                return
            key = worker * 10_000 + i
            try:
                status, _ = client.send({**ORDER, "id": key})
            except (OSError, http.client.HTTPException, ValueError):
                # No whole answer: whether it was kept is not known.
                stop.wait(0.01)
                continue
            with lock:
                (accepted if status == 202 else refused).append((key, status))

    senders = [threading.Thread(target=send, args=(w,)) for w in range(4)]
    run = start(project, client)
    for sender in senders:
        sender.start()
    for kill in range(1, 4):
        process.wait_until(lambda n=kill: len(accepted) > n * 60, 60, "records are accepted")
        run.kill9()
        run = start(project, client)
    stop.set()
    for sender in senders:
        sender.join()
    run.terminate()
    project.catch_up()
    have = [row[0] for row in orders(project)]
    assert not refused
    assert len(have) == len(set(have)) and {key for key, _ in accepted} <= set(have)


def test_a_port_that_is_taken_is_said(project):
    with socket.socket() as taken:
        # As another server with this library would.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        accept(project, port=taken.getsockname()[1])
        said = project.start().expect(leat.BAD_CONFIG).text
        assert f"cannot listen on 127.0.0.1:{taken.getsockname()[1]}" in said
        assert "another `port`" in said


def test_it_ends_at_once_where_there_is_nothing_to_wait_for(project, client):
    for _ in range(10):
        project.catch_up()
