"""What a daemon's pipelines may do one after the other, as tables of steps, and a watch that
asks a daemon again and again and holds what it sees against them.

The tables are those of docs/operations.md. A watch sees moments, not steps: between two of them
there must be a way through the table, and on it exactly as many retries, restarts and openings
as the daemon counts for the time in between.
"""

import collections
import functools
import threading

Step = collections.namedtuple("Step", "to retries restarts", defaults=(0, 0))

# As a worker shows itself; where one name stands for two moments, the second has a mark.
WORKER = {
    "starting*": [  # a run begins
        Step("starting"), Step("retrying")],  # the second: a breaker is open yet
    "starting": [
        Step("running"), Step("retrying", retries=1), Step("stopping!"), Step("done")],
    "running": [
        Step("retrying", retries=1), Step("stopping!"), Step("stalled"), Step("done")],
    "retrying": [Step("starting")],
    "stopping!": [  # a run ended with an error; what follows is not decided yet
        Step("retrying*", restarts=1), Step("failed")],
    "retrying*": [Step("starting*")],  # the supervisor waits
    "stalled": [Step("stalled*", restarts=1), Step("failed")],
    "stalled*": [Step("starting*")],
    "failed": [],
    "done": [],
}
# Besides, where somebody asked for it.
STOPPED = {state: [Step("stopping"), Step("stopped"), Step("paused"), Step("starting*")]
           for state in [*WORKER, "stopping", "stopped", "paused"]}
BREAKER = {
    "closed": [Step("open", 1)],
    "open": [Step("half-open")],
    "half-open": [Step("closed"), Step("open", 1)],
}
MOST = 60  # steps counted between two moments; more are not followed one by one


def shown(node):
    return node.rstrip("*!")


@functools.cache
def reachable(before, after, retries, restarts, asked, breaker):
    """Whether some way through a table leads from what was shown to what is shown now, with
    exactly so many retries (of a breaker: openings) and restarts on it."""
    table = BREAKER if breaker else WORKER
    todo = {(node, 0, 0) for node in [*table, *(STOPPED if asked else ())]
            if shown(node) == before}
    seen = set()
    while todo:
        node, tries, starts = todo.pop()
        if (shown(node), tries, starts) == (after, retries, restarts):
            return True
        seen.add((node, tries, starts))
        for step in table.get(node, []) + (STOPPED.get(node, []) if asked else []):
            then = (step.to, tries + step.retries, starts + step.restarts)
            if then[1] <= retries and then[2] <= restarts and then not in seen:
                todo.add(then)
    return False


Moment = collections.namedtuple("Moment", "state since retries restarts source sink asked")
Breaker = collections.namedtuple("Breaker", "state opened")


def moment(view, asked):
    breakers = {side: Breaker(b["state"], b["opened"]) for side, b in view["breakers"].items()}
    return Moment(view["state"], view["since"], view["retries"], view["restarts"],
                  breakers["source"], breakers["sink"], asked)


def problems(old, new):
    """What is wrong with the newer of two moments of one worker."""
    asked = old.asked or new.asked
    tries, starts = new.retries - old.retries, new.restarts - old.restarts
    if min(tries, starts) < 0 or new.since < old.since:
        yield f"it counts backwards: {old} to {new}"
    elif max(tries, starts) <= MOST and not reachable(old.state, new.state, tries, starts, asked,
                                                      False):
        yield f"no way from {old.state} to {new.state} with {tries} retries, {starts} restarts"
    if old.state == new.state == "running" and tries + starts == 0 and not asked \
            and old.since != new.since:
        yield "it runs since another time, and nothing happened"
    for side in ("source", "sink"):
        was, now = getattr(old, side), getattr(new, side)
        opened = now.opened - was.opened
        if opened < 0 or (opened <= MOST and not reachable(was.state, now.state, opened, 0,
                                                           False, True)):
            yield f"no way of the {side}'s breaker from {was} to {now}"


class Watch(threading.Thread):
    """Keeps each change that it sees of each worker, and what is wrong with it."""

    def __init__(self, client, pause=0.1):
        super().__init__(daemon=True)
        self.client, self.pause = client, pause
        self.ended = threading.Event()
        self.views = {}  # the newest answer
        self.changes = collections.defaultdict(list)  # of a worker: moments
        self.wrong = []
        self.looks = 0
        self.asked = set()  # pipelines that somebody steers now
        self.error = None

    def run(self):
        try:
            while not self.ended.is_set():
                # Before the answer is asked for: what is asked for meanwhile is in the next.
                asked = set(self.asked)
                self.take(self.client.pipelines(), asked)
                self.ended.wait(self.pause)
        except Exception as error:  # shown by the main thread
            self.error = error

    def take(self, views, asked):
        asked |= self.asked
        for name, view in views.items():
            for worker, part in view["workers"].items():
                self.note(worker, moment(part, name in asked))
        self.views = views
        self.looks += 1

    def note(self, worker, new):
        changes = self.changes[worker]
        if not changes:
            if new.source.state != "closed" and new.source.opened == 0:
                self.wrong.append(f"{worker}: a breaker that never opened is not closed: {new}")
        elif changes[-1] == new:
            return
        else:
            self.wrong += [f"{worker}: {text}" for text in problems(changes[-1], new)]
        changes.append(new)

    def check(self):
        if self.error:
            raise self.error
        assert not self.wrong, "\n".join(self.wrong[:20])

    def well(self):
        """Every pipeline runs, and no breaker is anything but closed."""
        self.check()
        return self.views and not self.unwell()

    def unwell(self):
        return {name: (view["state"], self.breakers(view), view["why"] or view["last_error"])
                for name, view in self.views.items()
                if view["state"] != "running" or set(self.breakers(view)) != {"closed"}}

    @staticmethod
    def breakers(view):
        return [view["breakers"][side]["state"] for side in ("source", "sink")]

    def opened(self):
        """How often each breaker has opened so far, by pipeline and side."""
        return {(name, side): view["breakers"][side]["opened"]
                for name, view in self.views.items() for side in ("source", "sink")}

    def stop(self):
        self.ended.set()
        self.join()
        self.check()
