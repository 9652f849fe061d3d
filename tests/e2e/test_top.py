"""leat top on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest
from harness import leat, process


class Screen:
    """What a program has drawn."""

    def __init__(self, project, *arguments, width=160, height=20):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.process = subprocess.Popen(
            [leat.PROGRAM, *arguments], stdin=slave, stdout=slave, stderr=slave,
            cwd=project.folder, env={**os.environ, **project.environment, "TERM": "xterm"},
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = ""  # what `wait` has not passed yet
        self.drawn = ""

    def wait(self, pattern, seconds=60):
        """Until it has drawn that; forgets what stood before."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, f"no {pattern} in {self.text[-2000:]!r}"
            if select.select([self.master], [], [], 0.5)[0]:
                drawn = os.read(self.master, 65536).decode(errors="replace")
                self.text += drawn
                self.drawn += drawn
        self.text = self.text[found.end():]

    def press(self, keys):
        os.write(self.master, keys.encode())

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def screen(project, mariadb):
    for name in ("a", "b"):
        mariadb.query(f"CREATE TABLE {name} (id INT PRIMARY KEY)")
        project.pipeline(mariadb, [name], name=name)
    project.daemon()
    for name in ("a", "b"):
        project.wait_status(name, lambda view: view["state"] == "running", "it runs")
    screen = Screen(project, "top")
    yield screen
    screen.close()


def test_it_shows_and_steers_pipelines(project, screen):
    screen.wait(r"process \d+, 2 pipelines")
    screen.wait(r"a +running")
    screen.wait(r"b +running")
    screen.press("\x1b[B")
    screen.press("p")
    screen.wait(r"b +paused")
    assert project.status("a")["state"] == "running"
    screen.press("u")
    screen.wait(r"b +running")
    # Its log, until Ctrl-C, and back.
    screen.press("l")
    screen.wait(r"\d\dZ info ")
    screen.press("\x03")
    screen.wait(r"2 pipelines")
    project.ask("stop")
    screen.wait("no process runs this project")
    screen.press("q")
    # The screen is given back.
    screen.wait(re.escape("\x1b[?1049l"))
    process.wait_until(lambda: screen.process.poll() is not None, 60, "it ends")
    assert screen.process.returncode == leat.DONE


def test_without_a_terminal_it_names_the_other_command(project):
    assert "leat status --watch" in project.ask("top", code=leat.BAD_CONFIG)
