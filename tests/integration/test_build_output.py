# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes into `isola build` besides a directory, and what comes out besides an image."""
import functools
import gzip
import hashlib
import http.server
import io
import json
import os
import pathlib
import tarfile
import time
import threading

import pytest
from dockerfiles import Builder, build, fresh_build  # noqa: F401


def see(build, command):
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


# ---------------------------------------------------------------------- the context


def archive(files, mode='w'):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_dockerfile_on_standard_input(build):
    build.isola('build', '-t', 'stdin', '-', input='FROM busybox\nCOPY <<EOF /x\nhello\nEOF\n')
    build.name = 'stdin'
    assert see(build, 'cat /x') == 'hello'
    said = build.isola('build', '-', input='FROM busybox\nCOPY a /\n', code=1).stderr
    assert "Dockerfile:2: there is no 'a' in the context" in said


@pytest.mark.parametrize('mode', ['w', 'w:gz', 'w:bz2', 'w:xz'])
def test_archive_on_standard_input(build, mode):
    files = {'Dockerfile': 'FROM busybox\nCOPY . /x/\n', 'a': 'one', 'no': 'two', '.dockerignore': 'no\n',
             'dir/Other': 'FROM busybox\nCOPY a /other\n'}
    build.isola('build', '-t', 'stdin', '-', input=archive(files, mode), text=False)
    build.name = 'stdin'
    assert see(build, 'cat /x/a; ls /x') == 'oneDockerfile\na\ndir'
    build.isola('build', '-t', 'stdin', '-f', 'dir/Other', '-', input=archive(files, mode), text=False)
    assert see(build, 'cat /other') == 'one'
    assert all('.draft' not in name for name in build.layers())


def test_archive_in_a_file(build, tmp_path_factory):
    path = tmp_path_factory.mktemp('archive') / 'context.tar.gz'
    path.write_bytes(archive({'Dockerfile': 'FROM busybox\nCOPY a /a\n', 'a': 'text'}, 'w:gz'))
    build.isola('build', '-t', 'filed', path)
    build.name = 'filed'
    assert see(build, 'cat /a') == 'text'


def test_an_archive_cannot_show_the_machine(build, tmp_path_factory):
    secret = tmp_path_factory.mktemp('outside') / 'file'
    secret.write_text('TOPSECRET\n')
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        link = tarfile.TarInfo('Dockerfile')
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    said = build.isola('build', '-', input=buffer.getvalue(), text=False, code=1)
    assert b'TOPSECRET' not in said.stderr + said.stdout
    outside = archive({'../escaped': 'x', 'Dockerfile': 'FROM busybox\n'})
    assert b'leads out of the archive' in build.isola('build', '-', input=outside, text=False, code=1).stderr


def test_garbage_on_standard_input(build):
    said = build.isola('build', '-', input=b'\x00\x01garbage' * 100, text=False, code=1).stderr
    assert b"cannot use 'standard input' as a context" in said


# ----------------------------------------------------------------------- the output


FILE = ('FROM busybox AS work\nRUN mkdir -p /out/bin && echo hi > /out/bin/tool && chmod 755 /out/bin/tool && chown 7:8 /out/bin/tool && ln -s tool /out/bin/link\n'
        'FROM scratch\nCOPY --from=work /out /\nCOPY --from=work /out/bin/tool /gone\n')


def test_output_to_a_directory(build, tmp_path_factory):
    to = tmp_path_factory.mktemp('out') / 'deep/out'
    build.write('Dockerfile', FILE)
    before = build.isola.out('images', '-aq')
    build.isola('build', '-o', to, build.directory)
    assert (to / 'bin/tool').read_text() == 'hi\n' and os.readlink(to / 'bin/link') == 'tool'
    status = (to / 'bin/tool').stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o755, 0, 0)
    assert build.isola.out('images', '-aq') == before
    build.isola('build', '-o', f'type=local,dest={to}', '-t', 'both', build.directory)
    assert build.isola.out('images', '-q', 'both')


def test_output_does_not_leave_its_directory(build, tmp_path_factory):
    outside, to = tmp_path_factory.mktemp('outside'), tmp_path_factory.mktemp('out')
    os.symlink(outside, to / 'bin')
    build.write('Dockerfile', FILE)
    build.isola('build', '-o', to, build.directory, code=None)
    assert list(outside.iterdir()) == []


