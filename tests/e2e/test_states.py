"""The judges of a scripted day find what they are there for."""

import pytest
from day.alerts import Alerts, Counts, Message
from harness.states import Breaker, Moment, problems

CLOSED = Breaker("closed", 0)


def moment(state, retries=0, restarts=0, source=CLOSED, asked=False, since=1):
    return Moment(state, since, retries, restarts, source, CLOSED, asked)


@pytest.mark.parametrize("before, after", [
    (moment("starting"), moment("running")),
    (moment("running"), moment("retrying", 1)),
    (moment("running"), moment("running", 1, since=2)),  # too quick to be seen
    (moment("running"), moment("starting", 2)),
    (moment("running"), moment("stopping")),
    (moment("stopping"), moment("retrying", 0, 1)),
    (moment("running"), moment("stalled")),
    (moment("stalled"), moment("starting", 0, 1)),
    (moment("retrying", 3, 1), moment("running", 3, 1)),
    (moment("running"), moment("failed")),
    (moment("running", asked=True), moment("paused", asked=True)),
    (moment("paused", asked=True), moment("running")),
    (moment("running"), moment("running", source=Breaker("open", 1), since=1)),
    (moment("running", source=Breaker("open", 1)), moment("running", source=Breaker("closed", 1))),
    (moment("running", source=Breaker("open", 1)), moment("running", source=Breaker("open", 2))),
    (moment("running", source=Breaker("half-open", 1)),
     moment("running", source=Breaker("open", 2)))])
def test_steps_that_are_allowed(before, after):
    assert not list(problems(before, after))


@pytest.mark.parametrize("before, after, says", [
    (moment("running"), moment("starting"), "no way from running to starting"),
    (moment("running"), moment("retrying"), "no way from running to retrying"),
    (moment("stopping"), moment("starting"), "no way from stopping"),
    (moment("running"), moment("paused"), "no way from running to paused"),
    (moment("failed"), moment("starting"), "no way from failed"),
    (moment("done"), moment("running"), "no way from done"),
    (moment("running", 2), moment("running", 1), "backwards"),
    (moment("running", since=2), moment("retrying", 1, since=1), "backwards"),
    (moment("running"), moment("running", since=2), "nothing happened"),
    (moment("running"), moment("running", source=Breaker("open", 0)), "source's breaker"),
    (moment("running"), moment("running", source=Breaker("half-open", 0)), "source's breaker"),
    (moment("running", source=Breaker("half-open", 1)),
     moment("running", source=Breaker("open", 1)), "source's breaker"),
    (moment("running", source=Breaker("open", 2)),
     moment("running", source=Breaker("open", 1)), "source's breaker")])
def test_steps_that_are_not(before, after, says):
    assert any(says in text for text in problems(before, after))


OPENED = Counts(source=2, sink=0, stalls=0, restarts=0)
STOOD = Counts(source=0, sink=0, stalls=1, restarts=1)


def told(*kinds, side="source"):
    return [Message("p", kind, f"leaves its {side} (mysql) in peace") for kind in kinds]


@pytest.mark.parametrize("fresh, messages", [
    (Counts(0, 0, 0, 0), []), (OPENED, told("breaker", "recovered")),
    (OPENED, told("breaker", "recovered", "breaker", "recovered")),
    (STOOD, told("stalled", "recovered")), (STOOD, told("stalled", "restarted", "recovered"))])
def test_alerts_that_are_right(fresh, messages):
    assert not list(Alerts.of_one(fresh, messages))


@pytest.mark.parametrize("fresh, messages, says", [
    (OPENED, [], "told should be ['breaker']"),
    (Counts(0, 0, 0, 0), told("breaker", "recovered"), "told should be []"),
    (OPENED, told("breaker"), "not recovered"),
    (OPENED, told("recovered", "breaker"), "recovers from nothing"),
    (OPENED, told("breaker", "breaker", "recovered"), "twice"),
    (OPENED, told("breaker", "stalled", "recovered"), "told should be"),
    (OPENED, told("breaker", "recovered", side="sink"), "another side")])
def test_alerts_that_are_not(fresh, messages, says):
    assert any(says in text for text in Alerts.of_one(fresh, messages))
