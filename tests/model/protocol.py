"""The epoch protocol as generators, and the world they run in; see epoch_model.py."""

from collections import namedtuple
from dataclasses import dataclass, field, replace

Token = namedtuple("Token", "epoch attempt start to tables")
# ranges: by shard, from where to where; previous: by (table, shard), the tokens then;
# begins: it says where shards begin, and has no rows
Saved = namedtuple("Saved", "epoch attempt tables ranges previous file begins")

MUTANTS = {
    "ack-before-commit": "the source lets its log go before the sink has it",
    "save-after-commit": "the decision is written down after it was carried out",
    "blind-commit": "a commit does not look at the table's token",
    "epoch-number-only": "tokens are compared by their epoch, not by their attempt",
    "attempt-reused": "a restart goes on under the attempt of the process before it",
    "no-epoch-zero": "where a new pipeline starts is written down nowhere",
    "resume-at-to": "an epoch that is in one of its tables counts as complete",
    "no-floors": "rows that a table already has are written again",
    "cleanup-on-unknown": "staged files are removed when a reply is lost",
    "old-store-trusted": "a saved epoch is rolled forward although the sink went on",
    "fold-before-commit": "dead letters become visible with the save",
    "store-not-guarded": "a process writes to a store that names its successor",
    "no-claim": "a transactional sink does not end its predecessor's transactions",
    "half-the-claim": "of two ids that take turns, its predecessor keeps one",
    "no-reread": "shards that stay go on after an epoch with a lost one was dropped",
    "half-the-tokens": "a commit looks at one shard's token alone",
    "ack-untold": "the source lets go of what no table's token has, for all are further",
    "falling-tokens": "an epoch sets the tokens of its shards in tables that are further",
    "ranges-trusted": "the store's positions count whatever the sink's tokens are",
    "save-unsynced": "a save is lost with the machine although the epoch needs it",
    "fold-unsynced": "dead letters' fold is lost with the machine, and the sink goes on",
}


TURNS = (0, 1)  # the ids of a transactional sink, one transaction each


class Stop(Exception):
    """Somebody else owns the shard, or the source has purged the position."""


class Anew(Exception):
    """A transaction is gone with its connection: recover under a new attempt."""


@dataclass
class Store:
    attempt: str = ""
    saved: Saved = None
    folded: tuple = None  # the newest epoch whose dead letters were folded in
    overlays: dict = field(default_factory=dict)  # by epoch: its dead letters
    letters: tuple = ()
    ranges: dict = field(default_factory=dict)  # by shard: how far, with which tokens
    states: list = field(default_factory=list)  # on disk; since then, the newest last

    def copy(self):
        return replace(self, overlays=dict(self.overlays), ranges=dict(self.ranges), states=[])


@dataclass(eq=False)
class Table:
    version: int = 0
    tokens: dict = field(default_factory=dict)  # by shard
    rows: list = field(default_factory=list)  # (shard, row)


class World:
    """The source, the sink and the stores: what outlives a process."""

    def __init__(self, setting, mutant):
        self.setting, self.mutant = setting, mutant
        self.step = self.attempts = self.starts = 0
        self.shards = tuple(range(setting.shards))
        self.purged = dict.fromkeys(self.shards, 0)
        self.tables = [Table() for _ in range(setting.tables)]
        self.owners = {}  # transactional: who may commit, by shard and id
        self.taken = {}  # shards that are taken from whoever runs: True when lost
        self.files, self.late, self.wrong, self.trace = {}, [], [], []
        self.network = None  # what happens to the next request: "lost", or its delay
        self.first = {}  # by shard, the start that was committed first
        self.stores, self.history = [Store(), Store()], [[Store()], [Store()]]
        self.store_suffered = False

    def note(self, *words):
        self.trace.append(" ".join(map(str, (self.step, *words))))

    def send(self, request):
        """'ok' or 'refused'; or 'unknown': it landed, or lands later."""
        network, self.network = self.network, None
        if network is None:
            return "ok" if request() else "refused"
        if network == "lost":
            request()
        else:
            self.late.append((self.step + network, request))
        return "unknown"

    def deal_away(self, shard):
        """A process elsewhere goes on with the shard by a row, and is gone again."""
        staged = self.setting.staged
        tables = self.tables if staged else self.tables[:1]
        tokens = {i: t.tokens[shard] for i, t in enumerate(tables) if shard in t.tokens}
        row = max((reach(tokens, t) for t in tokens.values()), default=len(self.setting.log))
        if row == len(self.setting.log) or len(tokens) < len(tables):
            return
        self.store_suffered = True  # the dead letters are kept there
        self.taken[shard] = True
        owner = "x%d" % self.step
        self.owners.update({(shard, turn): owner for turn in TURNS})
        epoch = 1 + max(t.epoch for t in tokens.values())
        saved = Saved(epoch, owner, tuple(range(len(tables))),
                      {shard: (row, row + 1)},
                      {(i, shard): t for i, t in tokens.items()}, None, False)
        for i in self.setting.log[row]:
            if not refused(row) and row >= tokens[i if staged else 0].to:
                self.tables[i].rows.append((shard, row))
        for i in saved.tables:
            self.land(i, saved, [])
        self.purged[shard] = max(self.purged[shard], row + 1)

    def land(self, i, saved, rows):
        table = self.tables[i]
        for shard in saved.ranges:
            token = token_of(saved, shard)
            if self.mutant != "falling-tokens" and is_ahead(saved, i, shard):
                continue
            if shard in table.tokens and token.to < table.tokens[shard].to:
                self.wrong.append("a token falls")
            self.first.setdefault(shard, token.start)
            table.tokens[shard] = token
        table.version += 1
        table.rows += rows
        self.note("lands", saved.epoch, saved.attempt, saved.ranges, rows)


