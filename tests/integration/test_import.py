# SPDX-License-Identifier: GPL-2.0-or-later
"""image import: formats, what is kept, and archives that mean harm."""
import bz2
import gzip
import io
import lzma
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tarfile
import time

import pytest
from conftest import holders, wait_until


class Tar:
    """An archive in the making."""

    def __init__(self, format=tarfile.PAX_FORMAT):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode='w', format=format)

    def add(self, name, kind=tarfile.REGTYPE, data=b'', **members):
        entry = tarfile.TarInfo(name)
        entry.type, entry.size, entry.mode = kind, len(data), 0o755 if kind == tarfile.DIRTYPE else 0o644
        for key, value in members.items():
            setattr(entry, key, value)
        self.tar.addfile(entry, io.BytesIO(data))
        return self

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def write(tmp_path, data, name='x.tar'):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def diff_of(isola, image):
    """The unpacked directory of an image's only layer."""
    return pathlib.Path(isola.json('image', 'inspect', image)[0]['GraphDriver']['Data']['UpperDir'])


def refused(isola, tmp_path, data, *words):
    """The archive is refused in one sentence, and nothing is left of it."""
    done = isola('image', 'import', write(tmp_path, data), 'evil', code=1)
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith('isola: cannot import '), lines
    assert len([line for line in lines if not line.startswith('hint: ')]) == 1, lines
    for word in words:
        assert word in lines[0]
    assert 'evil' not in isola('images').stdout
    layers = pathlib.Path(isola.root) / 'layers'
    assert [entry.name for entry in layers.iterdir() if entry.name != '.lock'] == []


SIMPLE = Tar().add('./', tarfile.DIRTYPE).add('./etc/motd', data=b'hello\n').bytes()


def zstd(data):
    return subprocess.run(['zstd', '-qc'], input=data, stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.parametrize('pack', [bytes, gzip.compress, bz2.compress, lzma.compress, zstd], ids=['plain', 'gzip', 'bzip2', 'xz', 'zstd'])
def test_every_compression_gives_the_same_layer(fresh, tmp_path, pack):
    if pack is zstd and not shutil.which('zstd'):
        pytest.skip('zstd is not installed')
    layers = set()
    for name, data in (('plain', SIMPLE), ('packed', pack(SIMPLE))):
        fresh('image', 'import', write(tmp_path, data), name)
        layers.add(fresh.json('image', 'inspect', name)[0]['RootFS']['Layers'][0])
    assert len(layers) == 1
    assert (diff_of(fresh, 'packed') / 'etc/motd').read_text() == 'hello\n'


def test_several_gzip_members_are_one_stream(fresh, tmp_path):
    half = len(SIMPLE) // 2
    fresh('image', 'import', write(tmp_path, gzip.compress(SIMPLE[:half]) + gzip.compress(SIMPLE[half:])), 'x')
    assert (diff_of(fresh, 'x') / 'etc/motd').exists()


def test_standard_input(fresh):
    done = fresh('image', 'import', '-', 'x', input=SIMPLE, text=False)
    assert done.stdout.startswith(b'sha256:')
    assert fresh.out('history', '--format', '{{.Comment}}', 'x') == 'Imported from -'


@pytest.mark.needs_root('looks at the owners on disk, which are of the user\'s range')
def test_attributes_are_kept(fresh, tmp_path):
    tar = (Tar().add('./', tarfile.DIRTYPE, mode=0o711)
           .add('set', data=b'x', mode=0o4755, uid=1000, gid=50, mtime=1234567890.5)
           .add('dir', tarfile.DIRTYPE, mode=0o1777, mtime=1000)
           .add('dir/x', data=b'', mtime=2000)
           .add('link', tarfile.SYMTYPE, linkname='/nowhere', mtime=3000)
           .add('hard', tarfile.LNKTYPE, linkname='set')
           .add('pipe', tarfile.FIFOTYPE, mode=0o600)
           .add('cap', data=b'x', pax_headers={'SCHILY.xattr.user.note': 'yes',
                                               'SCHILY.xattr.trusted.overlay.redirect': '/etc',
                                               'SCHILY.xattr.security.ima': 'x'})).bytes()
    fresh('image', 'import', write(tmp_path, tar), 'x')
    diff = diff_of(fresh, 'x')
    assert stat.S_IMODE(diff.stat().st_mode) == 0o711
    found = (diff / 'set').stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o4755, 1000, 50)
    assert found.st_mtime == 1234567890.5 and found.st_nlink == 2
    found = (diff / 'dir').stat()
    assert stat.S_IMODE(found.st_mode) == 0o1777 and found.st_mtime == 1000
    assert os.readlink(diff / 'link') == '/nowhere' and (diff / 'link').lstat().st_mtime == 3000
    assert stat.S_ISFIFO((diff / 'pipe').stat().st_mode)
    assert os.listxattr(diff / 'cap') == ['user.note']


