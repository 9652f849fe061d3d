"""The sink notify: each row a message to people, once, or again by the same id where its reply
was lost; and its secrets nowhere."""

import base64
import collections
import hashlib
import hmac
import json
import random
import re

import pytest
from harness import leat, process
from harness.certificates import Authority
from harness.proxy import Proxy
from harness.slack import SECRET, Fault, Slack
from slack_sdk.webhook import WebhookClient

DURABLE = re.compile(r'failpoint::Durable\(\s*"(notify\.[^"]+)"')
POINTS = sorted({name for file in sorted((leat.ROOT / "src").rglob("*.cc"))
                 for name in DURABLE.findall(file.read_text())})
TOKEN = "canary-token-of-the-webhook"
KEY = b"canary-key-of-the-signatures"
TEMPLATE = "*{level}*: {station} has {temperature} °C"


def pipeline(project, slack, *, url=None, steps=(), more=None, **notify):
    """The topic `readings` to Slack."""
    project.environment["SLACK_WEBHOOK"] = url or slack.url
    project.write("leat.yaml", {"data": "./data"})
    project.ask("topics", "create", "readings")  # what is told may be there before
    return project.write("pipelines/alerts.yaml", {
        "from": {"topic": {"name": "readings", "format": "json",
                           "columns": "station string, level string, temperature double"}},
        **({"steps": list(steps)} if steps else {}),
        "to": {"notify": {"slack": "${SLACK_WEBHOOK}", "template": TEMPLATE, "every": "0s",
                          **notify}},
        "commit": {"every": "100ms"}, **(more or {})})


def produce(project, rows):
    """`rows` are stations, or whole rows."""
    project.produce("readings", [
        json.dumps(row if isinstance(row, dict) else
                   {"station": row, "level": "high", "temperature": 41.5}) for row in rows])


def told(*stations):
    return [f"*high*: {station} has 41.5 °C" for station in stations]


def arrived(slack, stations, repeats):
    """Each came, in order, again only by the same id, and not more often than that."""
    once, again = slack.once()
    assert [text for text, _ in once] == told(*stations)
    assert again <= repeats, collections.Counter(slack.ids()).most_common(3)


def test_the_stand_in_takes_and_refuses_what_slack_does(slack):
    client = WebhookClient(slack.url)
    sent = client.send(text="hello", metadata={"event_type": "t", "event_payload": {"id": "1"}})
    assert (sent.status_code, sent.body) == (200, "ok")
    assert slack.messages == [{"text": "hello", "metadata": {"event_type": "t",
                                                             "event_payload": {"id": "1"}}}]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}]
    assert client.send(blocks=blocks).status_code == 200
    for wrong, code, body in [({"text": ""}, 400, "no_text"),
                              ({"text": "x", "metadata": {"id": 1}}, 400, "invalid_payload"),
                              ({"text": "x", "blocks": blocks * 51}, 400, "invalid_blocks")]:
        sent = client.send_dict(wrong)
        assert (sent.status_code, sent.body) == (code, body), wrong
    gone = WebhookClient(slack.url.replace("B0CANARY", "B1")).send(text="x")
    assert (gone.status_code, gone.body) == (404, "no_service")
    slack.faults.append(Fault((429, "rate_limited", {"Retry-After": 30})))
    limited = client.send(text="x")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "30")
    assert len(slack.messages) == 2


def test_rows_that_a_step_lets_through_are_told_in_order(project, slack):
    pipeline(project, slack, steps=[{"sql": "SELECT station, 'heat & <sun>' AS level, "
                                            "temperature FROM input WHERE temperature > 40"}])
    produce(project, [{"station": name, "level": "", "temperature": value} for name, value in
                      [("Łódź", 41.5), ("Oslo", 12), ("Athens", 44)]])
    project.catch_up()
    assert slack.texts() == ["*heat &amp; &lt;sun&gt;*: Łódź has 41.5 °C",
                             "*heat &amp; &lt;sun&gt;*: Athens has 44.0 °C"]
    project.catch_up()
    assert len(slack.messages) == 2, "nothing comes twice"


def test_kill_9_at_random_moments(project, slack):
    pipeline(project, slack, every="3ms")
    stations = [f"s{i}" for i in range(400)]
    produce(project, stations)
    choose = random.Random(4)
    kills = 0
    while kills < 6:
        run = project.start("--until-caught-up")
        seen = len(slack.messages)
        goal = seen + choose.randrange(1, 50)
        process.wait_until(lambda: len(slack.messages) >= goal or not run.alive(), 60, "messages")
        assert run.alive(), run.text[-3000:]
        run.kill9()
        kills += 1
    project.catch_up()
    arrived(slack, stations, repeats=kills)


