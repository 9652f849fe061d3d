#!/usr/bin/env python3
"""Draws what a program printed on a terminal as an SVG, for the README.

usage: script -qec 'make demo' /dev/null | terminal_svg.py > docs/demo.svg
Knows colours (30-37, bold, dim), carriage returns and "erase line"; drops the rest.
"""

import html
import re
import sys

COLOURS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff",
           36: "#76e3ea"}
LINE, WIDTH, PAD = 19, 8.43, 22
STYLE = re.compile(r"\x1b\[([\d;]*)m")
OTHER = re.compile(r"\x1b\[[\d;?]*[A-Za-ln-z]")


def last_state(line):
    """What stays of a line that was drawn over by carriage returns."""
    return OTHER.sub("", line.rstrip("\r").split("\r")[-1])


def spans(line):
    """(text, style) pieces of a line."""
    style, at = {}, 0
    for match in STYLE.finditer(line):
        if match.start() > at:
            yield line[at:match.start()], dict(style)
        for code in map(int, filter(None, match[1].split(";"))) if match[1] else [0]:
            if code == 0:
                style = {}
            elif code == 1:
                style["font-weight"] = "bold"
            elif code == 2:
                style["fill"] = "#8b949e"
            elif code in COLOURS:
                style["fill"] = COLOURS[code]
        at = match.end()
    if at < len(line):
        yield line[at:], style


def draw(lines):
    height = len(lines) * LINE + 2 * PAD + 24
    width = max(len(STYLE.sub("", line)) for line in lines) * WIDTH + 2 * PAD
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
           f'viewBox="0 0 {width:.0f} {height}">')
    yield f'<rect width="{width:.0f}" height="{height}" rx="9" fill="#0d1117"/>'
    for i, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        yield f'<circle cx="{PAD + i * 20}" cy="20" r="6" fill="{colour}"/>'
    yield ('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" '
           'font-size="14" fill="#e6edf3" xml:space="preserve">')
    for number, line in enumerate(lines):
        column = 0
        for text, style in spans(line):
            attributes = "".join(f' {name}="{value}"' for name, value in style.items())
            if text.strip():
                text = text.replace(" ", "\u00a0")  # never folded
                yield (f'<text x="{PAD + column * WIDTH:.1f}" y="{PAD + 34 + number * LINE}" '
                       f'textLength="{len(text) * WIDTH:.1f}"{attributes}>{html.escape(text)}'
                       "</text>")
            column += len(text)
    yield "</g></svg>"


def main():
    text = sys.stdin.buffer.read().decode().replace("\r\n", "\n")
    lines = [last_state(line) for line in text.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    print("\n".join(draw(lines)))


if __name__ == "__main__":
    main()