def test_changes_fill_the_configuration(fresh, tmp_path):
    fresh('image', 'import', '-c', 'CMD ["/bin/sh"]', '-c', 'ENV A=1 B="x y"', '-c', 'EXPOSE 80',
          '--message', 'mine', write(tmp_path, SIMPLE), 'x')
    config = fresh.json('image', 'inspect', 'x')[0]['Config']
    assert config['Cmd'] == ['/bin/sh'] and config['Env'] == ['A=1', 'B=x y'] and '80/tcp' in config['ExposedPorts']
    assert fresh.out('history', '--format', '{{.Comment}}', 'x') == 'mine'
    done = fresh('image', 'import', '-c', 'RUN x', write(tmp_path, SIMPLE), 'y', code=1)
    assert "--change 'RUN x'" in done.stderr


def test_devices_are_left_out_and_said(fresh, tmp_path):
    tar = Tar().add('dev/null', tarfile.CHRTYPE, devmajor=1, devminor=3).add('dev/sda', tarfile.BLKTYPE).bytes()
    done = fresh('image', 'import', write(tmp_path, tar), 'x')
    assert '2 device nodes were left out' in done.stderr
    assert list((diff_of(fresh, 'x') / 'dev').iterdir()) == []


# One for each class of reference attacks: names, links, whiteouts, devices, bombs, damage.

def test_dots_in_a_name(fresh, tmp_path):
    refused(fresh, tmp_path, Tar().add('a/../../../etc/evil', data=b'x').bytes(), 'leads out of the archive')


def test_an_absolute_name_stays_inside(fresh, tmp_path):
    fresh('image', 'import', write(tmp_path, Tar().add('/etc/isola-evil', data=b'x').bytes()), 'x')
    assert not os.path.exists('/etc/isola-evil') and (diff_of(fresh, 'x') / 'etc/isola-evil').exists()


def test_a_link_to_the_outside_is_not_followed(fresh, tmp_path):
    outside = tmp_path / 'outside'
    outside.mkdir()
    tar = (Tar().add('abs', tarfile.SYMTYPE, linkname=str(outside)).add('abs/evil', data=b'x')
           .add('up', tarfile.SYMTYPE, linkname='../' * 20 + str(outside)[1:]).add('up/evil2', data=b'x')).bytes()
    done = fresh('image', 'import', write(tmp_path, tar), 'x', code=None)
    assert list(outside.iterdir()) == []
    assert done.returncode == 1 and 'is a link that leads nowhere' in done.stderr


def test_a_file_replaces_a_link_and_is_not_written_through_it(fresh, tmp_path):
    target = tmp_path / 'target'
    target.write_text('mine')
    tar = Tar().add('x', tarfile.SYMTYPE, linkname=str(target)).add('x', data=b'evil').bytes()
    fresh('image', 'import', write(tmp_path, tar), 'x')
    assert target.read_text() == 'mine' and not (diff_of(fresh, 'x') / 'x').is_symlink()


@pytest.mark.parametrize('target', ['/etc/passwd', '../../../../../../etc/passwd'])
def test_a_hard_link_to_the_outside(fresh, tmp_path, target):
    refused(fresh, tmp_path, Tar().add('x', tarfile.LNKTYPE, linkname=target).bytes(), 'is a hard link to')


def test_a_hard_link_to_a_directory(fresh, tmp_path):
    tar = Tar().add('d', tarfile.DIRTYPE).add('x', tarfile.LNKTYPE, linkname='d').bytes()
    refused(fresh, tmp_path, tar, 'cannot have one')


def test_whiteouts_hide_nothing_in_a_first_layer(fresh, tmp_path):
    tar = Tar().add('.wh.x', data=b'').add('d/.wh..wh..opq', data=b'').add('d/f', data=b'').bytes()
    fresh('image', 'import', write(tmp_path, tar), 'x')
    assert [entry.name for entry in diff_of(fresh, 'x').iterdir()] == ['d']