def test_output_as_a_tar(build, tmp_path_factory):
    to = tmp_path_factory.mktemp('out') / 'out.tar'
    build.write('Dockerfile', FILE)
    build.isola('build', '-o', f'type=tar,dest={to}', build.directory)
    done = build.isola('build', '-o', '-', build.directory, text=False)
    assert done.stdout == to.read_bytes() and b'Step 1/' in done.stderr
    with tarfile.open(to) as tar:
        assert sorted(tar.getnames()) == ['bin', 'bin/link', 'bin/tool', 'gone']
        assert tar.getmember('bin/tool').uid == 7
    assert "--output has no type 'tarr'; did you mean 'tar'?" in build.isola('build', '-o', 'type=tarr,dest=x', build.directory, code=1).stderr
    assert 'needs a directory' in build.isola('build', '-o', 'type=local', build.directory, code=1).stderr


@pytest.mark.parametrize('kind', ['oci', 'docker'])
def test_output_of_the_image(build, tmp_path_factory, kind):
    to = tmp_path_factory.mktemp('out') / 'image.tar'
    build('FROM busybox\nRUN echo out > /out\n', '-o', f'type={kind},dest={to}', name='out:1')
    image = build.isola.json('image', 'inspect', 'out:1')[0]['Id']
    with tarfile.open(to) as tar:
        assert 'oci-layout' in tar.getnames() and 'manifest.json' in tar.getnames()
    build.isola('rmi', '-f', image)
    build.isola('load', '-i', to)
    assert build.isola.json('image', 'inspect', 'out:1')[0]['Id'] == image
    build('FROM busybox\nLABEL a=1\n', '-o', 'type=docker', name='plain')
    assert build.isola.out('images', '-q', 'plain')


def test_metadata_file(build, tmp_path_factory):
    to = tmp_path_factory.mktemp('out') / 'meta.json'
    build('FROM busybox\n', '--metadata-file', to, name='meta:1')
    data = json.loads(to.read_text())
    assert data['image.name'] == 'meta:1'
    assert data['containerimage.config.digest'] == build.isola.json('image', 'inspect', 'meta:1')[0]['Id']
    assert data['containerimage.digest'].startswith('sha256:')


def test_annotations(build):
    build('FROM busybox\n', '--annotation', 'org.example.a=1', '--annotation', 'b=x y', name='annotated')
    blobs = pathlib.Path(build.isola.root) / 'image-store/blobs/sha256'
    index = json.loads((blobs.parent.parent / 'index.json').read_text())
    entry = next(e for e in index['manifests'] if e['annotations'].get('org.opencontainers.image.ref.name') == 'annotated:latest')
    manifest = json.loads((blobs / entry['digest'].split(':')[1]).read_text())
    assert manifest['annotations'] == {'org.example.a': '1', 'b': 'x y'}
    assert "annotation 'x' is not of the form" in build.isola('build', '--annotation', 'x', build.directory, code=1).stderr


def test_upon_layers_from_elsewhere(build, fresh, tmp_path_factory):
    """The blobs of a base that came compressed stay as long as something stands on them."""
    directory = tmp_path_factory.mktemp('oci')
    build('FROM busybox\nRUN echo base > /base\n', name='frombase')
    build.isola('save', '-o', directory / 'base.tar', 'frombase')
    with tarfile.open(directory / 'base.tar') as tar:
        tar.extractall(directory / 'layout')
    blobs = directory / 'layout/blobs/sha256'
    index = json.loads((directory / 'layout/index.json').read_text())
    manifest = json.loads((blobs / index['manifests'][0]['digest'].split(':')[1]).read_text())
    for layer in manifest['layers']:
        packed = gzip.compress((blobs / layer['digest'].split(':')[1]).read_bytes(), mtime=0)
        layer.update(mediaType='application/vnd.oci.image.layer.v1.tar+gzip', size=len(packed), digest='sha256:' + hashlib.sha256(packed).hexdigest())
        (blobs / layer['digest'].split(':')[1]).write_bytes(packed)
    text = json.dumps(manifest).encode()
    index['manifests'][0].update(digest='sha256:' + hashlib.sha256(text).hexdigest(), size=len(text))
    (blobs / hashlib.sha256(text).hexdigest()).write_bytes(text)
    (directory / 'layout/index.json').write_text(json.dumps(index))
    fresh('image', 'copy', f'oci:{directory / "layout"}', 'isola:base')
    other = Builder(fresh, build.directory)
    other('FROM base\nRUN echo more > /more\n', name='upon')
    fresh('rmi', 'base')
    assert 'missing' not in fresh('store', 'check').stdout
    assert see(other, 'cat /base /more') == 'base\nmore'
    fresh('save', '-o', directory / 'upon.tar', 'upon')
    build.isola('load', '-i', directory / 'upon.tar')
    build.name = 'upon'
    assert see(build, 'cat /base /more') == 'base\nmore'
    damaged = next(pathlib.Path(fresh.root).glob('layers/*/diff/base'))
    damaged.write_text('evil')
    assert '(repaired)' in fresh('store', 'check', '--repair').stdout
    assert see(other, 'cat /base') == 'base'


