# SPDX-License-Identifier: GPL-2.0-or-later
"""The image store after a kill -9 at every step of making and removing an image."""
import io
import os
import pathlib
import signal
import tarfile

import pytest
from conftest import holders, wait_until


def tar_with(text):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        entry = tarfile.TarInfo('file')
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()


def load(isola, name, text, fault='', code=0):
    return isola('image', 'import', '-', name, input=tar_with(text), text=False, env={'ISOLA_FAULT': fault},
                 code=code)


def content(isola, name):
    document = isola.json('image', 'inspect', name)[0]
    return (pathlib.Path(document['GraphDriver']['Data']['UpperDir']) / 'file').read_text()


def ids(isola):
    return isola('images', '-q', '--no-trunc').stdout.split()


def left(isola):
    """Every file of the store but for locks and what an empty store has."""
    root = pathlib.Path(isola.root)
    usual = {'oci-layout', 'index.json', '.lock'}
    return [str(path.relative_to(root)) for directory in ('image-store', 'images', 'layers')
            for path in (root / directory).rglob('*')
            if not path.is_dir() and path.name not in usual]


@pytest.fixture
def faulty(fresh):
    if b'layer.drafted' not in load(fresh, 'probe', b'probe', '?').stderr:
        pytest.skip('built without -Dfault_points=true')
    fresh('rmi', 'probe')
    return fresh


BEFORE = ['layer.drafted', 'import.equipped', 'import.unpacked', 'layer.hashed', 'layer.placed', 'image.blobs', 'image.unnamed']
AFTER = ['image.indexed', 'image.record']


@pytest.mark.parametrize('fault', BEFORE + AFTER)
def test_killed_while_a_name_moves(faulty, fault):
    load(faulty, 'web', b'old')
    load(faulty, 'web', b'new', fault, code=-9)
    wanted = 'new' if fault in AFTER else 'old'
    assert content(faulty, 'web') == wanted
    assert len(ids(faulty)) == (2 if wanted == 'new' else 1)
    load(faulty, 'web', b'new')
    assert content(faulty, 'web') == 'new'
    faulty('rmi', '-f', *ids(faulty))
    assert left(faulty) == []


REMOVING = ['rmi.buried', 'rmi.indexed', 'layer.buried']


@pytest.mark.parametrize('fault', REMOVING)
def test_killed_while_an_image_goes(faulty, fault):
    load(faulty, 'web', b'web')
    load(faulty, 'other', b'other')
    faulty('rmi', 'web', env={'ISOLA_FAULT': fault}, code=-9)
    if fault == 'rmi.buried':
        assert content(faulty, 'web') == 'web'
        faulty('rmi', 'web')
    else:
        assert "there is no image 'web'" in faulty('image', 'inspect', 'web', code=1).stderr
    assert content(faulty, 'other') == 'other'
    faulty('rmi', 'other')
    load(faulty, 'last', b'last')  # whoever makes the next layer removes dead ones
    faulty('rmi', 'last')
    assert left(faulty) == []


def test_helper_ends_with_a_parent_that_was_killed_before_it_was_tied(faulty):
    read, write = os.pipe()  # nobody closes it: who reads there goes on for ever
    try:
        name = os.readlink(f'/proc/self/fd/{read}')
        faulty('image', 'import', '-', 'half', stdin=read, env={'ISOLA_FAULT': 'import.equipped'}, code=-signal.SIGKILL)
        wait_until(lambda: not holders(name), what='the end of the helper')
    finally:
        os.close(read)
        os.close(write)
