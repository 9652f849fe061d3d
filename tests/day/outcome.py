"""What a day must leave behind, by readers that are not ours: nothing lost, nothing twice."""

import collections
import json

import duckdb
from harness import compare, process, readers, versions
from pyiceberg.exceptions import NoSuchTableError

from .pipelines import HOT

SECONDS = 240  # for a hang


def differ(what, want, got):
    """Of two lists that should be the same."""
    if want == got:
        return []
    wants, gots = collections.Counter(map(str, want)), collections.Counter(map(str, got))
    return [f"{what}: {len(got)} rows, not {len(want)}; lacks {list(wants - gots)[:5]}, has "
            f"{list(gots - wants)[:5]} too much; the order is "
            f"{'another' if wants == gots else 'not looked at'}"]


class Outcome:
    """Each check answers what is wrong as of now."""

    def __init__(self, servers, project, posts):
        self.servers, self.project, self.posts = servers, project, posts
        self.database, self.target = servers.database, servers.target
        self.topics = [
            *(versions.Judge(self.database, servers.broker, table)
              for table in versions.TABLES),
            versions.PlainJudge(self.database, servers.broker, versions.TABLES[0],
                                "plain_by_int")]
        self.read = collections.defaultdict(lambda: ([], {}))  # topic: ids, places

    def checks(self):
        for judge in self.topics:
            yield judge.look
        yield from (self.events, self.readings, self.hot, self.posted, self.slack, self.hook)
        for table in versions.TABLES:
            for copy in ("copy", "mirror"):
                yield lambda t=table, c=copy: self.copied(f"{c}.{t.name}", f"shop.{t.name}")
            for lake in ("lake", "direct"):
                yield lambda t=table, c=lake: self.in_lake(f"{c}.{t.name}", f"shop.{t.name}")
            yield lambda t=table: self.audited(t)
        yield lambda: self.copied("copy.events", "shop.events", "id, kind, v")
        yield lambda: self.copied("polled.events", "shop.events")
        yield self.posts_copied
        for name, store in (("lake.events", self.servers.store), ("local.events", None),
                            ("poll.events", self.servers.store)):
            yield lambda n=name, s=store: self.appended(n, s)

    def wait(self):
        """Until every check finds nothing; then once more, for what came twice later."""
        for check in self.checks():
            found = []

            def right(check=check, found=found):
                found[:] = check()
                return not found
            try:
                process.wait_until(right, SECONDS, "")
            except TimeoutError:
                raise AssertionError("\n".join(found[:20])) from None
        wrong = [text for check in self.checks() for text in check()]
        assert not wrong, "\n".join(wrong[:20])

    def rows(self):
        counts = self.database.query("SELECT (SELECT COUNT(*) FROM by_int), (SELECT COUNT(*) "
                                     "FROM by_two), (SELECT COUNT(*) FROM events)")[0]
        return sum(counts)

    # Topics.
    def ids(self, topic):
        """Ids of the topic's records, by partition and offset."""
        ids, places = self.read[topic]
        records, places = self.servers.broker.read_from(topic, places)
        ids = ids + [(m.partition(), m.offset(), json.loads(m.value())["id"]) for m in records]
        self.read[topic] = sorted(ids), places
        return self.read[topic][0]

    def in_topic(self, topic, query):
        """Each row once, and of a partition in their order."""
        want = [row[0] for row in self.database.query(query)]
        found = self.ids(topic)
        wrong = differ(f"topic {topic}", want, sorted(id for _, _, id in found))
        wrong += [f"topic {topic}: {after} behind {before}" for before, after
                  in zip(found, found[1:]) if before[0] == after[0] and before[2] >= after[2]]
        return wrong

    def events(self):
        return self.in_topic("events", "SELECT id FROM events ORDER BY id")

    def readings(self):
        return self.in_topic("readings", "SELECT id FROM readings ORDER BY id")

    def hot(self):
        return self.in_topic("hot", f"SELECT id FROM readings WHERE temperature > {HOT} "
                                    "ORDER BY id")

    def posted(self):
        found = [id for _, _, id in self.ids("posted")]
        unsure = self.posts.unsure & set(found)
        return differ("topic posted", sorted([*self.posts.accepted, *unsure]), found)

    # Messages.
    def slack(self):
        """In order; again by the same id, and only where a reply was lost."""
        want = [row[0] for row in self.database.query(
            f"SELECT CONCAT(station, ': reading ', id) FROM readings WHERE temperature > {HOT} "
            "ORDER BY id")]
        slack = self.servers.slack
        once, again = slack.once()
        wrong = differ("Slack", want, [text for text, _ in once])
        ids = collections.Counter(slack.ids())
        lost = collections.Counter(slack.lost)
        more = {id: count for id, count in ids.items() if count > 1 + lost[id]}
        if more:
            wrong.append(f"Slack: {again} came again, these without a lost reply: {more}")
        return wrong

    def hook(self):
        calls = [json.loads(body) for _, body in self.servers.hook.calls]
        want = [row[0] for row in self.database.query(
            f"SELECT id FROM readings WHERE temperature > {HOT} ORDER BY id")]
        wrong = differ("webhook", want, [call["row"]["id"] for call in calls])
        if len({call["id"] for call in calls}) != len(calls):
            wrong.append("webhook: two calls of one id")
        return wrong

    # Tables.
    def copied(self, copy, source, columns="*"):
        if columns == "*":
            columns = ", ".join(compare.source_columns(self.database, source))
        names = columns.split(", ")
        try:
            found = compare.source_rows(self.target, copy, names)
        except Exception as error:
            if "doesn't exist" not in str(error):
                raise
            found = []
        return differ(copy, compare.source_rows(self.database, source, names), found)

    def posts_copied(self):
        want = sorted((id,) for _, _, id in self.ids("posted"))
        return differ("copy.posted", want, compare.source_rows(self.target, "copy.posted", ["id"]))

    def in_lake(self, table, source):
        try:
            found = compare.difference(self.project, self.database, source, self.servers.store,
                                       table)
        except NoSuchTableError as error:
            found = str(error)
        return [f"{table}: {found}"] if found else []

    def appended(self, table, store):
        want = [row[0] for row in self.database.query("SELECT id FROM events ORDER BY id")]
        try:
            column = readers.arrow(self.project, table, store)["id"]
        except NoSuchTableError as error:
            return [str(error)]
        return differ(table, want, sorted(column.to_pylist()))

    def audited(self, table):
        """Of each key every version once, but for its moves to another key; a delete shows the
        version before its own."""
        name = f"audit.{table.name}"
        try:
            log = readers.arrow(self.project, name, self.servers.store)
        except NoSuchTableError as error:
            return [str(error)]
        key = " || '-' || ".join(f"{column}::VARCHAR" for column in table.key)
        connection = duckdb.connect()
        connection.register("log", log)
        found = connection.execute(
            f"SELECT {key} AS k, count(*), count(DISTINCT n), max(n) FROM (SELECT *, "
            "v + CASE _op WHEN 'd' THEN 1 ELSE 0 END AS n FROM log) GROUP BY k").fetchall()
        made, moved = (dict(self.database.query(
            f"SELECT k, {count} FROM {counts} WHERE t = '{table.name}'"))
            for count, counts in (("v", "versions"), ("n", "moved")))
        wrong = [f"{name}, key {k}: {rows} rows, {different} versions, the newest {newest}, at "
                 f"the source {made.get(k)}, {moved.get(k, 0)} of them moves to another key"
                 for k, rows, different, newest in found
                 if rows != different or newest > made.get(k, 0)
                 or rows + moved.get(k, 0) != made.get(k)]
        return wrong + [f"{name}: lacks key {k}" for k in made.keys() - {row[0] for row in found}]