def test_a_device_that_means_a_whiteout(fresh, tmp_path):
    tar = Tar().add('x', tarfile.CHRTYPE, devmajor=0, devminor=0).bytes()
    fresh('image', 'import', write(tmp_path, tar), 'x')
    assert list(diff_of(fresh, 'x').iterdir()) == []


def test_an_owner_beyond_a_containers_ids(fresh, tmp_path):
    refused(fresh, tmp_path, Tar().add('x', uid=70000).bytes(), "a container's ids end at 65535")


def test_a_sparse_file(fresh, tmp_path):
    entry = Tar().add('x', data=b'', pax_headers={'GNU.sparse.major': '1'}).bytes()
    refused(fresh, tmp_path, entry, 'sparse')


def test_a_bomb_does_not_fill_the_disk(fresh, tmp_path):
    header = tarfile.TarInfo('big')
    header.size = 1 << 50
    refused(fresh, tmp_path, header.tobuf(tarfile.GNU_FORMAT), 'more than there is room for')


def test_a_name_that_is_too_long(fresh, tmp_path):
    refused(fresh, tmp_path, Tar().add('n' * 5000, data=b'').bytes(), 'name')
    refused(fresh, tmp_path, Tar().add('n' * 300, data=b'').bytes(), 'File name too long')


@pytest.mark.parametrize('data, words', [
    (b'', 'the archive is empty'),
    (b'no archive at all' * 100, 'this is no tar archive'),
    (SIMPLE[:1500], 'the archive is'),
    (SIMPLE[:1536], 'without its end mark'),
    (SIMPLE + SIMPLE, "something follows the archive's end"),
    (gzip.compress(SIMPLE)[:-9], 'cut short'),
    (gzip.compress(SIMPLE)[:-8] + b'xxxxxxxx', 'the gzip data is damaged'),
    (gzip.compress(SIMPLE) + b'garbage', 'something else follows it'),
    (lzma.compress(SIMPLE)[:-10], 'cut short'),
    (bz2.compress(SIMPLE)[:-10], 'cut short'),
    (b'PK\3\4' + bytes(100), 'zip archive'),
], ids=['empty', 'noise', 'torn', 'endless', 'twice', 'torn-gzip', 'bad-sum', 'garbage', 'torn-xz', 'torn-bzip2', 'zip'])
def test_damaged_archives(fresh, tmp_path, data, words):
    refused(fresh, tmp_path, data, words)


def test_random_damage_never_does_more_than_fail(fresh, tmp_path):
    """A few hundred archives with flipped bytes: imported or refused in one sentence, never a crash."""
    tar = bytearray(Tar().add('d', tarfile.DIRTYPE).add('d/f', data=b'x' * 700)
                    .add('d/' + 'n' * 150, data=b'y', pax_headers={'SCHILY.xattr.user.a': 'b'})
                    .add('l', tarfile.SYMTYPE, linkname='d/f').bytes()[:6144])
    for i in range(0, 200):
        damaged = bytearray(tar)
        damaged[(i * 7919) % len(tar)] ^= 1 << (i % 8)
        done = fresh('image', 'import', '-', 'x', input=bytes(damaged), text=False, code=None)
        assert done.returncode in (0, 1), (i, done.stderr)
        assert b'helper was ended' not in done.stderr and b'without a word' not in done.stderr, (i, done.stderr)


def test_endless_input(fresh):
    for device in ('/dev/zero', '/dev/urandom'):
        assert fresh('image', 'import', device, 'x', code=1, timeout=20).stderr.startswith('isola: cannot import')


@pytest.mark.needs_root('its small file system belongs to root')
def test_a_full_disk(fresh, tmp_path):
    """Too many bytes, and too many files, leave nothing but a sentence."""
    tar = Tar()
    for i in range(600):
        tar.add(f'f{i}', data=b'x' * 20000)
    path = write(tmp_path, tar.bytes())
    for options in ('size=4m,mode=700', 'size=40m,nr_inodes=300,mode=700'):
        os.makedirs(fresh.root, exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'none', fresh.root], check=True)
        try:
            done = fresh('image', 'import', path, 'x', code=1)
            assert done.stderr.count('\n') in (1, 2), done.stderr
            assert sorted(p.name for p in pathlib.Path(fresh.root).rglob('*')) == ['layers', 'version']
        finally:
            subprocess.run(['umount', fresh.root], check=True)


