# SPDX-License-Identifier: GPL-2.0-or-later
"""Escape sequences that somebody put into names, labels, arguments or files never reach the user's terminal.

What a program prints is its own affair, as with every engine: `run`, `exec` and `logs` pass it on as it is.
"""
import os
import pty
import re
import subprocess

import pytest
from oci_bundle import Bundle

# A window title, a byte that is CSI by itself, the same as UTF-8, a right-to-left override, a delete.
EVIL = b'a\x1b]0;owned\x07\x9b31m\xc2\x9b2J\xe2\x80\xaeb\x7fc'
EVIL_TEXT = EVIL.replace(b'\x9b31m', b'', 1)  # where only UTF-8 is taken
OBEYED = re.compile(r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]|\udc9b')


@pytest.fixture
def screen(isola):
    """Calls isola with a terminal for its output and returns what came there."""
    def show(*words, env=None):
        master, slave = pty.openpty()
        command = [os.fsencode(word) if isinstance(word, str) else word for word in isola.command()] + [
            word if isinstance(word, bytes) else str(word).encode() for word in words]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                                   env={**isola.environment, **(env or {})})
        os.close(slave)
        said = b''
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
        os.close(master)
        process.wait(timeout=60)
        return said.decode(errors='surrogateescape')
    return show


def harmless(text, *, mentions='owned'):
    assert not OBEYED.search(text), repr(text)
    if mentions:
        assert mentions in text, repr(text)


def test_the_test_itself_sees_what_a_terminal_would_obey(isola, image, screen):
    assert OBEYED.search(screen('run', '--rm', '--network', 'none', image, 'printf', r'\033]0;owned\007'))
    for text in ('\x1b', '\x9b', '\u202e', '\x7f', b'\x9b'.decode(errors='surrogateescape')):
        assert OBEYED.search(text)


@pytest.fixture
def evil(isola, image):
    """A container that has it wherever a user can put it."""
    label = b'mark=' + EVIL_TEXT
    command = [word.encode() for word in isola.command()] + [
        b'run', b'-d', b'--name', b'evil', b'--network', b'none', b'--label', label, b'-e', b'MARK=' + EVIL_TEXT,
        image.encode(), b'sh', b'-c', b'sleep 100', EVIL_TEXT]
    subprocess.run(command, env=isola.environment, stdout=subprocess.DEVNULL, check=True)
    return 'evil'


@pytest.mark.parametrize('words', [
    ['ps'], ['ps', '--no-trunc'], ['ps', '--format', '{{.Labels}}'], ['ps', '--format', '{{.Label "mark"}}'],
    ['ps', '--no-trunc', '--format', '{{.Command}}'], ['ps', '--format', 'json'], ['ps', '--format', 'table {{.Labels}}'],
    ['inspect', 'evil'], ['inspect', '--format', '{{.Config.Labels}}', 'evil'],
    ['inspect', '--format', '{{json .Config}}', 'evil'], ['inspect', '--format', '{{range .Args}}{{println .}}{{end}}',
                                                          'evil'],
    ['inspect', '--format', '{{index .Config.Env 0}}{{join .Config.Env " "}}', 'evil'],
])
def test_listings(screen, evil, words):
    said = screen(*words)
    harmless(said, mentions=None if words == ['ps'] else 'owned' if 'Command' not in str(words) else 'sleep')


@pytest.mark.parametrize('words', [
    ['rm', EVIL], ['inspect', EVIL], ['start', EVIL], ['exec', EVIL, 'true'], ['logs', EVIL], ['stop', EVIL], ['kill', EVIL],
    ['run', EVIL], ['run', '--name', EVIL, 'busybox'], ['run', '--rm', '--network', 'none', 'busybox', EVIL],
    ['run', '-v', EVIL + b':/x', 'busybox'], ['run', '--network', EVIL, 'busybox', 'true'],
    ['run', '--security-opt', EVIL, 'busybox'], ['run', '--cap-add', EVIL, 'busybox'], ['run', '-m', EVIL, 'busybox'],
    ['run', '-w', EVIL, 'busybox'], ['run', '-u', EVIL, '--network', 'none', 'busybox', 'true'],
    ['network', 'create', EVIL], ['network', 'rm', EVIL], ['rmi', EVIL], ['tag', EVIL, 'x'], ['history', EVIL],
    ['build', EVIL], ['build', '-f', EVIL, '.'], ['image', 'import', EVIL, 'x'], ['image', 'import', '/dev/null', EVIL],
    ['audit', EVIL], ['ps', '--filter', EVIL], ['ps', '--format', b'{{' + EVIL], [EVIL], [b'--' + EVIL], ['ps', b'--' + EVIL],
    ['oci', 'state', EVIL], ['oci', 'run', '--bundle', EVIL, 'x'], ['oci', 'delete', EVIL],
    ['wait', EVIL], ['port', EVIL], ['pause', EVIL], ['attach', EVIL], ['restart', EVIL], ['help', EVIL],
])
def test_messages(screen, isola, words):
    harmless(screen(*words), mentions=None)


