"""What a daemon tells people of its pipelines (`notify` in leat.yaml), held against what it
counts of them."""

import collections

TEMPLATE = "{pipeline} {kind} {text}"
OWN = "leat-alerts"  # the pipeline that tells; of itself it tells nothing

Message = collections.namedtuple("Message", "pipeline kind text")
Counts = collections.namedtuple("Counts", "source sink stalls restarts")
Mark = collections.namedtuple("Mark", "counts messages")


class Alerts:
    """`slack` is the stand-in that gets them, `watch` shows the pipelines."""

    def __init__(self, slack, watch):
        self.slack, self.watch = slack, watch

    def counts(self):
        return {name: Counts(*(view["breakers"][side]["opened"] for side in ("source", "sink")),
                             view["stalls"], view["restarts"])
                for name, view in self.watch.views.items() if name != OWN}

    def messages(self):
        """Each once, in order."""
        once, _ = self.slack.once()
        return [Message(*text.split(" ", 2)) for text, _ in once]

    def mark(self):
        return Mark(self.counts(), len(self.messages()))

    def problems(self, mark):
        """What was told since then and should not have been, and the other way round."""
        told = collections.defaultdict(list)
        for message in self.messages()[mark.messages:]:
            told[message.pipeline].append(message)
        wrong = [f"nobody knows {name}" for name in told.keys() - mark.counts.keys()]
        for name, counts in self.counts().items():
            fresh = Counts(*(now - then for now, then in zip(counts, mark.counts[name])))
            wrong += [f"{name}, {fresh}: {text}: {[m.kind for m in told[name]]}"
                      for text in self.of_one(fresh, told[name])]
        return wrong

    @staticmethod
    def of_one(fresh, messages):
        kinds = [message.kind for message in messages]
        opened = fresh.source + fresh.sink
        must = {kind for kind, count in (("breaker", opened), ("stalled", fresh.stalls),
                                         ("restarted", fresh.restarts and not fresh.stalls))
                if count}
        # That what stood still is started again need not be told besides.
        may = must | ({"restarted"} if fresh.restarts else set())
        incident = set()
        for kind in kinds:
            if kind == "recovered" and not incident:
                yield "it recovers from nothing"
            if kind in incident:
                yield f"{kind} twice in one incident"
            incident = set() if kind == "recovered" else incident | {kind}
        if incident:
            yield "it has not recovered"
        if not must <= set(kinds) <= may | ({"recovered"} if must else set()):
            yield f"told should be {sorted(must)}"
        for message in messages:
            side = next((s for s in ("source", "sink") if f"its {s} (" in message.text), None)
            if message.kind == "breaker" and (not side or not getattr(fresh, side)):
                yield f"another side's breaker: {message.text[:60]}"

    def repeats(self):
        """Of messages that came again without a lost reply."""
        lost = collections.Counter(self.slack.lost)
        return {id: count for id, count in collections.Counter(self.slack.ids()).items()
                if count > 1 + lost[id]}
