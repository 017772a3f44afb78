# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of `isola build` start from: a context directory and the verb."""
import json
import pathlib

import pytest


class Builder:
    """A context directory and `isola build` of it."""

    def __init__(self, isola, directory):
        self.isola, self.directory, self.names = isola, directory, 0

    def write(self, path, text='', mode=None):
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if mode is not None:
            target.chmod(mode)
        return target

    def __call__(self, dockerfile, *options, name=None, code=0, **keywords):
        self.write('Dockerfile', dockerfile)
        self.names += 1
        self.name = name or f'built{self.names}'
        return self.isola('build', '-t', self.name, *options, self.directory, code=code, **keywords)

    def fails(self, dockerfile, *options):
        """Builds what must fail; returns standard error."""
        self.write('Dockerfile', dockerfile)
        return self.isola('build', *options, self.directory, code=1).stderr

    def config(self, name=None):
        return self.isola.json('image', 'inspect', name or self.name)[0]['Config']

    def layers(self):
        root = pathlib.Path(self.isola.root) / 'layers'
        return sorted(entry.name for entry in root.iterdir() if entry.name != '.lock')

    def top(self, name=None):
        """The directory of the uppermost layer."""
        document = self.isola.json('image', 'inspect', name or self.name)[0]
        wanted = document['RootFS']['Layers'][-1]
        for record in (pathlib.Path(self.isola.root) / 'layers').glob('*/layer.json'):
            if json.loads(record.read_text())['diffId'] == wanted:
                return record.parent / 'diff'
        raise AssertionError(f'{wanted} is not there')

    def files(self, name=None):
        top = self.top(name)
        return sorted(str(path.relative_to(top)) for path in top.rglob('*'))


@pytest.fixture
def build(isola, tmp_path):
    return Builder(isola, tmp_path)


@pytest.fixture
def fresh_build(fresh, tmp_path):
    return Builder(fresh, tmp_path)
