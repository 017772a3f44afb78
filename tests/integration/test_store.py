# SPDX-License-Identifier: GPL-2.0-or-later
"""The image store's own verbs: check, prune, df, and what is made of containers: diff, export, commit."""
import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest
from conftest import wait_until
from dockerfiles import Builder, build, fresh_build  # noqa: F401


@pytest.fixture
def store(fresh, rootfs_tar, tmp_path):
    fresh('image', 'import', rootfs_tar, 'busybox')
    builder = Builder(fresh, tmp_path)
    builder.write('f', 'text')
    builder('FROM busybox\nRUN echo a > /a\nCOPY f /f\n', name='app')
    return builder


def check(isola, *options, code=0):
    return isola('store', 'check', *options, code=code).stdout


def findings(out):
    return [line for line in out.splitlines() if not line.endswith('checked')]


# ------------------------------------------------------------------------- store check


def test_a_healthy_store(store):
    out = check(store.isola)
    assert findings(out) == [] and '2 images, 3 layers' in out


def test_an_empty_store(fresh):
    assert '0 images, 0 layers' in check(fresh)


def test_a_changed_file(store):
    (store.top('app') / 'f').write_text('evil')
    out = check(store.isola, code=1)
    assert "damaged: layer sha256:" in out and "image 'app:latest'" in out
    assert 'busybox' not in out
    assert findings(check(store.isola, '--quick')) == []
    assert '(repaired)' in check(store.isola, '--repair')
    assert findings(check(store.isola)) == []
    assert "there is no image 'app'" in store.isola('run', '--rm', 'app', 'true', code=125).stderr
    store('FROM busybox\nRUN echo a > /a\nCOPY f /f\n', name='app')
    assert store.isola.out('run', '--rm', '--network', 'none', 'app', 'cat', '/f') == 'text'
    assert findings(check(store.isola)) == []


def test_a_missing_layer(store):
    subprocess.run(['rm', '-r', store.top('app').parent], check=True)
    assert 'missing: layer' in check(store.isola, code=1)
    check(store.isola, '--repair')
    assert findings(check(store.isola)) == []
    assert store.isola.out('run', '--rm', '--network', 'none', 'busybox', 'echo', 'yes') == 'yes'


@pytest.mark.parametrize('what', ['manifest', 'config', 'gone'])
def test_a_damaged_blob(store, what):
    image = store.isola.json('image', 'inspect', 'app')[0]
    blobs = pathlib.Path(store.isola.root) / 'image-store/blobs/sha256'
    config = blobs / image['Id'].split(':')[1]
    if what == 'config':
        config.write_bytes(config.read_bytes().replace(b'amd64', b'evil1'))
    elif what == 'gone':
        config.unlink()
    else:
        index = json.loads((blobs.parent.parent / 'index.json').read_text())
        entry = next(e for e in index['manifests'] if e['annotations']['org.opencontainers.image.ref.name'] == 'app:latest')
        (blobs / entry['digest'].split(':')[1]).write_text('{}')
    out = check(store.isola, code=1)
    assert ('missing' if what == 'gone' else 'damaged') + ': blob' in out
    check(store.isola, '--repair')
    assert findings(check(store.isola)) == []
    store('FROM busybox\nRUN echo a > /a\nCOPY f /f\n', name='app')
    assert store.isola.out('run', '--rm', '--network', 'none', 'app', 'cat', '/f') == 'text'


def test_left_overs_are_no_damage(store):
    root = pathlib.Path(store.isola.root)
    (root / 'image-store/blobs/sha256' / ('0' * 64)).write_text('x')
    (root / 'layers/.draft-0123').mkdir()
    (root / 'images/names/ghost%tag:1').symlink_to('../none.json')
    out = check(store.isola)
    assert len(findings(out)) == 3 and out.count('left over: ') == 3
    check(store.isola, '--repair')
    assert findings(check(store.isola)) == []


def test_repair_leaves_what_a_build_needs(store):
    """While something is built nothing is removed."""
    store.write('Dockerfile', 'FROM busybox\nRUN sleep 2\nRUN true\n')
    running = store.isola.start('build', '--no-cache', '-t', 'slow', store.directory)
    try:
        for _ in range(3):
            check(store.isola, '--repair')
            assert store.isola('builder', 'prune', '-af', code=None).returncode in (0, 1)
    finally:
        assert running.wait(60) == 0
        running.stdout.close()
        running.stderr.close()
    assert findings(check(store.isola)) == []


# ----------------------------------------------------------------------- prune and df


