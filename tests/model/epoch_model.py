#!/usr/bin/env python3
"""A crash model of the epoch protocol that src/runtime implements.

A process is a generator that does one atomic thing between two yields. A plan says which
fault strikes at which step: a crash, of the process or of its machine with all that was not
synced, a store that is lost or restored from an older copy, a reply that is lost, a request that lands late, a process that is paused while a successor
works and then wakes up, a shard that is taken away, or that a process elsewhere goes on
with. The schedule is deterministic otherwise, so every plan of one fault is tried, and many
of two to five at random. Whatever happens, healthy restarts must end with every row in its
table, and every dead letter in its store, exactly once and in order of its shard.

Each mutant leaves one rule of the protocol out. A mutant that survives is a failure, as is
any violation without a mutant: a rule that nobody misses would be no rule.

usage: epoch_model.py [--quick | --deep] [--seed N] [--mutant NAME] [--trace]
"""

import argparse
import random
import sys
from collections import namedtuple

from protocol import MUTANTS, Process, Stop, Store, World, refused

Setting = namedtuple("Setting", "staged tables latest cuts log shards")
LOG = [(0,), (1,), (0, 1), (1, 2), (0, 2)]
SETTINGS = [
    Setting(staged, 3, latest, cuts, LOG, shards)
    for shards in (1, 2)
    for staged in (True, False)
    for latest in (False, True)
    for cuts in ((2, 1, 3), (1, 3, 2))
]
DELAYS = (1, 4, 9, 16, 30)
FAULTS = (
    [("crash",), ("lose store",), ("other machine",), ("lose reply",), ("foreign commit",)]
    + [("restore", n) for n in (1, 3, 6)]
    + [("power", n) for n in (1, 2, 9)]
    + [("land late", d) for d in DELAYS]
    + [("deal away", 0), ("deal away", 1)]
    + [("take", shard, lost) for shard in (0, 1) for lost in (False, True)]
    + [("pause", d, other) for d in DELAYS for other in (False, True)]
)
MAX_STEPS, MAX_STARTS = 500, 12
ENDLESS = "never comes to the end"


class Run:
    """One plan, from the first start to the last healthy one."""

    def __init__(self, setting, mutant, plan):
        self.w, self.plan, self.starts = World(setting, mutant), plan, 0
        self.awake = []  # (process, generator); the last one runs
        self.asleep = []  # (step to wake at, (process, generator))
        self.launch(0)

    def launch(self, store_number):
        process = Process(self.w, store_number)
        self.awake.append((process, process.run()))
        self.starts += 1

    def strike(self, kind, *how):
        w, number = self.w, self.awake[-1][0].store_number
        w.note("FAULT", kind, *how)
        if kind == "lose reply":
            w.network = "lost"
        elif kind == "land late":
            w.network = how[0]
        elif kind == "deal away" and how[0] in w.shards:
            w.deal_away(how[0])
        elif kind == "take":  # and give it back, when the process has noticed
            w.taken[how[0]] = how[1]
        elif kind == "foreign commit":
            for table in w.tables:
                table.version += 1
        elif kind != "deal away":  # the process ends, or sleeps, and another one starts
            process = self.awake.pop()
            other = kind == "other machine"
            if kind == "pause":
                self.asleep.append((w.step + how[0], process))
                other = how[1]
            elif kind == "lose store":
                w.stores[number] = Store()
            elif kind == "restore":
                w.stores[number] = w.history[number][-1 - how[0] :][0].copy()
            elif kind == "power":  # the last writes are lost, but for what is synced
                states = w.stores[number].states or [w.stores[number]]
                w.stores[number] = states[-1 - how[0] :][0].copy()
                self.awake = [p for p in self.awake if p[0].store_number != number]
                self.asleep = [s for s in self.asleep if s[1][0].store_number != number]
            w.store_suffered |= other or kind in ("lose store", "restore")
            self.launch(1 - number if other else number)

    def wake_and_deliver(self, until):
        w = self.w
        for _, request in [late for late in w.late if late[0] <= until]:
            request()
        w.late = [late for late in w.late if late[0] > until]
        for _, process in [sleeper for sleeper in self.asleep if sleeper[0] <= until]:
            self.awake.append(process)
            w.note("WAKES", process[0].attempt)
        self.asleep = [sleeper for sleeper in self.asleep if sleeper[0] > until]

    def go(self):
        """What went wrong, or None."""
        w, last = self.w, False
        while w.step < MAX_STEPS and self.starts < MAX_STARTS:
            w.step += 1
            self.wake_and_deliver(w.step)
            if w.step in self.plan:
                self.strike(*self.plan[w.step])
            process, running = self.awake[-1]
            try:
                next(running)
                continue
            except (StopIteration, Stop) as end:
                w.note(process.attempt, "ends", type(end).__name__)
                finished = isinstance(end, StopIteration)
            self.awake.pop()
            if not self.awake and finished and last:
                return self.verdict()
            if not self.awake and finished:  # what is in flight lands, who sleeps wakes
                self.wake_and_deliver(MAX_STEPS)
                last = True
            if not self.awake:
                w.network = None
                self.launch(process.store_number)
        return ENDLESS

    def verdict(self):
        w, letters = self.w, []
        for i, table in enumerate(w.tables):
            for shard in w.shards:
                first = w.first.get(shard, 0) if w.setting.latest else 0
                rows = [r for r in range(first, len(LOG)) if i in LOG[r]]
                letters += [(i, shard, r) for r in rows if refused(r)]
                rows = [r for r in rows if not refused(r)]
                have = [r for s, r in table.rows if s == shard]
                if have != rows:
                    w.wrong.append("shard %d of table %d has %s, expected %s"
                                   % (shard, i, have, rows))
        letters.sort()
        if not w.store_suffered and sorted(w.stores[0].letters) != letters:
            w.wrong.append("dead letters %s, expected %s" % (w.stores[0].letters, letters))
        return w.wrong[0] if w.wrong else None


def plans(length, depth, seed):
    """All plans of one fault, then `depth` random ones of two to five."""
    for step in range(1, length + 1):
        for fault in FAULTS:
            yield {step: fault}
    source = random.Random(seed)
    for _ in range(depth):
        steps = source.sample(range(1, 2 * length), source.randint(2, 5))
        yield {step: source.choice(FAULTS) for step in sorted(steps)}


def explore(mutant, depth, seed):
    """The runs made, and the first violation found."""
    runs = 0
    for setting in SETTINGS:
        clean = Run(setting, mutant, {})
        clean.go()
        for plan in plans(clean.w.step, depth, seed):
            runs += 1
            run = Run(setting, mutant, plan)
            if wrong := run.go():
                return runs, (wrong, setting, plan, run.w.trace)
    return runs, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="under 30 seconds")
    parser.add_argument("--deep", action="store_true", help="many random plans")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutant", choices=MUTANTS)
    parser.add_argument("--trace", action="store_true", help="show each violation's steps")
    args = parser.parse_args()
    depth = 100_000 if args.deep else 500 if args.quick else 10_000
    failed = False
    for mutant in [args.mutant] if args.mutant else [None, *MUTANTS]:
        runs, found = explore(mutant, depth, args.seed)
        name = "mutant " + mutant if mutant else "protocol"
        print("%-28s %7d runs  %s" % (name, runs, found[0] if found else "no violation"))
        failed |= (found is None) == (mutant is not None)
        if found and (mutant is None or args.trace):
            print("    %s\n    faults %s" % found[1:3])
            print("\n".join("    " + line for line in found[3]) if args.trace else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
