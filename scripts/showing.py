"""What the demos show things with: titles, notes and verdicts, coloured on a terminal."""

import sys
import time

TERMINAL = sys.stdout.isatty()


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if TERMINAL else text


def title(text):
    print(f"\n{paint('1;36', '▸')} {paint('1', text)}", flush=True)


def note(text=""):
    print(f"  {text}".rstrip(), flush=True)


def command(text):
    """One that the reader could have typed."""
    note(paint("33", text))


def progress(text):
    """A line that the next one replaces; without a terminal, one more line."""
    if TERMINAL:
        print(f"\r\033[K  {text}", end="", flush=True)
    else:
        note(text)


def progress_ends():
    if TERMINAL:
        print()


def verdict(text, good):
    note(f"{text}  {paint('32', '✓ equal') if good else paint('31', '✗ DIFFERENT')}")
    return good


def last_word(good, well, ill, clock):
    """The demo's result, and its exit code."""
    print("\n" + (paint("1;32", f"✓ {well}") if good else paint("1;31", f"✗ {ill}")) + f" {clock}")
    return 0 if good else 1


class Clock:
    def __init__(self):
        self.start = time.monotonic()

    def __str__(self):
        return paint("2", f"({time.monotonic() - self.start:.1f} s)")