@pytest.mark.parametrize("point", POINTS)
def test_crash_at_every_durable_step(project, slack, point):
    """At the first passing, then at a later one of the process that goes on."""
    pipeline(project, slack)
    stations = [f"s{i}" for i in range(6)]
    produce(project, stations)
    for passing in (1, 3):
        project.start("--until-caught-up", env={"LEAT_CRASH_AT": f"{point}:{passing}"}).expect(
            leat.CRASHED)
    project.catch_up()
    arrived(slack, stations, repeats=2 if point == "notify.send.after" else 0)


def test_there_are_failpoints():
    assert len(POINTS) >= 3, POINTS


def test_scar_20_a_lost_reply_is_sent_again_by_the_same_id(project, slack):
    pipeline(project, slack)
    slack.faults += [Fault(), Fault(lose=True), Fault(), Fault((503, "later", {})),
                     Fault((500, "rollup_error", {}))]
    produce(project, "abc")
    project.catch_up()
    assert slack.texts() == told("a", "b", "b", "c")
    arrived(slack, "abc", repeats=1)


def test_slack_is_away_for_a_while(project, slack):
    pipeline(project, slack)
    run = project.start()
    run.wait_for((project.data / "leat.sock").exists, "the run answers")
    produce(project, "ab")
    run.wait_for(lambda: len(slack.messages) == 2, "two messages")
    slack.stop()
    produce(project, "cde")
    run.wait_log("trying again")
    assert len(slack.messages) == 2
    slack.start()
    run.wait_for(lambda: len(slack.messages) >= 5, "the rest")
    assert run.terminate() == leat.DONE
    arrived(slack, "abcde", repeats=1)
    assert SECRET not in run.text


def test_packets_are_dropped_on_the_way(project, slack):
    """Nobody says that the connection is gone."""
    proxy = Proxy(slack.port)
    try:
        pipeline(project, slack, url=f"http://127.0.0.1:{proxy.port}{SECRET}")
        run = project.start()
        run.wait_for((project.data / "leat.sock").exists, "the run answers")
        produce(project, "a")
        run.wait_for(lambda: slack.messages, "a message")
        proxy.drop()
        produce(project, "bc")
        run.wait_log("trying again")
        proxy.restore()
        run.wait_for(lambda: len(slack.messages) >= 3, "the rest")
        assert run.terminate() == leat.DONE
        arrived(slack, "abc", repeats=1)
    finally:
        proxy.close()


def test_waits_as_long_as_slack_says(project, slack):
    pipeline(project, slack)
    slack.faults += [Fault(), Fault((429, "rate_limited", {"Retry-After": 1})),
                     Fault((429, "rate_limited", {"Retry-After": 1}))]
    produce(project, "abc")
    run = project.catch_up()
    assert slack.texts() == told("a", "b", "c")
    assert [line["wait_s"] for line in run.lines() if "more slowly" in line["msg"]] == [1, 1]


def test_sigterm_leaves_between_two_messages(project, slack):
    """What waits for its turn is sent by the next start."""
    pipeline(project, slack, every="1h")
    produce(project, "ab")
    run = project.start()
    run.wait_for(lambda: slack.messages, "a message")
    assert run.terminate() == leat.DONE
    assert slack.texts() == told("a")
    pipeline(project, slack)
    project.catch_up()
    assert slack.texts() == told("a", "b")


def test_a_cooldown_outlives_the_process(project, slack):
    pipeline(project, slack, key="{station}/{level}", cooldown="1h")
    produce(project, "aab")
    project.catch_up()
    produce(project, "abc")
    project.catch_up()
    assert slack.texts() == told("a", "b", "c")
    pipeline(project, slack, key="{station}/{level}", cooldown="1ms")
    produce(project, "a")
    project.catch_up()
    assert slack.texts()[3:] == ["*high*: a has 41.5 °C\n(2 more like it were left out)"]


def test_what_slack_refuses_is_a_dead_letter(project, slack):
    pipeline(project, slack)
    slack.faults += [Fault(), Fault((400, f"invalid_payload at {SECRET}", {}))]
    produce(project, "abc")
    project.catch_up()
    assert slack.texts() == told("a", "c")
    run = project.command("dead-letters", "alerts", "--output", "json").expect(leat.DONE)
    [letter] = json.loads(run.text)
    assert letter["reason"].endswith("refused the message with 400: invalid_payload at ***")
    assert json.loads(letter["row"])["station"] == "b"


