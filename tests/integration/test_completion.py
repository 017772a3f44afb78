# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion in the shells themselves: bash and zsh at a terminal, fish by its own question for candidates."""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import time

import pytest

from conftest import SLOWNESS

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / 'completions'


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f'{shell} is not installed')


@pytest.fixture
def place(isola, image, tmp_path):
    """A directory that is the PATH's first, with an `isola` that has the test's state, and two files."""
    isola('create', '--name', 'web', image, 'true')
    isola('create', '--name', 'web-2', image, 'true')
    isola('create', '--name', 'other', image, 'true')
    isola('tag', image, 'shop:1.5')
    isola('network', 'create', 'lab', code=None)
    folder = tmp_path / 'bin'
    folder.mkdir()
    (folder / 'isola').write_text(f'#!/bin/sh\nexec {isola.binary} --root {isola.root} --run-root {isola.run_root} "$@"\n')
    (folder / 'isola').chmod(0o755)
    work = tmp_path / 'work'
    (work / 'source').mkdir(parents=True)
    (work / 'rootfs.tar').write_text('')
    yield {'PATH': f"{folder}:{os.environ['PATH']}", 'HOME': str(tmp_path), 'TERM': 'dumb', 'LC_ALL': 'C.UTF-8',
           'work': str(work)}
    isola('rmi', 'shop:1.5')
    isola('network', 'rm', 'lab')


class Terminal:
    """An interactive shell at a terminal."""

    def __init__(self, place, command, setup):
        environment = dict(place)
        work = environment.pop('work')
        self.master, slave = pty.openpty()
        self.shell = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=work,
                                      start_new_session=True)
        os.close(slave)
        self.seen = ''
        self.type(setup + '; echo re""ady\n')
        self.until('ready\r\n')

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, text):
        """What is shown until `text` is."""
        end = time.monotonic() + 20 * SLOWNESS
        while text not in self.seen:
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], f'no {text!r} in {self.seen!r}'
            self.seen += os.read(self.master, 4096).decode()
        before, self.seen = self.seen.split(text, 1)
        return before

    def complete(self, line):
        """What a line becomes by one tab.  It is shown by a command in front of which it is put as words."""
        self.type(line + '\t')
        # A word that is complete has got a space.  Ctrl-A, Ctrl-E: to the line's beginning, to its end.
        self.type('.\x01echo "<"; printf "[%s]" \x05; echo ">"\n')
        self.until('\n<\r\n')
        return self.until('>\r\n').strip()

    def close(self):
        self.shell.kill()
        self.shell.wait()
        os.close(self.master)


@pytest.fixture
def bash(place):
    terminal = Terminal(place, ['bash', '--norc', '--noprofile', '-i'], f'PS1=; source {SCRIPTS}/isola.bash')
    yield terminal
    terminal.close()


@pytest.fixture
def zsh(place):
    terminal = Terminal(place, ['zsh', '-f', '-i'], f'PS1=; fpath=({SCRIPTS} $fpath); autoload -U compinit; compinit -u -D; '
                        'unsetopt prompt_cr prompt_sp; bindkey -e')
    yield terminal
    terminal.close()


CASES = [
    ('isola ru', '[isola][run][.]'),
    ('isola netw', '[isola][network][.]'),
    ('isola network c', '[isola][network][create][.]'),
    ('isola run --netw', '[isola][run][--network.]'),  # --network and --network-alias
    ('isola run --network la', '[isola][run][--network][lab][.]'),
    ('isola run --restart=al', '[isola][run][--restart=always][.]'),
    ('isola start oth', '[isola][start][other][.]'),
    ('isola start we', '[isola][start][web.]'),  # and web-2
    ('isola start web-', '[isola][start][web-2][.]'),
    ('isola run shop', '[isola][run][shop:1.5][.]'),
    ('isola run shop:1', '[isola][run][shop:1.5][.]'),
    ('isola image import root', '[isola][image][import][rootfs.tar][.]'),
    ('isola build sou', '[isola][build][source/.]'),
    ('isola --log-level inf', '[isola][--log-level][info][.]'),
    ('isola nosuchverb', '[isola][nosuchverb.]'),
    ('isola-oci che', '[isola-oci][checkpoint][.]'),
    ('isola-oci --cgroup-manager sys', '[isola-oci][--cgroup-manager][systemd][.]'),
    ('isola oci --root /tmp feat', '[isola][oci][--root][/tmp][features][.]'),
    ('isola oci --systemd-cgroup kill --a', '[isola][oci][--systemd-cgroup][kill][--all][.]'),
]


@needs('bash')
@pytest.mark.parametrize('line, becomes', CASES)
def test_bash_completes(bash, line, becomes):
    assert bash.complete(line) == becomes


@needs('zsh')
@pytest.mark.parametrize('line, becomes', CASES)
def test_zsh_completes(zsh, line, becomes):
    assert zsh.complete(line) == becomes


@needs('fish')
@pytest.mark.parametrize('line, wanted', [
    ('isola ru', {'run'}),
    ('isola network c', {'create'}),
    ('isola run --netw', {'--network', '--network-alias'}),
    ('isola run --network la', {'lab'}),
    ('isola run --restart=al', {'--restart=always'}),
    ('isola start we', {'web', 'web-2'}),
    ('isola run shop', {'shop:1.5'}),
    ('isola run shop:1', {'shop:1.5'}),
    ('isola image import root', {'rootfs.tar'}),
    ('isola build sou', {'source/'}),
    ('isola nosuchverb', set()),
    ('isola-oci che', {'checkpoint'}),
    ('isola oci --root /tmp feat', {'features'}),
])
def test_fish_completes(place, line, wanted):
    environment = dict(place)
    work = environment.pop('work')
    done = subprocess.run(['fish', '--no-config', '-c', f'source {SCRIPTS}/isola.fish; complete -C "$argv"', line],
                          stdout=subprocess.PIPE, text=True, check=True, env=environment, cwd=work)
    assert {candidate.split('\t')[0] for candidate in done.stdout.splitlines()} == wanted
