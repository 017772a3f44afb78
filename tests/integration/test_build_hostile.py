# SPDX-License-Identifier: GPL-2.0-or-later
"""Files and images that were made to do harm: what a build must not let them do.

The archives' own tricks are in test_import.py; these are what Dockerfiles, contexts and stages add to them.
"""
import base64
import io
import os
import pathlib
import stat
import struct
import tarfile

import pytest
from dockerfiles import build, fresh_build  # noqa: F401


def see(build, command):
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


def archive(*entries, pax=None):
    """Entries are (name, type, link or content)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=tarfile.PAX_FORMAT, pax_headers={}) as tar:
        for name, kind, text in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.pax_headers = kind, dict(pax or {})
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                entry.linkname = text
                tar.addfile(entry)
            else:
                data = text.encode()
                entry.size = len(data) if kind == tarfile.REGTYPE else 0
                tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


FILE, LINK, HARD, DIR, CHAR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE


@pytest.fixture
def outside(tmp_path_factory):
    """A file of the machine's that must stay as it is, and unread."""
    directory = tmp_path_factory.mktemp('outside')
    (directory / 'file').write_text('of the machine')
    yield directory
    assert (directory / 'file').read_text() == 'of the machine'
    assert sorted(os.listdir(directory)) == ['file']


def test_add_through_a_link_of_the_archive(build, outside):
    (build.directory / 'x.tar').write_bytes(archive(('way', LINK, str(outside)), ('way/file', FILE, 'evil'), ('way/new', FILE, 'evil')))
    build.isola('build', '-t', 'x', '-f', build.write('Dockerfile', 'FROM busybox\nADD x.tar /\n'), build.directory, code=None)


def test_add_through_a_link_of_the_image(build, outside):
    (build.directory / 'x.tar').write_bytes(archive(('way/new', FILE, 'evil')))
    build(f'FROM busybox\nRUN mkdir -p {outside} && ln -s {outside} /way\nADD x.tar /\nCOPY x.tar /way/\nWORKDIR /way/deep\n', name='x')
    assert see(build, f'ls {outside}') == 'deep\nnew\nx.tar'


def test_copy_from_a_stage_through_links(build, outside):
    build(f'FROM busybox AS s\nRUN ln -s {outside} /out && ln -s ../../../../../.. /up && mkdir /d && ln -s {outside}/file /d/l\n'
          'FROM busybox\nCOPY --from=s /d /d\n')
    assert see(build, 'readlink /d/l').endswith('/file')
    for source in ('/out/file', f'/up{outside}/file', '/d/l'):
        assert 'of the machine' not in build.fails(f'FROM busybox AS s\nRUN ln -s {outside} /out && ln -s ../../../../../.. /up && mkdir /d && ln -s {outside}/file /d/l\n'
                                                   f'FROM busybox\nCOPY --from=s {source} /x\nRUN cat /x; false\n')


def test_hard_links_to_the_machine(build, outside):
    for target in (str(outside / 'file'), '../../../../..' + str(outside / 'file')):
        (build.directory / 'x.tar').write_bytes(archive(('h', HARD, target), ('h', FILE, 'evil')))
        assert 'hard link' in build.fails('FROM busybox\nADD x.tar /\n')


@pytest.mark.parametrize('name', ['.wh.etc', 'etc/.wh.passwd', '.wh..wh..opq', '.wh.', '.wh...', 'a/.wh../b'])
def test_an_archive_cannot_hide_files(build, name):
    (build.directory / 'x.tar').write_bytes(archive((name, FILE, '')))
    said = build.fails('FROM busybox\nADD x.tar /\n')
    assert said.startswith('isola: Dockerfile:2: ') and '.wh.' in said


def test_a_device_is_no_whiteout(build):
    (build.directory / 'x.tar').write_bytes(archive(('etc/passwd', CHAR, '')))
    out = build('FROM busybox\nADD x.tar /\n')
    assert 'device nodes were left out' in out.stderr
    assert 'root' in see(build, 'cat /etc/passwd')


@pytest.mark.parametrize('name', ['user.overlay.opaque', 'user.overlay.redirect', 'trusted.overlay.opaque', 'trusted.overlay.redirect',
                                  'security.selinux', 'security.ima', 'user.overlay.metacopy'])
def test_attributes_that_are_not_an_images_business(build, name):
    (build.directory / 'x.tar').write_bytes(archive(('etc', DIR, ''), ('etc/f', FILE, ''), pax={f'SCHILY.xattr.{name}': 'y'}))
    build('FROM busybox\nADD x.tar /\n')
    assert see(build, 'test -e /etc/passwd && echo there') == 'there'
    for path in build.top().rglob('*'):
        assert name not in os.listxattr(path, follow_symlinks=False)


def test_a_capability_that_names_another_root(build):
    """Revision 3 with a root id outside of the image's ids would be somebody else's capability."""
    value = struct.pack('<IIIIII', 0x03000001, 1 << 10, 0, 0, 0, 123456)
    (build.directory / 'x.tar').write_bytes(archive(('f', FILE, ''), pax={'LIBARCHIVE.xattr.security.capability': base64.b64encode(value).decode()}))
    build.isola('build', '-t', 'x', '-f', build.write('Dockerfile', 'FROM busybox\nADD x.tar /\n'), build.directory, code=None)
    for path in pathlib.Path(build.isola.root).glob('layers/*/diff/f'):
        kept = os.getxattr(path, 'security.capability') if 'security.capability' in os.listxattr(path) else b''
        assert struct.pack('<I', 123456) not in kept