@pytest.mark.parametrize("answer, says", [
    ((404, "no_service", {}), "answered 404: no_service; the webhook was removed"),
    ((403, f"action_prohibited {SECRET}", {}), "answered 403: action_prohibited ***"),
    ((301, "", {"Location": "http://127.0.0.1:1/"}), "redirects are not followed")])
def test_a_webhook_that_is_gone_stops_the_pipeline_and_loses_nothing(project, slack, answer,
                                                                     says):
    pipeline(project, slack)
    produce(project, "ab")
    slack.faults += [Fault(), Fault(answer)]
    run = project.start().expect(leat.BAD_CONFIG)
    assert says in run.text, run.text
    assert SECRET not in run.text
    project.catch_up()
    assert slack.texts() == told("a", "b")


def test_a_misspelled_column_stops_before_anything_is_sent(project, slack):
    pipeline(project, slack, template="{statoin}")
    produce(project, "a")
    run = project.start().expect(leat.BAD_CONFIG)
    assert "names the column {statoin}" in run.text and 'did you mean \\"station\\"' in run.text
    assert slack.requests == 0


def webhook(project, url, **more):
    project.environment.update(HOOK=url, TOKEN=TOKEN, KEY=base64.b64encode(KEY).decode())
    path = pipeline(project, None, url="http://unused.invalid/")
    path.write_text(path.read_text().split("to:")[0] + leat.yaml({"to": {"notify": {"webhook": {
        "url": "${HOOK}", "headers": {"Authorization": "Bearer ${TOKEN}"}, "secret": "${KEY}",
        **more}}}}))


def test_a_webhook_is_signed_as_standard_webhooks_are(project, slack):
    webhook(project, f"http://127.0.0.1:{slack.port}/in?tenant=1")
    produce(project, "ab")
    project.catch_up()
    assert [json.loads(body)["row"]["station"] for _, body in slack.calls] == ["a", "b"]
    for headers, body in slack.calls:
        message = json.loads(body)
        assert message["id"] == headers["webhook-id"] == headers["Idempotency-Key"]
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        want = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{want}"
    assert slack.calls[0][0]["webhook-id"] != slack.calls[1][0]["webhook-id"]


def test_certificates_are_verified(project, tmp_path):
    authority = Authority(tmp_path, "ours")
    options = dict(option.lstrip("-").split("=", 1)
                   for option in authority.options("good", "localhost"))
    server = Slack(options["ssl-cert"], options["ssl-key"])
    try:
        webhook(project, f"https://localhost:{server.port}/in")
        produce(project, "a")
        checked = project.command("check", ".").expect(leat.BAD_CONFIG)
        assert "webhook.ca" in checked.text
        run = project.start().expect(leat.BAD_CONFIG)
        assert "certificate" in run.text and server.requests == 0
        webhook(project, f"https://localhost:{server.port}/in", ca=str(authority.ca))
        checked = project.command("check", ".").expect(leat.DONE)
        assert "nothing was sent" in checked.text and server.requests == 0
        project.catch_up()
        assert len(server.calls) == 1
    finally:
        server.stop()


def test_check_reaches_slack_and_sends_nothing(project, slack):
    pipeline(project, slack)
    run = project.command("check", ".").expect(leat.DONE)
    assert f"http://127.0.0.1:{slack.port} can be reached; nothing was sent" in run.text
    assert slack.requests == 0
    slack.stop()
    run = project.command("check", ".").expect(leat.BAD_CONFIG)
    slack.start()
    assert "check the name and the port" in run.text and SECRET not in run.text


def test_scar_30_secrets_are_nowhere(project, slack):
    webhook(project, f"http://127.0.0.1:{slack.port}{SECRET}x?k={TOKEN}")
    slack.faults += [Fault(), Fault((400, f"{SECRET}x {TOKEN}", {})), Fault(lose=True),
                     Fault((401, f"who is {TOKEN}", {}))]
    produce(project, "abcd")
    project.start().expect(leat.BAD_CONFIG)
    for command in (["check", "."], ["describe", "notify"], ["dead-letters", "alerts"], ["lag"]):
        project.command(*command).expect(leat.DONE)
    webhook(project, f"not-a-url{SECRET}")
    project.command("validate", ".").expect(leat.BAD_CONFIG)
    said = "".join(run.text for run in project.started)
    kept = b"".join(file.read_bytes() for file in project.data.rglob("*") if file.is_file())
    for secret in ("CANARY", "verySecretCanary", TOKEN, project.environment["KEY"]):
        assert secret not in said
        assert secret.encode() not in kept