def test_wrong_words(fresh, tmp_path):
    assert "cannot open '/nonexistent'" in fresh('image', 'import', '/nonexistent', 'x', code=1).stderr
    assert 'is a directory' in fresh('image', 'import', tmp_path, 'x', code=1).stderr
    assert 'must be lower case' in fresh('image', 'import', write(tmp_path, SIMPLE), 'X', code=1).stderr
    assert 'is not on this machine' in fresh('image', 'import', 'https://x/y.tar', 'x', code=1).stderr


def test_a_missing_helper_is_named(fresh, tmp_path):
    done = fresh('image', 'import', write(tmp_path, SIMPLE), 'x', env={'ISOLA_LIBEXEC': '/nonexistent'}, code=1)
    assert "cannot use '/nonexistent/isola-image'" in done.stderr


def test_the_same_archive_gives_the_same_image(fresh, tmp_path):
    env = {'SOURCE_DATE_EPOCH': '1700000000'}
    path = write(tmp_path, SIMPLE)
    ids = {fresh.out('image', 'import', path, name, env=env) for name in ('a', 'b')}
    assert len(ids) == 1
    assert fresh('image', 'import', path, env={'SOURCE_DATE_EPOCH': 'soon'}, code=1).stderr.count('SOURCE_DATE_EPOCH')


def test_kill_leaves_no_half_image(fresh, tmp_path):
    tar = Tar()
    for i in range(3000):
        tar.add(f'd{i % 50}/f{i}', data=b'x' * 2000)
    path = write(tmp_path, tar.bytes())
    for i in range(12):
        process = fresh.start('image', 'import', path, 'half')
        time.sleep(0.01 + 0.03 * i)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not holders(path), what='the end of the helper')  # which dies after its parent
        images = fresh('images', '-q').stdout.split()
        if images:  # it was quick enough: then it is whole
            assert len(list(diff_of(fresh, 'half').rglob('f*'))) == 3000
            fresh('rmi', 'half')
    fresh('image', 'import', path, 'whole')
    layers = [entry.name for entry in (pathlib.Path(fresh.root) / 'layers').iterdir() if entry.name != '.lock']
    assert not [name for name in layers if name.startswith('.')], 'a dead draft was left behind'
    assert len(list(diff_of(fresh, 'whole').rglob('f*'))) == 3000


@pytest.mark.needs_root('without a PATH there is no newuidmap either')
def test_bootstrap_without_mmdebstrap_says_what_to_install(fresh):
    done = fresh('image', 'bootstrap', 'deb', env={'PATH': '/nonexistent'}, code=1)
    assert "'mmdebstrap' is not installed" in done.stderr and 'apt install mmdebstrap' in done.stderr


def fake_mmdebstrap(tmp_path, script):
    directory = tmp_path / 'bin'
    directory.mkdir()
    program = directory / 'mmdebstrap'
    program.write_text('#!/bin/sh\n' + script)
    program.chmod(0o755)
    return {'PATH': f'{directory}:{os.environ["PATH"]}'}


def test_bootstrap_makes_an_image_of_what_mmdebstrap_writes(fresh, tmp_path):
    path = write(tmp_path, SIMPLE)
    env = fake_mmdebstrap(tmp_path, f'echo "$@" >&2; cat {path}\n')
    done = fresh('image', 'bootstrap', '--suite', 'trixie', '--include', 'a,b', '--mirror', 'http://m/', 'deb', env=env)
    assert done.stderr.strip() == '--variant=minbase --format=tar --include=a,b trixie - http://m/'
    assert fresh.json('image', 'inspect', 'deb')[0]['Config']['Cmd'] == ['bash']


def test_bootstrap_that_fails_makes_no_image(fresh, tmp_path):
    path = write(tmp_path, SIMPLE)
    env = fake_mmdebstrap(tmp_path, f'cat {path}; exit 7\n')
    assert 'mmdebstrap failed (exit code 7)' in fresh('image', 'bootstrap', 'deb', env=env, code=1).stderr
    (tmp_path / 'bin/mmdebstrap').write_text('#!/bin/sh\nexit 25\n')
    assert 'mmdebstrap failed (exit code 25)' in fresh('image', 'bootstrap', 'deb', env=env, code=1).stderr
    assert fresh('images', '-q').stdout == ''
