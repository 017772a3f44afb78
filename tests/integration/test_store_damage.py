# SPDX-License-Identifier: GPL-2.0-or-later
"""A store that somebody or something has damaged: found and named, mended where that can be, and no verb stops working."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import Isola
from dockerfiles import Builder
from registry_host import Image, digest_of, make_tar, registry  # noqa: F401

FILE = 'FROM busybox\nCOPY f /f\nRUN --network=none echo a > /a\n'


class Store:
    """An image that was built here, `app`, one that was pulled, `pulled`, and one that is whole, `busybox`.

    They are made once; before each test the files are put back from a copy.
    """

    def __init__(self, isola, registry, rootfs_tar, directory):
        self.isola, self.root = isola, pathlib.Path(isola.root)
        self.builder = Builder(isola, directory)
        self.builder.write('f', 'text')
        isola('image', 'import', rootfs_tar, 'busybox')
        self.builder(FILE, name='app')
        self.pulled = f'{registry.host}/damage/app:v1'
        Image(Image().tars[0], make_tar({'etc/file': b'far', 'etc/other': b'away'})).push(registry, 'damage/app', 'v1')
        isola('pull', self.pulled)
        isola('create', '--name', 'user', '--network', 'none', 'busybox', 'true')
        self.copy = directory.parent / 'copy'
        subprocess.run(['cp', '-a', self.root, self.copy], check=True)

    def put_back(self):
        subprocess.run(['rm', '-rf', self.root, self.isola.run_root], check=True)
        subprocess.run(['cp', '-a', self.copy, self.root], check=True)

    def blob(self, digest):
        return self.root / 'image-store/blobs/sha256' / digest.split(':')[1]

    def entry(self, name):
        index = json.loads((self.root / 'image-store/index.json').read_text())
        return next(e for e in index['manifests'] if e['annotations'].get('org.opencontainers.image.ref.name') in (name, f'{name}:latest'))

    def manifest(self, name):
        return self.blob(self.entry(name)['digest'])

    def config(self, name):
        return self.blob(self.entry(name)['annotations']['org.isola.image.id'])

    def record(self, name):
        return self.root / 'images' / f"{self.entry(name)['annotations']['org.isola.image.id'].split(':')[1]}.json"

    def layer_blob(self, name):
        return self.blob(json.loads(self.manifest(name).read_text())['layers'][-1]['digest'])

    def layer(self, name):
        """The directory of the uppermost layer."""
        wanted = json.loads(self.config(name).read_text())['rootfs']['diff_ids'][-1]
        return next(record.parent for record in self.root.glob('layers/*/layer.json') if json.loads(record.read_text())['diffId'] == wanted)

    def findings(self, *options, code=0):
        out = self.isola('store', 'check', *options, code=code).stdout
        return [line for line in out.splitlines() if not line.endswith('checked')]

    def bring_back(self, name):
        if name == 'app':
            self.builder(FILE, name='app')
            assert self.isola.out('run', '--rm', '--network', 'none', 'app', 'cat', '/f', '/a') == 'texta'
        else:
            self.isola('pull', name)
            assert self.isola.out('run', '--rm', '--network', 'none', '--pull', 'never', name, 'cat', '/etc/file', '/etc/other') == 'faraway'


@pytest.fixture(scope='module')
def made(registry, rootfs_tar, tmp_path_factory):  # noqa: F811
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    context = tmp_path_factory.mktemp('damage') / 'context'
    context.mkdir()
    yield Store(Isola(directory), registry, rootfs_tar, context)
    shutil.rmtree(directory)


@pytest.fixture
def store(made):
    made.put_back()
    yield made
    made.isola.remove_all()


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def first_file(layer):
    return next(path for path in sorted((layer / 'diff').rglob('*')) if path.is_file() and not path.is_symlink())


def other_owner(layer):
    os.chown(first_file(layer), 4321, 0)


# What is done, to what, and the words that must name it.
DAMAGE = {
    'manifest gone': (lambda s, n: s.manifest(n).unlink(), 'missing: blob sha256:'),
    'manifest flipped': (lambda s, n: flip(s.manifest(n)), 'damaged: blob sha256:'),
    'manifest truncated': (lambda s, n: truncate(s.manifest(n)), 'damaged: blob sha256:'),
    'config gone': (lambda s, n: s.config(n).unlink(), 'missing: blob sha256:'),
    'config flipped': (lambda s, n: flip(s.config(n)), 'damaged: blob sha256:'),
    'layer gone': (lambda s, n: shutil.rmtree(s.layer(n)), 'missing: layer sha256:'),
    'layer record gone': (lambda s, n: (s.layer(n) / 'layer.json').unlink(), 'missing: layer sha256:'),
    'layer record truncated': (lambda s, n: truncate(s.layer(n) / 'layer.json'), 'missing: layer sha256:'),
    'layer files gone': (lambda s, n: shutil.rmtree(s.layer(n) / 'diff'), 'missing: layer sha256:'),
    'file changed': (lambda s, n: flip(first_file(s.layer(n))), 'damaged: layer sha256:'),
    'file gone': (lambda s, n: first_file(s.layer(n)).unlink(), 'damaged: layer sha256:'),
    'file too many': (lambda s, n: (s.layer(n) / 'diff/more').write_text('x'), 'damaged: layer sha256:'),
    'file of another owner': (lambda s, n: other_owner(s.layer(n)), 'damaged: layer sha256:'),
    'file of another mode': (lambda s, n: first_file(s.layer(n)).chmod(0o4755), 'damaged: layer sha256:'),
    'attribute too many': (lambda s, n: os.setxattr(s.layer(n) / 'diff', 'user.overlay.opaque', b'y'), 'damaged: layer sha256:'),
}
PULLED_DAMAGE = {
    'layer blob gone': (lambda s, n: s.layer_blob(n).unlink(), 'missing: blob sha256:'),
    'layer blob flipped': (lambda s, n: flip(s.layer_blob(n)), 'damaged: blob sha256:'),
    'layer blob empty': (lambda s, n: s.layer_blob(n).write_bytes(b''), 'damaged: blob sha256:'),
    'layer and its blob': (lambda s, n: (flip(s.layer_blob(n)), shutil.rmtree(s.layer(n))), 'missing: layer sha256:'),
}
# That only `store check` sees: what is there has another content than it had.
IN_PLACE = ('file ', 'attribute', 'layer blob flipped', 'layer blob empty')
CASES = [('app', damage) for damage in DAMAGE] + [('pulled', damage) for damage in (*DAMAGE, *PULLED_DAMAGE)]


def everything_works(store):
    isola = store.isola
    isola('images', '-a')
    assert isola.out('ps', '-a', '--format', '{{.Names}}') == 'user'
    isola('system', 'df')
    isola('image', 'prune', '-f')
    isola('builder', 'prune', '-f')
    assert isola.out('run', '--rm', '--network', 'none', 'busybox', 'echo', 'yes') == 'yes'


@pytest.mark.parametrize('name, damage', CASES)
def test_damage_is_named_and_mended(store, name, damage):
    name = store.pulled if name == 'pulled' else name
    harm, words = {**DAMAGE, **PULLED_DAMAGE}[damage]
    harm(store, name)
    said = [line for line in store.findings(code=1) if line.startswith(words)]
    assert said and f"image '{name}" in said[0], said
    everything_works(store)
    store.findings('--repair')
    assert store.findings() == []
    store.bring_back(name)
    assert store.findings() == []


@pytest.mark.parametrize('name, damage', [case for case in CASES if not case[1].startswith(IN_PLACE)])
def test_a_damaged_image_is_removed_as_any_other(store, name, damage):
    name = store.pulled if name == 'pulled' else name
    {**DAMAGE, **PULLED_DAMAGE}[damage][0](store, name)
    assert f'Untagged: {name}' in store.isola('rmi', name).stdout
    assert store.findings() == []
    store.bring_back(name)


@pytest.mark.parametrize('damage', [damage for damage in (*DAMAGE, *PULLED_DAMAGE) if not damage.startswith(IN_PLACE)])
def test_a_pull_mends_what_can_be_seen_to_lack(store, damage):
    {**DAMAGE, **PULLED_DAMAGE}[damage][0](store, store.pulled)
    store.bring_back(store.pulled)
    assert store.findings() == []


@pytest.mark.parametrize('harm', [truncate, lambda path: path.write_text(''), pathlib.Path.unlink], ids=['truncated', 'empty', 'gone'])
@pytest.mark.parametrize('name', ['app', 'pulled'])
def test_records_are_made_again(store, name, harm):
    name = store.pulled if name == 'pulled' else name
    harm(store.record(name))
    assert store.findings() == []
    assert store.isola('run', '--rm', '--network', 'none', '--pull', 'never', name, 'true').stderr == ''
    assert json.loads(store.record(name).read_text())['blobs']


def test_half_written_files(store):
    """As a process that is killed while it writes leaves them."""
    made = [store.root / 'image-store/index.json.1.0~', store.root / 'image-store/blobs/sha256' / f'{"0" * 64}.1.0~', store.root / 'images/x.json.1.0~']
    for path in made:
        path.write_text('{')
    assert sorted(store.findings()) == sorted(f"left over: file '{path.relative_to(store.root)}', which is half written" for path in made)
    store.isola('image', 'prune', '-f')
    assert store.findings() == [] and not any(path.exists() for path in made)


def test_a_name_that_leads_nowhere(store):
    (store.root / 'images/names/ghost:1').symlink_to('../' + '0' * 64 + '.json')
    said = store.findings()
    assert said == ["left over: name 'ghost:1', which leads nowhere"]
    assert "there is no image 'ghost:1'" in store.isola('rmi', 'ghost:1', code=1).stderr
    store.findings('--repair')
    assert store.findings() == []


def test_a_damaged_image_says_so(store):
    store.manifest('app').unlink()
    store.record('app').unlink()
    said = store.isola('image', 'inspect', 'app', code=1).stderr
    assert "isola: image 'app:latest' is damaged: cannot read" in said and 'hint: pull or build it again' in said
    assert "image 'app:latest' is damaged" in store.isola('images').stderr
    said = store.isola('run', '--rm', 'app', 'true', code=125).stderr
    assert "image 'app:latest' is damaged" in said and 'it cannot be pulled' in said
    said = store.builder.fails('FROM app\n')
    assert "image 'app:latest' is damaged" in said


def test_layers_that_a_damaged_image_needs_stay(store):
    """Its container goes on although others are removed that share them."""
    isola = store.isola
    isola('tag', 'app', 'first')
    isola('create', '--name', 'on-first', '--network', 'none', 'first', 'cat', '/f')
    store.builder(FILE + 'ENV second=1\n', name='second')
    isola('rmi', 'app')
    flip(store.manifest('first'))
    isola('rmi', 'second')
    isola('builder', 'prune', '-af')
    assert isola.out('start', '-a', 'on-first') == 'text'
    isola('rm', 'on-first')


def test_documents_are_read_by_the_helper_alone(store):
    """What isola knows of an image are records that its sandboxed process wrote: without one nothing is read."""
    def forget():
        for path in [*store.root.glob('images/*.json'), *store.root.glob('images/names/*')]:
            path.unlink()
    nobody = {'ISOLA_LIBEXEC': '/nonexistent'}
    forget()
    for words in (('image', 'inspect', 'app'), ('run', '--rm', '--network', 'none', '--pull', 'never', 'app', 'true'), ('store', 'check')):
        assert "cannot use '/nonexistent/isola-image'" in store.isola(*words, env=nobody, code=None).stderr, words
    before = sorted(path.name for path in store.root.glob('image-store/blobs/sha256/*'))
    store.isola('rmi', 'app', env=nobody)
    assert set(before) - {path.name for path in store.root.glob('image-store/blobs/sha256/*')} == set(), 'nobody could say what is needed'
    assert store.isola.out('image', 'inspect', '--format', '{{.Id}}', 'busybox')
    store.isola('run', '--rm', '--network', 'none', 'busybox', 'true')
    assert store.findings()  # what only `app` needed, now that it can be told
    store.findings('--repair')
    assert store.findings() == []


def test_what_another_tool_put_there_is_left_alone(store):
    """An image without unpacked layers, and an index of it: not isola's, but not to be thrown away."""
    image = Image(make_tar({'x': b'x'}))
    index = json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json', 'manifests': [
        {'mediaType': image.types[0], 'digest': image.digest, 'size': len(image.manifest)}]}).encode()
    layout = store.root / 'image-store'
    foreign = [image.config, *image.layers, image.manifest, index]
    for blob in foreign:
        (layout / 'blobs/sha256' / digest_of(blob)[7:]).write_bytes(blob)
    document = json.loads((layout / 'index.json').read_text())
    document['manifests'].append({'mediaType': 'application/vnd.oci.image.index.v1+json', 'size': len(index),
                                  'digest': digest_of(index),
                                  'annotations': {'org.opencontainers.image.ref.name': 'theirs:1'}})
    (layout / 'index.json').write_text(json.dumps(document))
    assert store.findings() == []
    assert 'theirs' not in store.isola('images').stdout + store.isola('images').stderr
    store.findings('--repair')
    store.isola('rmi', 'app', store.pulled)
    for blob in foreign:
        assert (layout / 'blobs/sha256' / digest_of(blob)[7:]).read_bytes() == blob