def test_squash(build):
    build.write('f', 'text')
    build('FROM busybox\nRUN echo a > /a && mkdir /d && echo b > /d/b && rm /bin/vi\nRUN rm /a && rm -r /d && mkdir /d && echo c > /d/c\n'
          'RUN rm -r /var/www && mkdir /var/www && echo new > /var/www/new\nCOPY f /f\n', '--squash')
    plain = build.isola.json('image', 'inspect', 'busybox')[0]['RootFS']['Layers']
    layers = build.isola.json('image', 'inspect', build.name)[0]['RootFS']['Layers']
    assert layers[:-1] == plain
    assert see(build, 'ls /d /var/www; cat /f; test ! -e /a -a ! -e /bin/vi') == '/d:\nc\n\n/var/www:\nnew\ntext'
    assert not (build.top() / 'a').is_file()
    assert 'merge of 4 layers' in build.isola.out('history', build.name)
    again = build('FROM busybox\nRUN echo a > /a && mkdir /d && echo b > /d/b && rm /bin/vi\nRUN rm /a && rm -r /d && mkdir /d && echo c > /d/c\n'
                  'RUN rm -r /var/www && mkdir /var/www && echo new > /var/www/new\nCOPY f /f\n', '--squash', name='again')
    assert build.isola.json('image', 'inspect', 'again')[0]['RootFS']['Layers'] == layers
    assert again.stdout.count('Using cache') == 4


# ------------------------------------------------------------------------ the cache


def test_no_cache_filter(build):
    file = 'FROM busybox AS one\nRUN true\nFROM busybox AS two\nRUN echo > /x\nCOPY --from=one /bin/sh /y\n'
    build(file)
    assert build(file).stdout.count('Using cache') == 3
    assert build(file, '--no-cache-filter', 'two').stdout.count('Using cache') == 1


def test_cache_of_another_machine(build, fresh, rootfs_tar, tmp_path_factory):
    directory = tmp_path_factory.mktemp('cache')
    other = Builder(fresh, build.directory)
    fresh('image', 'import', rootfs_tar, 'busybox', env={'SOURCE_DATE_EPOCH': '1000'})
    build.isola('image', 'import', rootfs_tar, 'base', env={'SOURCE_DATE_EPOCH': '1000'})
    build.write('f', 'text')
    file = 'FROM {}\nRUN date +%s%N > /when\nRUN true\nRUN rm -r /var/www\nCOPY f /f\n'
    build(file.format('base'), '--cache-to', f'type=local,dest={directory}')
    time.sleep(1.1)  # what the other one makes is younger than what was exported, whiteouts included
    done = other(file.format('busybox'), '--cache-from', f'type=local,src={directory}')
    assert done.stdout.count('Using cache') == 4, done.stdout + done.stderr
    assert see(other, 'cat /when') == see(build, 'cat /when')
    assert see(other, 'cat /f; test ! -e /var/www') == 'text'
    for layer in (directory / 'layers').iterdir():
        layer.write_bytes(layer.read_bytes().replace(b'text', b'evil'))
    fresh('rmi', '-f', other.name)
    for record in (pathlib.Path(fresh.root) / 'build-cache').glob('*'):
        if record.is_file():
            record.unlink()
    done = other(file.format('busybox'), '--cache-from', directory)
    assert see(other, 'cat /f') == 'text'
    assert 'is damaged' in done.stderr
    assert 'is not supported' in build.isola('build', '--cache-to', 'type=gha', build.directory, code=1).stderr


# ---------------------------------------------------------------------- other options


def test_platform(build):
    build('FROM scratch\nARG TARGETPLATFORM\nARG TARGETARCH\nARG TARGETVARIANT\nARG BUILDARCH\nLABEL p=$TARGETPLATFORM a=$TARGETARCH v=$TARGETVARIANT b=$BUILDARCH\n',
          '--platform', 'linux/arm/v7')
    image = build.isola.json('image', 'inspect', build.name)[0]
    assert image['Architecture'] == 'arm'
    labels = image['Config']['Labels']
    assert (labels['p'], labels['a'], labels['v']) == ('linux/arm/v7', 'arm', 'v7') and labels['b'] != 'arm'
    said = build.fails('FROM busybox\n', '--platform', 'linux/s390x')
    assert "image 'busybox' is for linux/" in said and 'not for linux/s390x' in said
    build('FROM --platform=linux/arm64 scratch\nLABEL a=1\n')
    assert build.isola.json('image', 'inspect', build.name)[0]['Architecture'] == 'arm64'


