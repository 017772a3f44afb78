# SPDX-License-Identifier: GPL-2.0-or-later
"""The tutorial's commands (docs/labs.md) do what it says that they do."""
import pathlib
import re
import subprocess

import pytest

GUIDE = pathlib.Path(__file__).resolve().parents[2] / 'docs/labs.md'
SECTIONS = 'The first lab', 'A node, namespace by namespace', 'Links', 'An experiment'


def steps():
    """Pairs of a command and the lines that follow it."""
    found = []
    for title, text in re.findall(r'^## (.*?)\n(.*?)(?=^## |\Z)', GUIDE.read_text(), flags=re.M | re.S):
        if title not in SECTIONS:
            continue
        for block in re.findall(r'(?:^    .*\n|^\n(?=    ))+', text, flags=re.M):
            for line in block.splitlines():
                line = line[4:]
                if line.startswith('$ '):
                    found.append((line[2:], []))
                elif found:
                    found[-1][1].append(line)
    return found


def pattern(lines):
    """What must be the same: words, not times, numbers, addresses and how columns are aligned."""
    text = '\n'.join(line for line in lines if not line.startswith('caution'))
    text = re.sub(r'\b[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(/\d+)?', 'A', text)
    text = re.sub(r'\d+(\.\d+)?', 'N', text)
    text = re.sub(r'N[mu]s( overrun)?', 'T', text)
    return [re.sub(r'[\s—]+', ' ', line).strip() for line in text.splitlines() if line.strip()]


@pytest.fixture
def shell(isola, tmp_path):
    """Runs a line as a user who has isola in PATH."""
    (tmp_path / 'bin').mkdir()
    program = tmp_path / 'bin/isola'
    program.write_text(f'#!/bin/sh\nexec {" ".join(isola.command())} "$@"\n')
    program.chmod(0o755)
    environment = {**isola.environment, 'PATH': f"{tmp_path}/bin:{isola.environment['PATH']}", 'LC_ALL': 'C'}

    def run(line):
        return subprocess.run(['sh', '-c', line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, cwd=tmp_path, env=environment, timeout=120).stdout.splitlines()
    yield run
    isola('lab', 'down', '--all')


def test_there_are_commands():
    commands = [command for command, _ in steps()]
    assert len(commands) > 25 and sum(command.startswith('isola lab') for command in commands) > 20


def test_every_command_writes_what_the_tutorial_shows(shell, tmp_path):
    for command, shown in steps():
        if command == 'cat lab.yml':
            (tmp_path / 'lab.yml').write_text('\n'.join(shown) + '\n')
            continue
        written = shell(command)
        assert not any(line.startswith('isola: ') and 'warning' not in line for line in written), (command, written)
        if shown:
            assert pattern(written) == pattern(shown), command
    assert '<svg' in (tmp_path / 'queues.html').read_text()
