# SPDX-License-Identifier: GPL-2.0-or-later
"""Terminals: run -it, exec -it and attach, driven through a pseudo terminal."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import SLOWNESS, kill, wait_until


class Terminal:
    """A command on a pseudo terminal of its own."""

    def __init__(self, isola, *arguments, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.seen = b''
        self.process = subprocess.Popen(isola.command(*arguments), stdin=slave, stdout=slave, stderr=slave,
                                        env=isola.environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def expect_resized(self, rows, columns):
        """Changes the size; a shell inside has it after a while."""
        self.resize(rows, columns)
        self.process.send_signal(signal.SIGWINCH)
        self.type(f'until stty size | grep "^{rows} ""{columns}"; do sleep 0.05; done\r'.encode())
        self.expect(f'\n{rows} {columns}'.encode())

    def type(self, data):
        os.write(self.master, data)

    def expect(self, text, timeout=20):
        end = time.monotonic() + timeout * SLOWNESS
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f'{text!r} did not come: {self.seen!r}'
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    assert text in self.seen, f'{text!r} did not come: {self.seen!r}'
        before, self.seen = self.seen.split(text, 1)
        return before

    def drain(self):
        while select.select([self.master], [], [], 0.2)[0]:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                break
        return self.seen

    def wait(self, timeout=20):
        end = time.monotonic() + timeout * SLOWNESS
        while self.process.poll() is None and time.monotonic() < end:
            self.drain()
        return self.process.wait(1)

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(isola):
    made = []

    def make(*arguments, **options):
        made.append(Terminal(isola, *arguments, **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def test_shell_on_a_terminal(isola, image, terminal):
    t = terminal('run', '--rm', '-it', image, 'sh')
    t.expect(b'# ')
    t.type(b'tty; test -t 0 && echo a-terminal\r')
    t.expect(b'/dev/pts/0')
    t.expect(b'\na-terminal')
    t.type(b'exit 3\r')
    assert t.wait() == 3
    assert t.is_restored()


def test_size_is_set_at_the_start_and_follows(isola, image, terminal):
    t = terminal('run', '--rm', '-it', image, 'sh', rows=33, columns=101)
    t.expect(b'# ')
    t.type(b'stty size\r')
    t.expect(b'33 101')
    t.expect_resized(44, 122)
    t.type(b'exit\r')
    assert t.wait() == 0


def test_interrupt_key_reaches_the_program(isola, image, terminal):
    t = terminal('run', '--rm', '-it', image, 'sh', '-c',
                 'trap "echo caught; exit 2" INT; echo ready; while :; do sleep 0.1; done')
    t.expect(b'ready')
    t.type(b'\x03')
    t.expect(b'caught')
    assert t.wait() == 2


def test_detach_keys_leave_it_running_and_attach_comes_back(isola, image, terminal):
    t = terminal('run', '-it', '--name', 'desk', image, 'sh')
    t.expect(b'# ')
    t.type(b'\x10\x11')
    assert t.wait() == 0
    assert t.is_restored()
    assert isola.inspect('desk')['State']['Running'] is True

    back = terminal('attach', 'desk', rows=30, columns=90)
    back.type(b'echo he"re"; stty size\r')
    back.expect(b'here\r\n')
    back.expect(b'30 90')
    back.type(b'exit 6\r')
    assert back.wait() == 6
    assert back.is_restored()


def test_detach_keys_can_be_chosen(isola, image, terminal):
    t = terminal('run', '-it', '--detach-keys', 'ctrl-x,x', '--name', 'other', image, 'cat')
    t.type(b'ab\r')
    t.expect(b'ab')
    t.type(b'\x18x')
    assert t.wait() == 0
    assert isola.inspect('other')['State']['Running'] is True


def test_bytes_of_every_value_pass_a_raw_terminal(isola, image, terminal):
    t = terminal('run', '--rm', '-it', '--detach-keys', '', image, 'sh', '-c',
                 'stty raw -echo; echo ready; dd bs=1 count=256 2>/dev/null | od -An -v -tx1; echo done')
    t.expect(b'ready')
    t.type(bytes(range(256)))
    text = t.expect(b'done')
    assert bytes.fromhex(text.decode().replace('\r', '').replace('\n', '').replace(' ', '')) == bytes(range(256))
    assert t.wait() == 0


def test_terminal_without_input_shows_output(isola, image):
    done = isola('run', '--rm', '-t', image, 'sh', '-c', 'test -t 1 && echo yes', text=False)
    assert done.stdout == b'yes\r\n'


def test_lots_of_output_on_a_terminal_is_complete(isola, image, terminal):
    t = terminal('run', '--rm', '-it', image, 'seq', '20000')
    t.expect(b'\r\n20000\r\n')
    assert t.wait() == 0


def test_killed_command_leaves_the_container_alone(isola, image, terminal):
    t = terminal('run', '-it', '--name', 'kept', image, 'sh')
    t.expect(b'# ')
    t.process.kill()
    t.process.wait()
    assert isola.inspect('kept')['State']['Running'] is True
    back = terminal('attach', 'kept')
    back.type(b'exit 4\r')
    assert back.wait() == 4


def test_exec_on_a_terminal(isola, image, terminal):
    isola('run', '-d', '--name', 'host', image, 'sleep', '100')
    t = terminal('exec', '-it', 'host', 'sh', rows=20, columns=70)
    t.expect(b'# ')
    t.type(b'stty size; tty\r')
    t.expect(b'20 70')
    t.expect(b'/dev/pts/')
    t.expect_resized(21, 71)
    t.type(b'exit 8\r')
    assert t.wait() == 8
    assert t.is_restored()


def test_two_clients_see_the_same(isola, image, terminal):
    isola('run', '-dit', '--name', 'stage', image, 'sh')
    one, two = terminal('attach', 'stage'), terminal('attach', 'stage')
    for client in (one, two):  # each is there when it sees what it has typed itself
        client.type(b'echo he"re"\r')
        client.expect(b'\nhere')
    one.type(b'echo to"gether"\r')
    one.expect(b'together')
    two.expect(b'together')
    two.type(b'exit\r')
    assert one.wait() == 0
    assert two.wait() == 0


def test_hangup_of_the_command_restores_the_terminal(isola, image, terminal):
    t = terminal('run', '-it', '--sig-proxy=false', '--name', 'hup', image, 'sh')
    t.expect(b'# ')
    t.process.terminate()
    t.wait()
    assert t.is_restored()
    wait_until(lambda: isola.inspect('hup')['State']['Running'])


def test_detaching_from_exec_leaves_the_program_running(isola, image, terminal):
    isola('run', '-d', '--name', 'host', image, 'sleep', '100')
    t = terminal('exec', '-it', 'host', 'sh', '-c', 'echo ready; sleep 1; echo still here; touch /done; sleep 1')
    t.expect(b'ready')
    t.type(b'\x10\x11')
    assert t.wait() == 0
    assert t.is_restored()
    wait_until(lambda: isola('exec', 'host', 'test', '-e', '/done', code=None).returncode == 0)


def test_killed_monitor_of_a_terminal_is_told(isola, image):
    isola('run', '-dit', '--name', 'lost', image, 'sh', '-c', 'trap "" HUP; while :; do sleep 0.1; done')
    kill(isola.state('lost')['MonitorPid'])
    assert isola.inspect('lost')['State']['Running'] is True
    isola('rm', '-f', 'lost')