def test_hosts_limits_and_memory(build):
    build('FROM busybox\nRUN cat /etc/hosts > /hosts; ulimit -n > /n; df -k /dev/shm | tail -n 1 > /shm\n', '--no-cache',
          '--add-host', 'db:10.9.8.7', '--ulimit', 'nofile=123:456', '--shm-size', '2m')
    assert '10.9.8.7' in see(build, 'cat /hosts') and see(build, 'cat /n') == '123'
    assert see(build, 'cat /shm').split()[1] == '2048'


def test_insecure(build):
    file = 'FROM busybox\nRUN --security=insecure cat /proc/self/uid_map > /map\n'
    assert '--allow security.insecure' in build.fails(file)
    build(file, '--allow', 'security.insecure')
    assert see(build, 'cat /map').split() == ['0', '0', '4294967295']


# ------------------------------------------------------------------------ the network


class Files(http.server.SimpleHTTPRequestHandler):
    """What a test puts into `served`, and how often it was asked for."""
    asked = []

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        if self.path == '/moved':
            self.send_response(302)
            self.send_header('Location', '/file.txt?x=1')
            self.end_headers()
            return
        super().do_GET()


@pytest.fixture
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp('served')
    (directory / 'file.txt').write_text('from the network')
    os.utime(directory / 'file.txt', (1_000_000_000, 1_000_000_000))
    Files.asked = []
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Files, directory=directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield directory, f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_add_of_a_url(build, served):
    directory, url = served
    file = f'FROM busybox\nADD {url}/file.txt /to/\nADD --chmod=644 --chown=5 {url}/moved /other\n'
    build(file)
    assert see(build, 'cat /to/file.txt /other; stat -c " %a %u %Y" /to/file.txt /other') == (
        'from the networkfrom the network 600 0 1000000000\n 644 5 1000000000')
    assert build(file).stdout.count('Using cache') == 2
    (directory / 'file.txt').write_text('changed')
    assert 'Using cache' not in build(file).stdout
    said = build.fails(f'FROM busybox\nADD {url}/none.txt /\n')
    assert f"Dockerfile:2: cannot fetch '{url}/none.txt': the server answers 404" in said
    assert 'says no name for the file' in build.fails(f'FROM busybox\nADD {url}/ /\n')


def test_checksum(build, served):
    directory, url = served
    digest = hashlib.sha256(b'from the network').hexdigest()
    file = f'FROM busybox\nADD --checksum=sha256:{digest} {url}/file.txt /\n'
    build(file)
    Files.asked.clear()
    assert 'Using cache' in build(file).stdout and Files.asked == []
    said = build.fails(f'FROM busybox\nADD --checksum=sha256:{"0" * 64} {url}/file.txt /\n')
    assert f'has the digest sha256:{digest}, not sha256:0000' in said
    assert 'is no digest' in build.fails(f'FROM busybox\nADD --checksum=md5:1 {url}/file.txt /\n')


def test_a_url_is_unpacked_if_that_is_said(build, served):
    directory, url = served
    (directory / 'a.tar.gz').write_bytes(archive({'in/side': 'unpacked'}, 'w:gz'))
    build(f'FROM busybox\nADD {url}/a.tar.gz /packed/\nADD --unpack=true {url}/a.tar.gz /unpacked/\n')
    assert see(build, 'ls /packed; cat /unpacked/in/side') == 'a.tar.gz\nunpacked'


def test_context_at_a_url(build, served):
    directory, url = served
    (directory / 'context.tar.gz').write_bytes(archive({'Dockerfile': 'FROM busybox\nCOPY a /a\n', 'a': 'text'}, 'w:gz'))
    (directory / 'Dockerfile').write_text('FROM busybox\nRUN echo alone > /alone\n')
    build.name = 'remote'
    build.isola('build', '-t', 'remote', f'{url}/context.tar.gz')
    assert see(build, 'cat /a') == 'text'
    build.isola('build', '-t', 'remote', f'{url}/Dockerfile')
    assert see(build, 'cat /alone') == 'alone'
