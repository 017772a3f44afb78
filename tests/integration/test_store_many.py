# SPDX-License-Identifier: GPL-2.0-or-later
"""Two hundred commands at once on one store: pulls, builds, loads, removals and prunes, all begun at the same time.

With ISOLA_INJECT=all (`make check-faults`) five times, each with other ones.
"""
import json
import os
import pathlib
import random

import pytest
from conftest import wait_until
from dockerfiles import Builder
from registry_host import Image, busybox_files, make_tar, registry  # noqa: F401
from test_injected import WHOLE

MANY = 200
IMAGES = 5
pytestmark = pytest.mark.needs_root('the same code, and a user has his pasta started for each')


class Crowd:
    """Images in a registry that share a layer, contexts that are built, an archive, and the names that all of it goes by."""

    def __init__(self, isola, registry, directory):
        self.isola, self.directory = isola, directory
        base = make_tar({**busybox_files(), 'bin/touch': ('link', 'busybox')})
        self.pulled = [f'{registry.host}/many/app:{n}' for n in range(IMAGES)]
        for n in range(IMAGES):
            layers = (make_tar({f'etc/{n}': str(n).encode() * 5000}), make_tar({'etc/last': bytes([n])}))
            Image(base, *layers).push(registry, 'many/app', str(n))
        (directory / 'base.tar').write_bytes(base)
        isola('image', 'import', directory / 'base.tar', 'base')
        self.contexts = []
        for n in range(IMAGES):
            context = directory / f'context{n}'
            context.mkdir()
            Builder(isola, context).write('Dockerfile', f'FROM base\nCOPY f /f\nRUN --network=none touch /{n}\nLABEL n={n}\n')
            (context / 'f').write_text(f'{n}')
            self.contexts.append(context)
        isola('build', '-q', '-t', 'saved', self.contexts[0])
        isola('save', '-o', directory / 'saved.tar', 'saved')

    def commands(self, dice, n):
        """Pairs of a command line and the words with which it may be refused."""
        gone = ('there is no image',)
        kinds = [lambda i: (('pull', '-q', self.pulled[i]), ()),
                 lambda i: (('build', '-q', '-t', f'built:{i}', self.contexts[i]), ()),
                 lambda i: (('build', '-q', '--no-cache', '-t', f'built:{i}', self.contexts[i]), ()),
                 lambda i: (('load', '-q', '-i', self.directory / 'saved.tar'), ()),
                 lambda i: (('rmi', self.pulled[i]), gone),
                 lambda i: (('rmi', f'built:{i}'), gone),
                 lambda i: (('rmi', 'saved'), gone),
                 lambda i: (('tag', 'base', f'other:{i}'), ()),
                 lambda i: (('image', 'prune', '-f'), ()),
                 lambda i: (('builder', 'prune', '-f'), ('a build or a pull is at work',)),
                 lambda i: (('images', '-a'), ()),
                 lambda i: (('run', '--rm', '--network', 'none', 'base', 'true'), ())]
        weights = [5, 3, 2, 2, 4, 3, 1, 1, 1, 1, 1, 1]
        return [kind(dice.randrange(IMAGES)) for kind in dice.choices(kinds, weights, k=n)]


@pytest.fixture
def crowd(fresh, registry, tmp_path):  # noqa: F811
    return Crowd(fresh, registry, tmp_path)


def findings(isola):
    done = isola('store', 'check', code=None, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if not line.endswith('checked')]


def files_of(isola):
    """What an empty store would not have."""
    root = pathlib.Path(isola.root)
    usual = {'oci-layout', 'index.json', '.lock', 'version'}
    return sorted(str(path.relative_to(root)) for directory in ('image-store', 'images', 'layers', 'ingest')
                  for path in (root / directory).rglob('*') if not path.is_dir() and path.name not in usual)


@pytest.mark.parametrize('seed', range(5 if WHOLE else 1))
def test_many_at_once(crowd, tmp_path, seed):
    isola = crowd.isola
    commands = crowd.commands(random.Random(seed), MANY)
    running = []
    for n, (words, allowed) in enumerate(commands):
        with open(tmp_path / f'{n}.out', 'w') as out:
            running.append((isola.start(*words, stdout=out, stderr=out), words, allowed, tmp_path / f'{n}.out'))
    wrong = []
    for process, words, allowed, out in running:
        code = process.wait(600)
        said = out.read_text()
        if 'damaged' in said or (code != 0 and not any(word in said for word in allowed)):
            wrong.append(f'{" ".join(map(str, words))}: {code}: {said}')
    assert not wrong, f'{len(wrong)} of {MANY}:\n' + '\n'.join(wrong[:20])

    isola('image', 'prune', '-f')  # finishes with what was in use when it was removed
    assert findings(isola) == []
    for name in isola.out('images', '--format', '{{.Repository}}:{{.Tag}}').split():
        assert isola.json('image', 'inspect', name)
    for name in crowd.pulled:  # what any of them left is no hindrance
        isola('pull', '-q', name)
        assert isola.out('run', '--rm', '--network', 'none', '--pull', 'never', name, 'cat', '/etc/passwd').startswith('root')
    assert findings(isola) == []

    isola('image', 'prune', '-af', timeout=300)
    isola('builder', 'prune', '-af', timeout=300)
    wait_until(lambda: files_of(isola) == [], what=f'the end of {files_of(isola)}')
    assert json.loads((pathlib.Path(isola.root) / 'image-store/index.json').read_text())['manifests'] == []
    assert os.listdir(pathlib.Path(isola.root) / 'containers') == []