def test_image_prune(store):
    store('FROM busybox\nRUN echo b > /a\n', name='app')  # the old one has no name now
    store('FROM busybox\nLABEL keep=1\n', name='labelled')
    store.isola('create', '--name', 'user', 'app', 'true')
    assert len(store.isola.out('images', '-aq').split()) == 4
    out = store.isola.out('image', 'prune', '-f')
    assert 'Deleted: sha256:' in out and 'Total reclaimed space' in out
    assert len(store.isola.out('images', '-aq').split()) == 3
    store.isola('image', 'prune', '-af', '--filter', 'label=keep')
    assert store.isola('image', 'inspect', 'labelled', code=1)
    store.isola('image', 'prune', '-af', '--filter', 'until=1h')
    assert len(store.isola.out('images', '-aq').split()) == 2
    store.isola('image', 'prune', '-af')
    assert store.isola.out('images', '--format', '{{.Repository}}') == 'app'
    assert findings(check(store.isola)) == []


def test_builder_prune(store):
    store('FROM busybox\nRUN --mount=type=cache,target=/c echo x > /c/x && echo b > /b\n', name='second')
    store.isola('rmi', 'second')
    layers = len(store.layers())
    out = store.isola.out('builder', 'prune', '-f')
    assert 'Total reclaimed space' in out and ' 0 cache mounts' in out
    assert len(store.layers()) <= layers
    assert 'Using cache' not in store('FROM busybox\nRUN echo a > /a\nCOPY f /f\n', name='app').stdout
    assert list((pathlib.Path(store.isola.root) / 'build-cache/mounts').glob('*/data/x'))
    assert '1 cache mounts' in store.isola.out('builder', 'prune', '-af')
    assert not list((pathlib.Path(store.isola.root) / 'build-cache/mounts').glob('*/data/x'))
    assert findings(check(store.isola)) == []


def test_layers_of_failed_builds_can_be_pruned(store):
    before = len(store.layers())
    store.fails('FROM busybox\nRUN echo 1 > /1\nRUN echo 2 > /2\nRUN false\n')
    assert len(store.layers()) == before + 2
    store.isola('builder', 'prune', '-f')
    assert len(store.layers()) == before


def test_system_df_and_prune(store):
    store.isola('run', '--name', 'ended', '-v', '/data', '--network', 'none', 'app', 'sh', '-c', 'echo x > /data/x; echo y > /y')
    store('FROM busybox\nRUN false || true\n', name='app2')
    rows = {row['Type']: row for row in map(json.loads, store.isola.out('system', 'df', '--format', 'json').splitlines())}
    assert rows['Images']['TotalCount'] == '3' and rows['Images']['Active'] == '1'
    assert rows['Containers']['TotalCount'] == '1' and rows['Local Volumes']['Active'] == '1'
    assert store.isola.out('system', 'df').splitlines()[0].split() == ['TYPE', 'TOTAL', 'ACTIVE', 'SIZE', 'RECLAIMABLE']
    out = store.isola.out('system', 'df', '-v')
    assert [line for line in out.splitlines() if 'usage:' in line][0] == 'Images space usage:'
    base = next(line for line in out.splitlines() if line.startswith('busybox '))
    shared, own = base.split()[-3:-1]
    assert own == '0B' and shared != '0B'       # others stand on it
    assert any(line.endswith(' ended') and ' 1 ' in line for line in out.splitlines())
    assert 'do not go together' in store.isola('system', 'df', '-v', '--format', 'json', code=1).stderr
    out = store.isola.out('system', 'prune', '-af', '--volumes')
    assert 'Total reclaimed space' in out
    assert store.isola.out('ps', '-aq') == '' and store.isola.out('images', '-aq') == ''
    assert store.layers() == []
    assert findings(check(store.isola)) == []


# -------------------------------------------------------- diff, export, commit, mount


@pytest.fixture
def changed(isola):
    isola('run', '--name', 'changed', '--network', 'none', 'busybox', 'sh', '-c',
          'echo new > /new; mkdir /dir; echo in > /dir/in; rm /bin/vi; rm -r /var/www; mkdir /var/www; chmod 700 /tmp; echo x >> /etc/group; touch /etc/x')
    yield 'changed'
    isola('rm', '-f', 'changed')


def test_diff(isola, changed):
    lines = isola.out('diff', changed).splitlines()
    for line in ('A /new', 'A /dir', 'A /dir/in', 'C /bin', 'D /bin/vi', 'C /etc/group', 'A /etc/x', 'C /etc', 'C /tmp'):
        assert line in lines, (line, lines)
    assert 'D /var/www/index.html' in lines
    assert not [line for line in lines if line[2:] in ('/proc', '/sys', '/dev', '/etc/resolv.conf')]