def reach(tokens, token):
    """How far a token proves the whole shard to be; tokens: the shard's, by table."""
    others = [tokens.get(i) for i in token.tables]
    complete = all(other and other.to >= token.to for other in others)
    return token.to if complete else token.start


def is_ahead(saved, i, shard):
    """The table has more of the shard already, from an epoch that not every table got."""
    token = saved.previous.get((i, shard))
    return bool(token) and token.to > saved.ranges[shard][1]


def after(saved):
    """The tokens of its shards once the epoch is committed."""
    mine = {(i, s): token_of(saved, s)
            for i in saved.tables for s in saved.ranges if not is_ahead(saved, i, s)}
    return {**{key: t for key, t in saved.previous.items() if key[1] in saved.ranges}, **mine}


def token_of(saved, shard):
    return Token(saved.epoch, saved.attempt, *saved.ranges[shard], saved.tables)


def epoch_of(token):
    return token and (token.epoch, token.attempt)


def refused(row):
    return row % 3 == 1


class Process:
    """One life, from a new attempt to the end of the log."""

    def __init__(self, world, store_number):
        self.w, self.setting = world, world.setting
        self.store, self.store_number = world.stores[store_number], store_number
        self.attempt = None
        self.turn = 0  # which of its ids the next transaction has

    def has(self, mutant):
        return self.w.mutant == mutant

    def changed(self, sync):
        """A write that is synced takes those before it to the disk as well."""
        state = self.store.copy()
        self.w.history[self.store_number].append(state)
        self.store.states = [state] if sync else [*self.store.states, state]

    def write(self, change, sync=False):
        """One write to the store, only while it names this attempt."""
        if self.store.attempt != self.attempt and not self.has("store-not-guarded"):
            raise Stop
        change(self.store)
        self.changed(sync)

    def run(self):
        while True:
            try:
                yield from self.begin()
                yield from self.recover()
                yield from self.read_to_the_end()
                return
            except Anew:
                pass

    def begin(self):
        self.w.attempts += 1
        self.attempt = "a%d" % self.w.attempts
        if self.has("attempt-reused") and self.store.attempt:
            self.attempt = self.store.attempt
        yield
        self.store.attempt = self.attempt
        self.folds = True  # a fold may have moved dead letters, and not be on disk
        self.changed(sync=True)

    # Recovery.

    def recover(self):
        self.held, self.positions, self.tokens, self.epoch = set(), {}, {}, 0
        yield from self.assign(set(self.w.shards))

    def assign(self, shards):
        """The same at the start and when shards come later, between two epochs."""
        saved = self.store.saved
        if saved and self.store.folded == (saved.epoch, saved.attempt):
            saved = None
        others = set(saved.ranges) - shards if saved else set()
        yield from self.claim(shards)
        tokens = {}
        for i, table in enumerate(self.w.tables[: self.token_tables()]):
            yield
            for shard in shards | others:
                if shard in table.tokens:
                    tokens[i, shard] = table.tokens[shard]
        last = self.store.saved
        seen = [t.epoch for t in tokens.values()] + ([last.epoch] if last else [])
        self.epoch = max(seen + [self.epoch])
        verdict = self.judge(saved, tokens) if saved else "nothing"
        self.w.note(self.attempt, "assigned", shards, verdict, tokens)
        if verdict == "roll forward":
            yield from self.commit(saved)
            tokens.update(after(saved))
        yield
        if verdict in ("committed", "roll forward"):
            self.write(lambda s: self.fold(s, saved))
        elif verdict == "old":
            self.write(lambda s: (s.overlays.clear(), setattr(s, "saved", None)), sync=True)
        else:
            self.write(lambda s: s.overlays.clear())
        fresh = [shard for shard in sorted(shards) if not self.place(shard, tokens)]
        self.tokens.update({key: t for key, t in tokens.items() if key[1] in shards})
        if fresh:
            yield from self.start(fresh)
        self.held |= shards

    def claim(self, shards):
        """Before the tokens are read: whoever had the shards lands nothing any more."""
        if self.setting.staged or self.has("no-claim"):
            return
        for turn in TURNS[:1] if self.has("half-the-claim") else TURNS:
            yield
            known = [s for s in shards if s in self.w.tables[0].tokens]
            self.w.owners.update({(shard, turn): self.attempt for shard in known})

    def place(self, shard, tokens):
        """Where a shard goes on; False: nobody knows it."""
        mine = {i: epoch_of(t) for (i, s), t in tokens.items() if s == shard}
        to, noted = self.store.ranges.get(shard, (None, None))
        if to is not None and (noted == mine or self.has("ranges-trusted")):
            self.positions[shard] = to
        elif mine:
            now = {i: t for (i, s), t in tokens.items() if s == shard}
            whole = self.has("resume-at-to")
            self.positions[shard] = max(t.to if whole else reach(now, t) for t in now.values())
        return shard in self.positions

    def token_tables(self):
        return self.setting.tables if self.setting.staged else 1

    def judge(self, saved, tokens):
        def is_mine(i, shard):
            return epoch_of(tokens.get((i, shard))) == (saved.epoch, saved.attempt)

        if all(any(is_mine(i, s) for s in saved.ranges) for i in saved.tables):
            return "committed"
        current = all(
            (i in saved.tables and is_mine(i, s))
            or epoch_of(tokens.get((i, s))) == epoch_of(saved.previous.get((i, s)))
            for i in range(self.token_tables())
            for s in saved.ranges
        )
        if not current and not self.has("old-store-trusted"):
            return "old"
        return "roll forward" if self.setting.staged or saved.begins else "lost"

    def start(self, shards):
        """Epoch 0: where new shards start, saved and committed before a row is read."""
        for shard in shards:
            self.positions[shard] = min(self.w.starts, 2) if self.setting.latest else 0
            self.w.starts += 1
            if self.has("no-epoch-zero"):
                self.w.first.setdefault(shard, self.positions[shard])
        if self.has("no-epoch-zero"):
            return
        ranges = {s: (self.positions[s], self.positions[s]) for s in shards}
        tables = tuple(range(self.token_tables()))
        self.epoch += 1 if self.held else 0
        yield from self.decide(Saved(self.epoch, self.own_name(), tables, ranges, {}, None, True))

    def own_name(self):
        return "" if self.has("epoch-number-only") else self.attempt

    # Epochs.

    def read_to_the_end(self):
        w, size = self.w, len(self.setting.log)
        while any(self.positions.get(s, 0) < size for s in w.shards):
            gone = set()
            for shard in [s for s in w.taken if s in self.held]:
                gone.add(shard)
                del w.taken[shard]
            self.held -= gone
            if gone or self.held != set(w.shards):
                self.write(lambda s: None)  # the store is still mine
                yield from self.assign(set(w.shards) - self.held)
            ranges, rows, letters = {}, {}, ()
            for shard in sorted(self.held):
                start = self.positions[shard]
                if start < w.purged[shard]:
                    raise Stop
                to = min(size, start + self.setting.cuts[(self.epoch + shard) % 3])
                if to > start:
                    ranges[shard] = (start, to)
                    letters += self.read(shard, start, to, rows)
            yield
            lost = {s for s in ranges if w.taken.get(s)}
            if lost:
                if self.has("no-reread"):
                    self.positions.update({s: ranges[s][1] for s in ranges if s not in lost})
                for shard in lost:
                    del self.positions[shard]
                continue  # the others are read again from where they are committed
            tables = tuple(sorted(rows)) if self.setting.staged else (0,) if rows else ()
            saved = Saved(self.epoch + 1, self.own_name(), tables, ranges,
                          dict(self.tokens), (self.attempt, w.step), False)
            w.files[saved.file] = rows
            key = (saved.epoch, saved.attempt)
            self.write(lambda s: s.overlays.update({key: letters}))
            yield from self.decide(saved)
            self.positions.update({s: to for s, (_, to) in ranges.items()})
            self.epoch += 1
            yield
            for shard, (_, to) in ranges.items():
                # Without a table that takes its token the store alone knows the position.
                told = any(not is_ahead(saved, i, shard) for i in tables)
                if told or (tables and self.has("ack-untold")):
                    w.purged[shard] = max(w.purged[shard], to)

    def read(self, shard, start, to, rows):
        letters = ()
        for row in range(start, to):
            for table in self.setting.log[row]:
                token = self.tokens.get((table if self.setting.staged else 0, shard))
                if token and row < token.to and not self.has("no-floors"):
                    continue
                if refused(row):
                    letters += ((table, shard, row),)
                else:
                    rows.setdefault(table, []).append((shard, row))
        return letters

    def decide(self, saved):
        """Save, commit, fold."""
        save = [lambda s: setattr(s, "saved", saved)]
        if self.has("fold-before-commit"):
            save.append(lambda s: self.fold(s, saved))
        letters = bool(self.store.overlays.get((saved.epoch, saved.attempt)))
        sync = self.must_last(saved, letters)
        if not self.has("save-after-commit"):
            for change in save:
                yield
                self.write(change, sync)
        self.folds = letters or (self.folds and not sync)
        if self.has("ack-before-commit"):
            for shard, (_, to) in saved.ranges.items():
                self.w.purged[shard] = max(self.w.purged[shard], to)
        yield from self.commit(saved)
        if self.has("save-after-commit"):
            yield
            self.write(save[0])
        self.tokens.update(after(saved))
        yield
        self.write(lambda s: self.fold(s, saved))

    def must_last(self, saved, letters):
        """Without its save a transaction is known from its token alone, but what else the
        store has to do with it."""
        if self.has("save-unsynced"):
            return False
        folds = self.folds and not self.has("fold-unsynced")
        return self.setting.staged or saved.begins or letters or folds

    @staticmethod
    def fold(store, saved):
        key = (saved.epoch, saved.attempt)
        if store.folded == key:
            return
        store.letters += store.overlays.pop(key, ())
        store.folded = key
        for shard, (_, to) in saved.ranges.items():
            noted = {i: epoch_of(t) for (i, s), t in after(saved).items() if s == shard}
            store.ranges[shard] = (to, noted)

    # Commits.

    def commit(self, saved):
        for i in saved.tables:
            if self.setting.staged:
                yield from self.commit_table(i, saved)
            else:
                yield from self.commit_transaction(saved)

    def landed(self, table, saved):
        key = (saved.epoch, saved.attempt)
        return any(epoch_of(table.tokens.get(s)) == key for s in saved.ranges)

    def expected(self, i, saved):
        now, shards = self.w.tables[i].tokens, sorted(saved.ranges)
        if self.has("half-the-tokens"):
            shards = shards[:1]
        same = all(epoch_of(now.get(s)) == epoch_of(saved.previous.get((i, s))) for s in shards)
        return same or self.has("blind-commit")

    def commit_table(self, i, saved):
        w, table = self.w, self.w.tables[i]
        while not self.landed(table, saved):
            if not self.expected(i, saved):
                raise Stop
            version = table.version
            yield
            outcome = w.send(lambda v=version: self.land_files(i, saved, v))
            if outcome == "unknown" and self.has("cleanup-on-unknown"):
                w.files.pop(saved.file, None)
            yield

    def land_files(self, i, saved, version):
        table = self.w.tables[i]
        if table.version != version:
            return False
        rows = self.w.files.get(saved.file)
        if saved.file and rows is None:
            self.w.wrong.append("a file is committed that was removed")
        self.w.land(i, saved, (rows or {}).get(i, []))
        return True

    def commit_transaction(self, saved):
        yield
        turn, self.turn = self.turn, 1 - self.turn
        outcome = self.w.send(lambda sender=self.attempt: self.land_rows(saved, sender, turn))
        if outcome == "ok":
            return
        yield
        if not self.landed(self.w.tables[0], saved):
            raise Stop if outcome == "refused" else Anew

    def land_rows(self, saved, sender, turn):
        table, owners = self.w.tables[0], self.w.owners
        claimed = all(s not in table.tokens or owners.get((s, turn)) == sender
                      for s in saved.ranges)
        if not (claimed or self.has("no-claim")) or not self.expected(0, saved):
            return False
        fresh = [s for s in saved.ranges if s not in table.tokens]
        owners.update({(s, t): sender for s in fresh for t in TURNS})
        self.w.land(0, saved, [])
        for i, rows in self.w.files.get(saved.file, {}).items():
            self.w.tables[i].rows += rows
        return True
