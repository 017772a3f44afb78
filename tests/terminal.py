# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal for tests: a pty, and what would be seen on it.

Knows what isola writes: printable characters, CR, LF, cursor up, erasing to the end of line and screen,
colours and synchronized updates.  Anything else fails the test.  Lines that leave the screen at the top are
kept; a change of width breaks lines anew, as most terminals do.
"""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

SEQUENCE = re.compile(r'\x1b\[(\??)([0-9;]*)([A-Za-z])')


class Screen:
    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.above, self.lines, self.x, self.y = [], [[]], 0, 0  # a line is a list of characters
        self.most = 0  # columns that were ever written to

    def feed(self, text):
        at = 0
        while at < len(text):
            match = SEQUENCE.match(text, at)
            if match:
                self.obey(*match.groups())
                at = match.end()
                continue
            if text[at] == '\x1b' and at > len(text) - 12:
                break
            self.put(text[at])
            at += 1
        return text[at:]

    def obey(self, private, numbers, letter):
        if private:
            assert numbers == '2026', numbers
        elif letter == 'A':
            self.y = max(0, self.y - int(numbers or 1))
        elif letter == 'K':
            del self.lines[self.y][self.x:]
        elif letter == 'J':
            del self.lines[self.y][self.x:]
            del self.lines[self.y + 1:]
        else:
            assert letter == 'm', f'unknown sequence {numbers}{letter}'

    def down(self):
        self.y += 1
        if self.y == len(self.lines):
            self.lines.append([])
        if len(self.lines) > self.rows:
            self.above.append(self.lines.pop(0))
            self.y -= 1

    def put(self, c):
        if c == '\r':
            self.x = 0
        elif c == '\n':
            self.down()
        else:
            assert c.isprintable(), repr(c)
            if self.x == self.columns:
                self.x = 0
                self.down()
            line = self.lines[self.y]
            line.extend(' ' * (self.x - len(line)))
            line[self.x:self.x + 1] = [c]
            self.x += 1
            self.most = max(self.most, self.x)

    def resize(self, columns, rows):
        """Breaks lines that are too long; the cursor stays where its text is."""
        lines = []
        for number, line in enumerate(self.lines):
            pieces = [line[i:i + columns] for i in range(0, max(len(line), 1), columns)]
            if number == self.y:
                y, x = len(lines) + min(self.x // columns, len(pieces) - 1), self.x % columns if self.x < len(line) else len(pieces[-1])
            lines.extend(pieces)
        self.lines, self.y, self.x, self.columns, self.rows = lines, y, x, columns, rows
        while len(self.lines) > rows:
            self.above.append(self.lines.pop(0))
            self.y -= 1

    def text(self):
        """All that can be seen, scrolled-out lines first."""
        return [''.join(line).rstrip() for line in self.above + self.lines]


class Terminal:
    """A command on a pty of its own."""

    def __init__(self, command, columns=80, rows=24, env=None):
        self.master, slave = pty.openpty()
        self.screen, self.rest, self.raw = Screen(columns, rows), '', ''
        self.size(columns, rows)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
        os.close(slave)

    def size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.read(0.3)
        self.size(columns, rows)
        self.screen.resize(columns, rows)

    def read(self, seconds):
        """Takes in what comes for a while; False at the end."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                continue
            try:
                data = os.read(self.master, 65536).decode(errors='replace')
            except OSError:
                return False
            self.raw += data
            self.rest = self.screen.feed(self.rest + data)
        return True

    def wait_for(self, text, seconds=30):
        end = time.monotonic() + seconds
        while not any(text in line for line in self.screen.text()):
            assert time.monotonic() < end and self.read(0.1), '\n'.join(self.screen.text())

    def finish(self, code=0, seconds=60):
        """Waits for the end; @code None: any but 0."""
        end = time.monotonic() + seconds
        while self.read(0.5):
            assert time.monotonic() < end, '\n'.join(self.screen.text())
        os.close(self.master)
        ended = self.process.wait(10)
        assert ended == code if code is not None else ended != 0, '\n'.join(self.screen.text())
        return self.screen.text()
