"""torture.py --day: one daemon with twenty pipelines of all kinds under a workload, while its
servers go down at random moments, alone or together (killed with signal 9, stopped in order,
frozen), and come back. All the time somebody asks the daemon what its pipelines do. What they
show has to be steps that docs/operations.md allows; an outage opens the breakers of the
pipelines and sides that touch the server, and no others; and in the end every row is
everywhere, once.
"""

import collections
import itertools
import json
import random
import time

from day import alerts, load, outcome, pipelines, servers
from harness import leat, process, states, versions
from harness import load as harness_load
from harness.api import Client
from harness.slack import Fault

VICTIMS = ("database", "broker", "store", "target")
# Alone twice as often as with each of the others.
COMBINATIONS = [(v,) for v in VICTIMS] * 2 + list(itertools.combinations(VICTIMS, 2)) + [VICTIMS]
LONG_DAY = 5  # minutes: from here on any server is away for as long as breakers take to open
SECONDS = 300  # for a hang
STEERED = (("pause", "resume"), ("stop", "start"), ("restart",))

Outage = collections.namedtuple("Outage", "victims kinds long")


class Day:
    def __init__(self, options, folder):
        self.choose = random.Random(options.seed)
        self.options = options
        self.servers = servers.Servers(folder)
        self.project = leat.Project(folder / "project")
        port, post_port = process.free_port(), process.free_port()
        self.long = options.minutes >= LONG_DAY
        self.pipelines = pipelines.Project(
            self.servers, port, post_port, patient=self.long).write(self.project)
        self.watch = states.Watch(Client(port))
        self.alerts = alerts.Alerts(self.servers.system, self.watch)
        self.posts = load.Posts(post_port)
        self.workers = [load.Changes(self.servers.database, options.seed * 1000 + i)
                        for i in range(2)]
        self.workers.append(load.Events(self.servers.database, options.seed * 1000 + 9))
        self.outcome = outcome.Outcome(self.servers, self.project, self.posts)
        self.counts = collections.Counter()
        self.began = time.monotonic()

    def say(self, text):
        print(f"torture: {time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def wait(self, condition, what):
        """For what the watch shows; when it does not come, what it shows instead."""
        def check():
            self.watch.check()
            for worker in [*self.workers, self.posts]:
                if worker.error:
                    raise worker.error
            return condition()
        try:
            process.wait_until(check, SECONDS, what)
        except TimeoutError as error:
            raise AssertionError(f"{error}; not well: {self.watch.unwell()}") from None

    def start(self):
        daemon = self.project.daemon()
        self.watch.start()
        self.wait(self.watch.well, "all run")
        # The first versions of all rows are read before there are others.
        for table in versions.TABLES:
            self.outcome_of(lambda t=table: self.outcome.audited(t))
        for judge in self.outcome.topics:
            self.outcome_of(judge.look)
        for worker in [*self.workers, self.posts]:
            worker.start()
        self.say(f"{len(self.pipelines)} pipelines run, process {daemon.pid}")

    def outcome_of(self, check):
        self.wait(lambda: not check(), "the snapshot")

    # Outages.
    def outages(self):
        """At least one of each server, then at random until the day is over."""
        first = [Outage((victim,), (self.choose.choice(servers.KINDS[:2]),), self.may_be_long(
            [victim])) for victim in self.choose.sample(VICTIMS, len(VICTIMS))]
        yield from first
        while time.monotonic() - self.began < self.options.minutes * 60:
            victims = self.choose.choice(COMBINATIONS)
            kinds = tuple(self.choose.choice(servers.KINDS) for _ in victims)
            yield Outage(victims, kinds, "freeze" not in kinds and self.may_be_long(victims)
                         and self.choose.random() < 0.6)

    def may_be_long(self, victims):
        return self.long or not {"broker", "store"} & set(victims)

    def touched(self, victims):
        return {(p.name, side) for p in self.pipelines for side in ("source", "sink")
                if getattr(p, side) in victims}

    def must_open(self, victims):
        """Lists of sides, one of which at least has to open while these are away for long: the
        sink of a pipeline that gets no more rows does not notice."""
        for p in self.pipelines:
            sides = [(p.name, side) for side in ("source", "sink")
                     if getattr(p, side) in victims]
            cut_off = p.source not in victims and set(p.through) & set(victims)
            if sides and not cut_off:
                yield sides

    def outage(self, outage):
        before, mark = self.watch.opened(), self.alerts.mark()
        self.say("; ".join(f"{victim}: {kind}" for victim, kind
                           in zip(outage.victims, outage.kinds))
                 + (", for long" if outage.long else ""))
        for victim, kind in zip(outage.victims, outage.kinds):
            self.servers.victims[victim].down(kind)
            self.counts[kind] += 1
            time.sleep(self.choose.choice([0, 0, 1]) * self.choose.random())
        if outage.long:
            self.wait(lambda: not self.closed_yet(outage, before),
                      f"breakers of {self.closed_yet(outage, before)} open")
        time.sleep(self.choose.random() * (30 if self.long else 3))
        for victim in self.choose.sample(outage.victims, len(outage.victims)):
            self.servers.victims[victim].up()
        self.say("all servers are back")
        since = self.epochs()
        self.wait(lambda: not self.behind(outage, since) and self.watch.well(),
                  f"{self.behind(outage, since)} commit and all run again")
        opened = self.opened_since(before)
        self.say(f"all run; {len(opened)} breakers had opened, of "
                 f"{len(self.touched(outage.victims))} that may")
        others = opened - self.touched(outage.victims)
        assert not others, f"no outage explains the breakers of {sorted(others)}"
        self.wait_told(mark)

    def wait_told(self, mark):
        """Until people know what happened since then, and no more."""
        wrong = []

        def right():
            wrong[:] = self.alerts.problems(mark)
            return not wrong
        try:
            self.wait(right, "people are told")
        except AssertionError:
            raise AssertionError("\n".join(wrong[:20])) from None
        assert not self.alerts.repeats(), self.alerts.repeats()

    def epochs(self):
        return {name: view["epochs"] for name, view in self.watch.views.items()}

    def behind(self, outage, since):
        """Pipelines that the outage touched and that have committed nothing since then."""
        return {name for name, _ in self.touched(outage.victims)
                if self.watch.views[name]["epochs"] <= since[name]}

    def opened_since(self, before):
        return {breaker for breaker, times in self.watch.opened().items()
                if times > before.get(breaker, 0)}

    def closed_yet(self, outage, before):
        opened = self.opened_since(before)
        return [sides for sides in self.must_open(outage.victims) if not opened & set(sides)]

    # Between them.
    def quiet(self):
        """Nothing happens but that a reply of Slack is lost, or somebody steers a pipeline: no
        breaker opens."""
        before, mark = self.watch.opened(), self.alerts.mark()
        for slack in (self.servers.slack, self.servers.system):
            if not slack.faults:
                slack.faults.append(Fault(lose=True))
        self.steer(self.choose.choice(self.pipelines).name, self.choose.choice(STEERED))
        time.sleep(self.choose.random() * (20 if self.long else 2))
        self.wait(self.watch.well, "all run")
        opened = self.opened_since(before)
        assert not opened, f"nothing explains the breakers of {sorted(opened)}"
        self.wait_told(mark)

    def steer(self, name, orders):
        self.watch.asked.add(name)
        for order in orders:
            self.watch.client.post(f"/api/pipelines/{name}/{order}")
            self.counts["orders"] += 1
            looks = self.watch.looks
            reached = {"pause": "paused", "stop": "stopped"}.get(order, "running")
            self.wait(lambda: self.watch.looks > looks + 1
                      and self.watch.views[name]["state"] == reached, f"{name} is {reached}")
        self.watch.asked.discard(name)

    def settle(self):
        """The workload pauses; everything arrives."""
        with harness_load.paused([*self.workers, self.posts]):
            self.outcome.wait()
            self.wait(self.watch.well, "all run")
            self.say(f"{self.outcome.rows()} rows everywhere")

    def logs(self):
        """Each pipeline's log tells the same of its breakers as the watch has seen."""
        for name, view in self.watch.views.items():
            lines = [json.loads(line) for file in sorted(
                (self.project.data / "logs").glob(f"{name}.log*"), reverse=True)
                for line in file.read_text().splitlines()]
            for side in ("source", "sink"):
                told = [line["msg"].split(":")[0] for line in lines
                        if line["msg"].startswith("breaker ") and line["side"] == side]
                assert told.count("breaker open") == view["breakers"][side]["opened"], (
                    name, side, told)
                if len(view["workers"]) == 1:
                    wrong = [pair for pair in itertools.pairwise(["breaker closed", *told])
                             if pair == ("breaker closed", "breaker closed")]
                    assert not wrong, (name, side, told)

    def summary(self):
        moments = sum(map(len, self.watch.changes.values()))
        opened = sum(self.watch.opened().values())
        return (f"torture: {self.counts['kill9']} kills, {self.counts['stop']} stops, "
                f"{self.counts['freeze']} freezes of servers, {self.counts['orders']} orders, "
                f"{len(self.servers.slack.lost) + len(self.servers.system.lost)} lost replies; "
                f"{len(self.alerts.messages())} alerts; {self.watch.looks} looks at "
                f"{len(self.pipelines)} pipelines saw {moments} steps, all of them allowed, and "
                f"{opened} open breakers; {sum(w.transactions for w in self.workers)} "
                f"transactions: {self.outcome.rows()} rows everywhere, none lost and none twice")

    def stop(self):
        self.watch.ended.set()
        self.project.stop_all()
        self.servers.stop()


def torture(options, folder):
    day = Day(options, folder)
    try:
        day.start()
        for number, outage in enumerate(day.outages(), 1):
            day.outage(outage)
            day.quiet()
            if number % 10 == 0:
                day.settle()
        for worker in [*day.workers, day.posts]:
            worker.stop()
        day.settle()
        day.logs()
        day.watch.stop()
        return day.summary()
    finally:
        day.stop()