def test_a_bomb_in_an_archive(build):
    import gzip
    path = build.directory / 'bomb.tar.gz'
    with gzip.open(path, 'wb', compresslevel=9) as packed:
        head = tarfile.TarInfo('big')
        head.size = 1 << 50
        packed.write(head.tobuf())
        packed.write(b'\0' * (4 << 20))
    assert build.fails('FROM busybox\nADD bomb.tar.gz /\n').startswith("isola: Dockerfile:2: cannot unpack 'bomb.tar.gz'")


def test_the_store_is_nobodys_business(build):
    """Set-user-id files of images must not be reachable for users of the machine (CVE-2021-41091)."""
    build('FROM busybox\nRUN cp /bin/sh /suid && chmod 4755 /suid\n')
    assert stat.S_IMODE(os.stat(build.isola.root).st_mode) == 0o700
    assert os.stat(build.top() / 'suid').st_mode & stat.S_ISUID


def test_a_mount_point_that_is_a_link_is_not_cleaned_up_behind(build, outside):
    """CVE-2024-23652: the stub for a mount is taken away after the step, and nothing else."""
    build(f'FROM busybox\nRUN --mount=type=tmpfs,target=/stub/deep true\nRUN test ! -e /stub\n'
          f'RUN ln -s {outside} /stub\nRUN --mount=type=tmpfs,target=/stub/file2 true\n')
    assert [name for name in build.files() if name.startswith('stub')] in ([], ['stub'])


def test_a_cache_mount_cannot_be_elsewhere(build, outside):
    """CVE-2024-9675, CVE-2024-23651."""
    build(f'FROM busybox\nRUN --mount=type=cache,id=../../../../../../..{outside},target=/c ls -A /c > /ls; echo x > /c/x\n', '--no-cache')
    assert see(build, 'cat /ls') == ''
    build(f'FROM busybox AS s\nRUN ln -s {outside} /l\nFROM busybox\nRUN --mount=type=cache,id=seed,target=/c,from=s,source=/l ls -A /c > /ls\n', code=None)
    build.isola('builder', 'prune', '-af')


def test_options_are_no_text(build):
    """CVE-2024-9407: nothing of a mount's words reaches mount(2) as it is written."""
    for words in ('type=bind,target=/x,bind-propagation=rshared', 'type=tmpfs,target=/x,size=1m:exec', 'type=bind,target=/x,rw=suid'):
        assert build.fails(f'FROM busybox\nRUN --mount={words} true\n').startswith('isola: Dockerfile:2: RUN --mount')


def test_an_image_is_no_cache(build, rootfs_tar):
    """CVE-2024-24557: what somebody's image says of its history counts for nothing."""
    build.isola('image', 'import', '-c', 'LABEL a=1', rootfs_tar, 'evil')
    build('FROM evil\nRUN echo evil > /x\n', name='poison')
    build.isola('tag', 'poison', 'busybox2')
    out = build('FROM busybox\nRUN echo good > /x\nRUN echo evil2 > /y\n', '--no-cache', name='clean')
    assert 'Using cache' not in out.stdout and see(build, 'cat /x') == 'good'


def test_user_names_that_look_like_numbers(build):
    """CVE-2026-46680: a number is itself, one that is none of a container's ids is refused."""
    build.write('f', 'x')
    build('FROM busybox\nRUN echo "0123:x:0:0::/:/bin/sh" >> /etc/passwd\nCOPY --chown=0123 f /f\n')
    assert see(build, 'stat -c %u /f') in ('123', '83')
    for owner in ('4294967296', '4294967295', '-1', '99999999999999999999'):
        assert 'Dockerfile:2' in build.fails(f'FROM busybox\nCOPY --chown={owner} f /f\n')


def test_a_passwd_that_is_no_file(build, outside):
    """CVE-2024-9676: names are looked up in a file of the image, however it is made."""
    build.write('f', 'x')
    for trick in (f'rm /etc/passwd && ln -s {outside}/file /etc/passwd', 'rm /etc/passwd && mkfifo /etc/passwd', 'rm /etc/passwd && mkdir /etc/passwd',
                  'rm /etc/passwd && ln -s /dev/zero /etc/passwd', 'dd if=/dev/zero of=/etc/passwd bs=1M count=4 2>/dev/null'):
        assert 'Dockerfile:3' in build.fails(f'FROM busybox\nRUN {trick}\nCOPY --chown=who f /f\n')


def test_duplicates_are_the_last_one(build):
    (build.directory / 'x.tar').write_bytes(archive(('d/f', FILE, 'first'), ('d/f', FILE, 'second'), ('D/f', FILE, 'other'), ('d', DIR, '')))
    build('FROM busybox\nADD x.tar /\n')
    assert see(build, 'cat /d/f /D/f') == 'secondother'


def test_what_follows_an_archive(build):
    plain = archive(('f', FILE, 'x'))
    (build.directory / 'x.tar').write_bytes(plain + b'#!/bin/sh\nevil\n')
    assert 'cannot unpack' in build.fails('FROM busybox\nADD x.tar /\n')