def test_export(isola, changed, tmp_path):
    done = isola('export', changed, text=False)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        names = tar.getnames()
        assert 'dir/in' in names and 'bin/sh' in names and 'bin/vi' not in names
        assert not [name for name in names if '.wh.' in name]
        assert tar.extractfile('new').read() == b'new\n'
    isola('export', '-o', tmp_path / 'x.tar', changed)
    assert (tmp_path / 'x.tar').read_bytes() == done.stdout


def test_commit(isola, changed):
    image = isola.out('commit', '-m', 'by hand', '-a', 'me', '-c', 'ENV A=1', '-c', 'CMD ["cat", "/new"]', changed, 'made:1')
    document = isola.json('image', 'inspect', 'made:1')[0]
    assert document['Id'] == image and 'A=1' in document['Config']['Env'] and document['Author'] == 'me'
    assert isola.out('run', '--rm', '--network', 'none', 'made:1') == 'new'
    assert isola.out('run', '--rm', '--network', 'none', 'made:1', 'sh', '-c', 'ls /var/www /dir; test ! -e /bin/vi; stat -c %a /tmp') == '/dir:\nin\n\n/var/www:\n700'
    assert 'by hand' in isola.out('history', 'made:1')
    assert 'RUN cannot be applied' in isola('commit', '-c', 'RUN true', changed, code=1).stderr
    assert findings(check(isola)) == []
    isola('rmi', 'made:1')


def test_commit_of_one_that_runs(isola):
    isola('run', '-d', '--name', 'runs', '--network', 'none', 'busybox', 'sh', '-c', 'echo 1 > /one; sleep 100')
    try:
        isola('exec', 'runs', 'test', '-e', '/one')
        isola('commit', 'runs', 'running')
        assert isola.inspect('runs')['State']['Status'] == 'running'
        assert isola.out('run', '--rm', '--network', 'none', 'running', 'cat', '/one') == '1'
    finally:
        isola('rm', '-f', 'runs')
        isola('rmi', 'running')


@pytest.mark.needs_root('the mounts of a user are seen by nobody else')
def test_image_mount(store):
    isola = store.isola
    path = pathlib.Path(isola.out('image', 'mount', 'app'))
    try:
        assert (path / 'f').read_text() == 'text' and (path / 'bin/sh').exists()
        with pytest.raises(OSError):
            (path / 'x').write_text('x')
        assert isola.out('image', 'mount', 'app') == str(path)
        assert str(path) in isola.out('image', 'mount')
        assert 'is used by' in isola('rmi', 'app', code=1).stderr
    finally:
        isola('image', 'unmount', 'app')
    assert isola.out('image', 'mount') == '' and not path.exists()
    assert 'is not mounted' in isola('image', 'unmount', 'app', code=1).stderr
    one = pathlib.Path(isola.out('image', 'mount', 'busybox'))
    assert (one / 'bin/sh').exists()
    isola('image', 'unmount', '-a')
    isola('rmi', 'app')


def test_cache_mounts_travel(build, fresh, rootfs_tar, tmp_path):
    build('FROM busybox\nRUN --mount=type=cache,id=travels,target=/c echo far > /c/from && chown 7:8 /c/from\n', '--no-cache')
    assert 'travels' in build.isola.out('builder', 'cache', 'ls')
    build.isola('builder', 'cache', 'export', '-o', tmp_path / 'cache.tar', 'travels')
    fresh('image', 'import', rootfs_tar, 'busybox')
    fresh('builder', 'cache', 'import', 'travels', tmp_path / 'cache.tar')
    other = Builder(fresh, build.directory)
    other('FROM busybox\nRUN --mount=type=cache,id=travels,target=/c cat /c/from > /x; stat -c %u:%g /c/from >> /x\n')
    assert fresh.out('run', '--rm', '--network', 'none', other.name, 'cat', '/x') == 'far\n7:8'
    assert "there is no cache 'none'" in fresh('builder', 'cache', 'export', 'none', code=1).stderr


def test_what_is_removed_during_a_build_goes_with_its_end(store):
    store('FROM scratch\nCOPY f /g\n', name='alone')
    top = store.top('alone').parent
    store.write('Dockerfile', 'FROM busybox\nRUN sleep 2\n')
    running = store.isola.start('build', '--no-cache', '-q', '-t', 'slow', store.directory)
    try:
        wait_until(lambda: store.isola.out('ps', '-aq') or list(pathlib.Path(store.isola.root).glob('layers/.draft-*')), what='start of the build')
        store.isola('rmi', 'alone')
        assert top.exists() or running.poll() is not None
    finally:
        assert running.wait(60) == 0
        running.stdout.close()
        running.stderr.close()
    assert not top.exists() and findings(check(store.isola)) == []
