"""Projects for the leat program, and runs of it."""

import json
import os
import signal
import subprocess
from pathlib import Path

from . import database, process

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("LEAT_PROGRAM", ROOT / "build" / "leat"))
DONE, FAILED, USAGE, BAD_CONFIG = 0, 1, 2, 78
CRASHED = 137  # as failpoints end the process


def yaml(value, indent=0):
    """Block YAML of dicts, lists and scalars: enough for a pipeline, and readable."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(
            f"{pad}{key}:\n{yaml(item, indent + 1)}" if isinstance(item, dict) and item
            else f"{pad}{key}: {json.dumps(item)}\n" for key, item in value.items())
    return f"{pad}{json.dumps(value)}\n"


def ask(project, *arguments, stdin=None, code=DONE):
    """A command's answer in JSON; of one that has to fail what it says."""
    done = subprocess.run([PROGRAM, *map(str, arguments), "--output", "json"],
                          cwd=project.folder, input=stdin, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == code, done.stderr
    if code:
        return done.stderr
    if "read" in arguments:
        return [json.loads(line) for line in done.stdout.splitlines()]
    return json.loads(done.stdout)


class Run:
    """One run of the program. Output goes to files below the project's folder."""

    def __init__(self, project, arguments, env, under=()):
        project.runs += 1
        self.folder = project.folder
        log = project.folder / f"run-{project.runs}.log"
        self.process = process.Process(
            [*under, PROGRAM, *arguments], log, cwd=project.folder,
            env={"SHOP_PASSWORD": database.PASSWORD, **project.environment, **env})
        self.pid = self.process.pid

    @property
    def text(self):
        return self.process.log.read_text(errors="replace")

    def lines(self):
        """The log's JSON lines as dicts; a line that is not JSON is a defect."""
        return [json.loads(line) for line in self.text.splitlines() if line.strip()]

    def wait(self, seconds=120):
        try:
            return self.process.wait(seconds)
        except Exception:
            self.process.kill9()
            raise AssertionError(f"leat hangs after {seconds} s:\n"
                                 f"{process.tail(self.process.log)}") from None

    def expect(self, code, seconds=120):
        got = self.wait(seconds)
        assert got == code, (f"leat ended with {got}, not {code}:\n"
                             f"{process.tail(self.process.log)}")
        return self

    def wait_log(self, text, seconds=60):
        def seen():
            if text in self.text:
                return True
            assert self.process.alive(), (f"leat ended with {self.process.child.returncode} "
                                          f"before it said {text!r}:\n"
                                          f"{process.tail(self.process.log)}")
            return False
        process.wait_until(seen, seconds, f"leat says {text!r}")

    def wait_for(self, condition, what, seconds=120):
        def check():
            assert self.process.alive(), (f"leat ended with {self.process.child.returncode} "
                                          f"before: {what}\n{process.tail(self.process.log)}")
            return condition()
        return process.wait_until(check, seconds, what)

    def alive(self):
        return self.process.alive()

    def signal(self, number):
        self.process.signal(number)

    def terminate(self, seconds=60):
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill9(self):
        return self.process.kill9()


class Daemon:
    """What `leat start` left behind: nobody's child."""

    def __init__(self, project):
        self.pid = int((project.data / "leat.pid").read_text())

    def alive(self):
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds=60):
        process.wait_until(lambda: not self.alive(), seconds, f"process {self.pid} ends")

    def kill9(self):
        if self.alive():
            self.signal(signal.SIGKILL)
            self.wait()


class Project:
    """A folder with leat.yaml and pipelines/*.yaml."""

    def __init__(self, folder, environment=None):
        self.folder = Path(folder)
        (self.folder / "pipelines").mkdir(parents=True)
        self.environment = dict(environment or {})
        self.runs = 0
        self.started = []
        self.warehouse = self.folder / "lake"
        self.data = self.folder / "data"
        self.write("leat.yaml", {"data": "./data", "api": "off"})

    def write(self, name, content):
        text = content if isinstance(content, str) else yaml(content)
        (self.folder / name).write_text(text)
        return self.folder / name

    def pipeline(self, source, tables, *, name="p", warehouse="./lake", mode="upsert",
                 commit=None, mysql=None, iceberg=None, more=None):
        """MySQL into Iceberg; `source` is a Database or a URL."""
        url = source if isinstance(source, str) else source.url()
        return self.write(f"pipelines/{name}.yaml", {
            "name": name,
            "from": {"mysql": {"url": url, "tables": tables, "read": "cdc", **(mysql or {})}},
            "to": {"iceberg": {"warehouse": warehouse, "table": "{database}.{table}",
                               "mode": mode, **(iceberg or {})}},
            "commit": commit or {"every": "200ms"}, **(more or {})})

    def command(self, *arguments, env=None, under=()):
        """`under`: a program and its arguments that runs leat, as a tracer does."""
        run = Run(self, [str(a) for a in arguments], env or {}, under)
        self.started.append(run)
        return run

    def start(self, *arguments, env=None, under=()):
        return self.command("run", ".", *arguments, env=env, under=under)

    def daemon(self, *arguments, env=None):
        self.command("start", ".", *arguments, env=env).expect(DONE)
        self.started.append(Daemon(self))
        return self.started[-1]

    def ask(self, *arguments, code=DONE):
        """What a command prints."""
        return self.command(*arguments).expect(code).text

    def produce(self, topic, lines):
        """Each line is a record of the topic."""
        done = subprocess.run([PROGRAM, "topics", "produce", topic], cwd=self.folder,
                              env={"PATH": "", **self.environment},
                              input="".join(line + "\n" for line in lines),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == DONE, done.stderr

    def status(self, name=None):
        """As `leat status` has it: of one pipeline, or all of it."""
        answer = json.loads(self.ask("status", "--output", "json"))
        return answer["pipelines"][name] if name else answer

    def wait_status(self, name, condition, what, seconds=120):
        def check():
            view = self.status(name)
            return view if condition(view) else None
        return process.wait_until(check, seconds, what)

    def catch_up(self, seconds=180, env=None):
        """Runs until everything the source has now is committed."""
        return self.start("--until-caught-up", env=env).expect(DONE, seconds)

    def stop_all(self):
        for run in self.started:
            if run.alive():
                run.kill9()