def test_program_that_does_not_exist_leaves_its_name_in_the_record(screen, isola, image):
    name = b'/bin/' + EVIL_TEXT
    harmless(screen('create', '--name', 'misnamed', '--network', 'none', image, name), mentions=None)
    harmless(screen('start', 'misnamed'))
    harmless(screen('ps', '-a', '--no-trunc'))
    harmless(screen('inspect', '--format', '{{.State.Error}}', 'misnamed'))


def test_image_and_build(screen, isola, image, tmp_path):
    (tmp_path / 'Dockerfile').write_bytes(b'FROM ' + image.encode() + b'\nLABEL mark="' + EVIL_TEXT + b'"\nENV MARK "' +
                                          EVIL_TEXT + b'"\nRUN true ' + EVIL_TEXT.replace(b';', b':') +
                                          b'\nCMD ["sh", "x"]\n')
    harmless(screen('build', '--progress', 'plain', '-t', 'evilimage', tmp_path))  # test_build_progress.py has the other
    harmless(screen('history', '--no-trunc', 'evilimage'))
    harmless(screen('inspect', 'evilimage'))
    harmless(screen('images', '--filter', 'label=mark'), mentions=None)
    harmless(screen('image', 'inspect', '--format', '{{.Config.Labels}}', 'evilimage'))
    (tmp_path / 'Dockerfile').write_bytes(b'FROM ' + image.encode() + b'\nNONSENSE ' + EVIL + b'\n')
    harmless(screen('build', '--progress', 'plain', tmp_path), mentions=None)
    (tmp_path / 'Dockerfile').write_bytes(b'FROM ' + image.encode() + b'\nCOPY ' + EVIL_TEXT.replace(b';', b':') + b' /x\n')
    harmless(screen('build', '--progress', 'plain', tmp_path), mentions=None)
    isola('rmi', '-f', 'evilimage')


def test_names_of_files_in_an_audit(screen, isola, image, tmp_path):
    directory = os.fsencode(tmp_path) + b'/' + EVIL_TEXT.replace(b';', b':')
    os.mkdir(directory)
    screen('run', '-d', '--name', 'audited', '--network', 'none', '--device', '/dev/fuse', image, 'sleep', '100')
    harmless(screen('audit', 'audited'), mentions='fuse' if os.path.exists('/dev/fuse') else None)


def test_runtime_of_the_oci(screen, isola, tmp_path):
    bundle = Bundle(isola, tmp_path / 'bundle')
    bundle.config['annotations'] = {'mark': EVIL_TEXT.decode()}
    bundle.config['hostname'] = 'box'
    bundle.runs('sleep', '100')
    assert bundle.create() == 0
    listed = screen('oci', 'list')
    harmless(listed, mentions='c1')
    assert len(listed.splitlines()) == 2  # the line breaks are ours
    harmless(screen('oci', 'list', '--format', 'json'), mentions='c1')
    harmless(screen('oci', 'state', 'c1'))
    bundle.clean()
    bundle.config['process']['args'] = ['/bin/' + EVIL_TEXT.decode()]
    bundle.save()
    harmless(screen('oci', 'run', '--bundle', bundle.path, 'c2'))
    (bundle.path / 'config.json').write_bytes(b'{"ociVersion": "' + EVIL_TEXT + b'"')
    harmless(screen('oci', 'run', '--bundle', bundle.path, 'c3'), mentions=None)
    bundle.clean()
