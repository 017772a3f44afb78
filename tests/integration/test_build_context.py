# SPDX-License-Identifier: GPL-2.0-or-later
"""--build-context: directories, images, OCI layouts, archives and files at URLs, repositories."""
import functools
import http.server
import io
import json
import os
import tarfile
import threading

import pytest
from dockerfiles import build, fresh_build  # noqa: F401
from git_host import server  # noqa: F401

USES = 'FROM busybox\nCOPY --from=more {0} /copied\nRUN --mount=from=more,source={0},target=/m cat /m > /mounted\n'


def see(build, command):
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


class Web:
    def __init__(self, directory):
        self.directory, self.asked = directory, []
        web = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *arguments):
                web.asked.append(self.path)
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Handler, directory=directory))
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def web(tmp_path_factory):
    web = Web(tmp_path_factory.mktemp('web'))
    yield web
    web.server.shutdown()
    web.server.server_close()


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w:gz') as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(text, tuple):
                entry.type, entry.linkname = tarfile.SYMTYPE, text[1]
            else:
                entry.size = len(text)
            tar.addfile(entry, None if isinstance(text, tuple) else io.BytesIO(text.encode()))
    return stream.getvalue()


@pytest.fixture
def layout(build, tmp_path_factory):
    """Two images in one directory, `one` and `two`, that the store does not have any more."""
    directory = tmp_path_factory.mktemp('layout') / 'plain'
    directory.parent.chmod(0o777)
    build.write('f', 'of the layout')
    for name in ('one', 'two'):
        build(f'FROM busybox\nCOPY f /f\nRUN echo {name} > /which\nENV NAME={name}\n', '--no-cache', name=name)
        build.isola('image', 'copy', f'isola:{name}', f'oci:{directory}:{name}')
        build.isola('rmi', name)
    build.isola('builder', 'prune', '-f', '-a')
    return directory.rename(directory.with_name('with:colon'))


def test_layout(build, layout):
    build(USES.format('which'), '--build-context', f'more=oci-layout://{layout}:one')
    assert see(build, 'cat /copied /mounted') == 'one\none'
    build('FROM more\nRUN echo $NAME $(cat /which) > /said\n', '--build-context', f'more=oci-layout://{layout}:two')
    assert see(build, 'cat /said') == 'two two'
    digest = {d['annotations']['org.opencontainers.image.ref.name']: d['digest']
              for d in json.loads((layout / 'index.json').read_text())['manifests']}
    build(USES.format('which'), '--build-context', f'more=oci-layout://{layout}@{digest["two"]}')
    assert see(build, 'cat /copied /mounted') == 'two\ntwo'
    # It gets no name here.
    assert 'one' not in build.isola.out('images', '--format', '{{.Repository}}').split()


def test_layout_that_is_wrong(build, layout):
    file = 'FROM more\n'
    said = build.fails(file, '--build-context', f'more=oci-layout://{layout}:three')
    assert f"context 'more': cannot use the layout '{layout}': there is no image 'three' in it" in said and 'one' in said
    assert 'there are 2 images in it' in build.fails(file, '--build-context', f'more=oci-layout://{layout}')
    assert "cannot use the layout '/no/such'" in build.fails(file, '--build-context', 'more=oci-layout:///no/such')
    digest = json.loads((layout / 'index.json').read_text())['manifests'][0]['digest']
    blob = layout / 'blobs/sha256' / digest.split(':')[1]
    blob.write_bytes(blob.read_bytes().replace(b'"schemaVersion":2', b'"schemaVersion":3'))
    assert f"cannot use the layout '{layout}'" in build.fails(file, '--build-context', f'more=oci-layout://{layout}@{digest}')


def test_archive_at_a_url(build, web):
    (web.directory / 'a.tgz').write_bytes(archive({'d/f': 'unpacked', '.dockerignore': 'left-out\n', 'left-out': 'x', 'up': ('link', '/etc')}))
    build(USES.format('d/f'), '--build-context', f'more={web.url}/a.tgz')
    assert see(build, 'cat /copied /mounted') == 'unpackedunpacked'
    assert web.asked.count('/a.tgz') == 1, 'fetched once'
    assert "there is no 'left-out'" in build.fails(USES.format('left-out'), '--build-context', f'more={web.url}/a.tgz')
    assert 'up/passwd' in build.fails(USES.format('up/passwd'), '--build-context', f'more={web.url}/a.tgz')
    assert 'Using cache' in build(USES.format('d/f'), '--build-context', f'more={web.url}/a.tgz').stdout


def test_file_at_a_url(build, web):
    (web.directory / 'notes.txt').write_text('just text')
    os.utime(web.directory / 'notes.txt', (1_000_000_000, 1_000_000_000))
    build(USES.format('context'), '--build-context', f'more={web.url}/notes.txt')
    assert see(build, 'cat /copied /mounted; stat -c " %Y %a" /copied') == 'just textjust text 1000000000 600'
    said = build.fails(USES.format('context'), '--build-context', f'more={web.url}/none')
    assert said.startswith("isola: context 'more': cannot fetch") and 'the server answers 404' in said


def test_repository(build, server):
    repo = server.repository('more')
    repo.commit({'d/f': 'of the repository'}, tag='v1')
    for url in (f'{server.git}/more.git#v1:d', f'{server.http}/more.git?subdir=d'):
        build(USES.format('f'), '--no-cache', '--build-context', f'more={url}')
        assert see(build, 'cat /copied /mounted') == 'of the repositoryof the repository'
    build('FROM more\nCOPY --from=more d/f /g\n', '--build-context', f'more={server.http}/more.git')
    assert build.files() == ['g']


def test_what_nobody_uses_is_not_fetched(build, web):
    build('FROM scratch AS unused\nCOPY --from=more x /\nFROM busybox\nRUN true\n', '--build-context', f'more={web.url}/none')
    assert web.asked == []


def test_a_trigger_may_use_one(fresh_build, web, rootfs_tar):
    """What the plan cannot know is opened when it is met."""
    fresh_build.isola('image', 'import', rootfs_tar, 'busybox')
    (web.directory / 'a.tgz').write_bytes(archive({'f': 'triggered'}))
    fresh_build('FROM busybox\nONBUILD COPY --from=more f /f\n', name='parent')
    fresh_build('FROM parent\n', '--build-context', f'more={web.url}/a.tgz')
    assert see(fresh_build, 'cat /f') == 'triggered'


def test_stages_side_by_side_share_one(build, web):
    (web.directory / 'a.tgz').write_bytes(archive({'f': 'shared'}))
    build('FROM busybox AS a\nCOPY --from=more f /a\nFROM busybox AS b\nCOPY --from=more f /b\n'
          'FROM busybox\nCOPY --from=a /a /\nCOPY --from=b /b /\n', '--build-context', f'more={web.url}/a.tgz')
    assert see(build, 'cat /a /b') == 'sharedshared'
    assert len(web.asked) == 1
