"""What goes on all the time of a day: rows that are changed, events, readings and posts."""

import threading
import urllib.error

from harness import load, post, versions


class Changes(versions.Workload):
    pause = 0.05


class Events(load.Load):
    """Appends rows by one connection, so that their ids are committed in order."""

    server_may_die = True
    pause = 0.05
    STATIONS = ("Łódź", "Oslo", "Athens", "Cairo")

    def step(self, cursor):
        rows = ", ".join(f"('k{self.choose.randrange(9)}', {self.choose.randrange(1 << 20)}, "
                         "NOW(6))" for _ in range(self.choose.choice([1, 2, 20])))
        cursor.execute(f"INSERT INTO events (kind, v, at) VALUES {rows}")
        if self.choose.random() < 0.3:
            cursor.execute("INSERT INTO readings (station, temperature) VALUES "
                           f"('{self.choose.choice(self.STATIONS)}', "
                           f"{self.choose.uniform(-20, 45):.1f})")
        self.transactions += 1


class Posts(threading.Thread):
    """Posts records with ids that count up. Who got no answer cannot know, and goes on with
    the next id."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client = post.Client(port, "/posts")
        self.accepted, self.unsure = [], set()
        self.next = 0
        self.ended = threading.Event()
        self.gate = threading.Lock()
        self.error = None

    def run(self):
        try:
            while not self.ended.wait(0.1):
                with self.gate:
                    self.post(self.next)
                    self.next += 1
        except Exception as error:  # shown by the main thread
            self.error = error

    def post(self, number):
        try:
            code, answer = self.client.send({"id": number, "text": f"post {number}"})
        except (urllib.error.URLError, OSError) as error:
            refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
            if not refused:
                self.unsure.add(number)
            return
        assert code in (202, 503), (code, answer)
        if code == 202:
            self.accepted.append(number)

    def stop(self):
        self.ended.set()
        self.join()
        if self.error:
            raise self.error
