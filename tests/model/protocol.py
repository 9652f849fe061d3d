"""The epoch protocol as generators, and the world they run in; see epoch_model.py."""

from collections import namedtuple
from dataclasses import dataclass, field, replace

Token = namedtuple("Token", "epoch attempt start to tables")
Saved = namedtuple("Saved", "token previous file")  # previous: the token of each table

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
}


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

    def copy(self):
        return replace(self, overlays=dict(self.overlays))


@dataclass(eq=False)
class Table:
    version: int = 0
    token: Token = None
    rows: list = field(default_factory=list)


class World:
    """The source, the sink and the stores: what outlives a process."""

    def __init__(self, setting, mutant):
        self.setting, self.mutant = setting, mutant
        self.step = self.attempts = self.starts = self.purged = 0
        self.tables = [Table() for _ in range(setting.tables)]
        self.owner = None  # transactional: who may commit
        self.files, self.late, self.wrong, self.trace = {}, [], [], []
        self.network = None  # what happens to the next request: "lost", or its delay
        self.first = None  # the start that was committed first
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

    def land(self, table, token, rows):
        if table.token and token.to < table.token.to:
            self.wrong.append("a token falls")
        if self.first is None:
            self.first = token.start
        table.token, table.version = token, table.version + 1
        table.rows += rows
        self.note("lands", token, rows)


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

    def has(self, mutant):
        return self.w.mutant == mutant

    def changed(self):
        self.w.history[self.store_number].append(self.store.copy())

    def write(self, change):
        """One write to the store, only while it names this attempt."""
        if self.store.attempt != self.attempt and not self.has("store-not-guarded"):
            raise Stop
        change(self.store)
        self.changed()

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
        self.changed()

    def token(self, epoch, start, to, tables):
        attempt = "" if self.has("epoch-number-only") else self.attempt
        return Token(epoch, attempt, start, to, tables)

    # Recovery.

    def recover(self):
        saved, self.tokens = self.store.saved, []
        for table in self.w.tables[: self.token_tables()]:
            yield
            if not self.setting.staged and table.token and not self.has("no-claim"):
                self.w.owner = self.attempt
            self.tokens.append(table.token)
        seen = [t for t in self.tokens + [saved and saved.token] if t]
        self.epoch = max([t.epoch for t in seen], default=0)
        if not seen:
            yield from self.start()
            return
        verdict = self.judge(saved) if saved else "old"
        self.w.note(self.attempt, "judges", saved and saved.token, verdict, self.tokens)
        if verdict == "roll forward":
            yield from self.commit(saved)
            for i in saved.token.tables:
                self.tokens[i] = saved.token
        yield
        if verdict in ("committed", "roll forward"):
            self.position = saved.token.to
            self.write(lambda s: self.fold(s, saved))
        elif verdict == "lost":
            self.position = saved.token.start
            self.write(lambda s: s.overlays.clear())
        else:
            self.position = max(self.reach(t) for t in self.tokens if t)
            self.write(lambda s: (s.overlays.clear(), setattr(s, "saved", None)))

    def token_tables(self):
        return self.setting.tables if self.setting.staged else 1

    def judge(self, saved):
        mine = [epoch_of(t) == epoch_of(saved.token) for t in self.tokens]
        current = all(
            (mine[i] and i in saved.token.tables) or epoch_of(t) == epoch_of(saved.previous[i])
            for i, t in enumerate(self.tokens)
        )
        if not current and not self.has("old-store-trusted"):
            return "old"
        if all(mine[i] for i in saved.token.tables):
            return "committed"
        only_start = saved.token.start == saved.token.to
        return "roll forward" if self.setting.staged or only_start else "lost"

    def reach(self, token):
        """How far a token proves the whole shard to be."""
        others = [self.tokens[i] for i in token.tables]
        complete = all(other and other.to >= token.to for other in others)
        return token.to if complete or self.has("resume-at-to") else token.start

    def start(self):
        """Epoch 0: where a new pipeline starts, saved and committed before a row is read."""
        self.position = min(self.w.starts, 2) if self.setting.latest else 0
        self.w.starts += 1
        if self.has("no-epoch-zero"):
            self.w.first = self.position if self.w.first is None else self.w.first
            return
        none = [None] * self.token_tables()
        token = self.token(0, self.position, self.position, tuple(range(len(none))))
        yield from self.decide(Saved(token, none, None))

    # Epochs.

    def read_to_the_end(self):
        w, log = self.w, self.setting.log
        while self.position < len(log):
            if self.position < w.purged:
                raise Stop
            to = min(len(log), self.position + self.setting.cuts[self.epoch % 3])
            rows, letters = self.read(to)
            yield
            tables = tuple(sorted(rows)) if self.setting.staged else (0,) if rows else ()
            token = self.token(self.epoch + 1, self.position, to, tables)
            saved = Saved(token, list(self.tokens), (self.attempt, w.step))
            w.files[saved.file] = rows
            self.write(lambda s: s.overlays.update({epoch_of(token): letters}))
            yield from self.decide(saved)
            self.position, self.epoch = to, self.epoch + 1
            yield
            if tables:  # an epoch without tables is known to the store alone
                w.purged = max(w.purged, to)

    def read(self, to):
        rows, letters = {}, ()
        for row in range(self.position, to):
            for table in self.setting.log[row]:
                token = self.tokens[table if self.setting.staged else 0]
                if token and row < token.to and not self.has("no-floors"):
                    continue
                if refused(row):
                    letters += ((table, row),)
                else:
                    rows.setdefault(table, []).append(row)
        return rows, letters

    def decide(self, saved):
        """Save, commit, fold."""
        save = [lambda s: setattr(s, "saved", saved)]
        if self.has("fold-before-commit"):
            save.append(lambda s: self.fold(s, saved))
        if not self.has("save-after-commit"):
            for change in save:
                yield
                self.write(change)
        if self.has("ack-before-commit"):
            self.w.purged = max(self.w.purged, saved.token.to)
        yield from self.commit(saved)
        if self.has("save-after-commit"):
            yield
            self.write(save[0])
        for i in saved.token.tables:
            self.tokens[i] = saved.token
        yield
        self.write(lambda s: self.fold(s, saved))

    @staticmethod
    def fold(store, saved):
        if store.folded != epoch_of(saved.token):
            store.letters += store.overlays.pop(epoch_of(saved.token), ())
            store.folded = epoch_of(saved.token)

    # Commits.

    def commit(self, saved):
        for i in saved.token.tables:
            if self.setting.staged:
                yield from self.commit_table(self.w.tables[i], saved, saved.previous[i])
            else:
                yield from self.commit_transaction(self.w.tables[0], saved)

    def expected(self, table, previous):
        return epoch_of(table.token) == epoch_of(previous) or self.has("blind-commit")

    def commit_table(self, table, saved, previous):
        w = self.w
        while epoch_of(table.token) != epoch_of(saved.token):
            if not self.expected(table, previous):
                raise Stop
            version = table.version
            yield
            outcome = w.send(lambda v=version: self.land_files(table, saved, v))
            if outcome == "unknown" and self.has("cleanup-on-unknown"):
                w.files.pop(saved.file, None)
            yield

    def land_files(self, table, saved, version):
        if table.version != version:
            return False
        rows = self.w.files.get(saved.file)
        if saved.file and rows is None:
            self.w.wrong.append("a file is committed that was removed")
        self.w.land(table, saved.token, (rows or {}).get(self.w.tables.index(table), []))
        return True

    def commit_transaction(self, table, saved):
        yield
        outcome = self.w.send(lambda sender=self.attempt: self.land_rows(table, saved, sender))
        if outcome == "ok":
            return
        yield
        if epoch_of(table.token) != epoch_of(saved.token):
            raise Stop if outcome == "refused" else Anew

    def land_rows(self, table, saved, sender):
        claimed = table.token is None or self.w.owner == sender or self.has("no-claim")
        if not claimed or not self.expected(table, saved.previous[0]):
            return False
        self.w.owner = sender if table.token is None else self.w.owner
        self.w.land(table, saved.token, [])
        for i, rows in self.w.files.get(saved.file, {}).items():
            self.w.tables[i].rows += rows
        return True
