# SPDX-License-Identifier: GPL-2.0-or-later
"""--userns, --uidmap, --gidmap, --subuidname, --subgidname: who is who, of an ordinary user and of root."""
import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest
from conftest import AS_USER, open_way
from user_home import home, processes, single  # noqa: F401

pytestmark = pytest.mark.skipif(AS_USER, reason='makes its own users')

WHO = 'stat -c "%u:%g %n"'


def run(home, *words, **options):
    return home.out('run', '--rm', '--network', 'none', *words, **options)


def ids(isola, name, kind='uid'):
    return [tuple(map(int, line.split())) for line in
            isola.out('exec', '-u', '0', name, 'cat', f'/proc/self/{kind}_map').splitlines()]


@pytest.fixture
def shared(joe, tmp_path):
    """A directory of joe's."""
    open_way(tmp_path)
    directory = tmp_path / 'shared'
    directory.mkdir()
    return joe.own(directory)


@pytest.fixture(params=['contents stay', 'contents are copied'])
def way(request, home):
    """Both ways in which layers are given other owners; the second is that of kernels before 6.16."""
    if request.param == 'contents are copied':
        home.environment['ISOLA_WEAKEN'] = 'overlay-data'
    elif tuple(map(int, os.uname().release.split('.')[:2])) < (6, 16):
        pytest.skip('this kernel knows only the other way')
    return request.param


def test_keep_id_is_who_one_is(home, joe, shared, way):
    told = home('run', '--rm', '--network', 'none', '--userns=keep-id', '-v', f'{shared}:/shared', 'busybox', 'sh', '-c',
                f'id -u; id -g; touch /shared/mine; {WHO} /shared/mine /bin/busybox /etc/passwd /home/user; cat /etc/group')
    assert ('the image is copied' in told.stderr) == (way == 'contents are copied')
    uid = joe.uid
    assert told.stdout.splitlines() == [str(uid), str(uid), f'{uid}:{uid} /shared/mine', '0:0 /bin/busybox', '0:0 /etc/passwd',
                                        '1000:1000 /home/user', 'root:x:0:', 'user:x:1000:', 'www-data:x:33:', 'staff:x:50:user']
    made = os.stat(shared / 'mine')
    assert (made.st_uid, made.st_gid) == (uid, uid)


def test_root_inside_keep_id_is_root_of_the_files_and_nobody_outside(home, joe, shared, way):
    out = run(home, '--userns=keep-id', '-u', '0', '-v', f'{shared}:/shared', 'busybox', 'sh', '-c',
              f'id -u; echo new >> /etc/passwd; chown 33:50 /etc/group; touch /shared/roots; {WHO} /etc/passwd /etc/group /shared/roots')
    assert out.splitlines() == ['0', '0:0 /etc/passwd', '33:50 /etc/group', '0:0 /shared/roots']
    assert os.stat(shared / 'roots').st_uid == joe.first


def test_keep_id_with_other_numbers(home, joe, shared):
    out = run(home, '--userns=keep-id:uid=1000,gid=50', '-v', f'{shared}:/shared', 'busybox', 'sh', '-c',
              'id -u; id -g; touch /shared/mine ~/there && echo may')
    assert out.splitlines() == ['1000', '50', 'may']
    assert os.stat(shared / 'mine').st_uid == joe.uid
    assert run(home, '--userns=keep-id:uid=1000', '-u', 'www-data', 'busybox', 'id', '-u') == '33'
    home('run', '-d', '--name', 'small', '--network', 'none', '--userns=keep-id:uid=7,size=100', 'busybox', 'sleep', '1000')
    assert sum(count for _, _, count in ids(home, 'small')) == 100
    assert home.out('exec', 'small', 'id', '-u') == '7'


def test_user_of_the_image_gives_way_to_keep_id(home, joe, tmp_path):
    (tmp_path / 'Dockerfile').write_text('FROM busybox\nUSER user\n')
    open_way(tmp_path)
    home('build', '-q', '-t', 'as-user', tmp_path)
    assert run(home, 'as-user', 'id', '-u') == '1000'
    assert run(home, '--userns=keep-id', 'as-user', 'id', '-u') == str(joe.uid)


def test_nomap_has_the_user_not(home, joe, shared, way):
    shared.chmod(0o777)
    out = run(home, '--userns=nomap', '-v', f'{shared}:/shared', 'busybox', 'sh', '-c',
              f'id -u; {WHO} /shared /bin/busybox /home/user; touch /shared/x; cat /proc/self/uid_map; cat /etc/hostname > /tmp/y; echo >> /etc/hosts')
    lines = out.splitlines()
    assert lines[:4] == ['0', '65534:65534 /shared', '0:0 /bin/busybox', '1000:1000 /home/user']
    assert os.stat(shared / 'x').st_uid == joe.first
    assert sum(int(line.split()[2]) for line in lines[4:]) == joe.count


def test_auto_gives_each_container_ids_of_its_own(home, joe, way):
    for name in ('a', 'b'):
        home('run', '-d', '--name', name, '--network', 'none', '--userns=auto', 'busybox', 'sleep', '1000')
    taken = []
    for name in ('a', 'b'):
        own = []
        for inside, outside, count in [tuple(map(int, line.split())) for line in
                                       pathlib.Path(f'/proc/{home.pid(name)}/uid_map').read_text().splitlines()]:
            own += range(outside, outside + count)
        assert len(own) == 1024
        assert joe.uid not in own and joe.first <= min(own) and max(own) < joe.first + joe.count
        taken.append(set(own))
    assert not taken[0] & taken[1]
    assert os.stat(f'/proc/{home.pid("a")}').st_uid in taken[0]
    assert home.out('exec', 'a', 'stat', '-c', '%u', '/', '/bin/busybox', '/etc/hosts') == '0\n0\n0'
    home('stop', '-t', '0', 'a')
    home('start', 'a')  # its files are on disk with these ids
    assert os.stat(f'/proc/{home.pid("a")}').st_uid in taken[0]
    home('rm', '-f', 'a', 'b')
    home('run', '-d', '--name', 'c', '--network', 'none', '--userns=auto:size=2000', 'busybox', 'sleep', '1000')
    assert sum(count for _, _, count in ids(home, 'c')) == 2000
    # What has been given up is had again: the files need not be made anew for each container.
    assert min(outside for _, outside, _ in [tuple(map(int, line.split())) for line in
               pathlib.Path(f'/proc/{home.pid("c")}/uid_map').read_text().splitlines()]) == joe.first


def test_auto_takes_as_many_ids_as_the_image_has_users(home, tmp_path, joe):
    (tmp_path / 'Dockerfile').write_text('FROM busybox\nRUN --network=none echo late:x:4999:5000::/:/bin/sh >> /etc/passwd && '
                                         'touch /late && chown 4999 /late\n')
    open_way(tmp_path)
    home('build', '-q', '-t', 'late', tmp_path)
    home('run', '-d', '--name', 'a', '--network', 'none', '--userns=auto', 'late', 'sleep', '1000')
    assert sum(count for _, _, count in ids(home, 'a')) == 5000
    # Who has no place is nobody, and root inside has no power over his files.
    home('run', '-d', '--name', 'b', '--network', 'none', '--userns=auto:size=1024', 'late', 'sleep', '1000')
    assert home.out('exec', 'b', 'stat', '-c', '%u', '/late') == '65534'
    assert home('exec', 'b', 'chown', '0', '/late', code=1)


def test_auto_ends_when_the_range_does(home):
    for i in range(2):
        home('create', '--name', f'c{i}', '--userns=auto:size=30000', 'busybox', 'true')
    done = home('create', '--userns=auto:size=30000', 'busybox', 'true', code=125)
    assert 'there are no 30000 ids that no other container has' in done.stderr
    home('rm', 'c0')
    home('create', '--userns=auto:size=30000', 'busybox', 'true')


def test_containers_made_at_once_get_different_ids(home):
    home('create', '--userns=auto', 'busybox', 'true')  # the tree for the first ids is there
    making = [home.start('create', '--userns=auto:size=100', 'busybox', 'true') for _ in range(5)]
    made = [command.communicate()[0].decode().strip() for command in making]
    maps = [json.loads(home.out('inspect', container))[0]['HostConfig']['IDMappings']['UidMap'][0].split(':')[1] for container in made]
    assert len(set(maps)) == 5


@pytest.mark.parametrize('words, told', [
    (['--uidmap', '0:1:1000'], ['0 300000 1000']),
    (['--uidmap', '0:1:1000', '--uidmap', '1000:0'], ['0 300000 1000', '1000 JOE 1']),
    (['--uidmap', '1000:@JOE', '--uidmap', '0:5:10'], ['1000 JOE 1', '0 300004 10']),
    (['--subuidname', 'joe'], ['0 300000 65536']),
])
def test_maps_are_as_they_are_said(home, joe, words, told):
    words = [word.replace('JOE', str(joe.uid)) for word in words]
    home('run', '-d', '--name', 'a', '--network', 'none', *words, 'busybox', 'sleep', '1000')
    for kind in ('uid', 'gid'):
        lines = [line.split() for line in pathlib.Path(f'/proc/{home.pid("a")}/{kind}_map').read_text().splitlines()]
        joined = []
        for inside, outside, count in (map(int, line) for line in lines):  # the range is mapped in two pieces
            if joined and joined[-1][0] + joined[-1][2] == inside and joined[-1][1] + joined[-1][2] == outside:
                joined[-1][2] += count
            else:
                joined.append([inside, outside, count])
        assert [' '.join(map(str, line)) for line in joined] == [line.replace('JOE', str(joe.uid)) for line in told]
    home('rm', '-f', 'a')


def test_amended_map_moves_who_was_there(home, joe):
    home('run', '-d', '--name', 'a', '--network', 'none', '--uidmap', '+1000:0', 'busybox', 'sleep', '1000')
    maps = {tuple(map(int, word.split(':'))) for word in home.inspect('a')['HostConfig']['IDMappings']['UidMap']}
    assert (1000, 0, 1) in maps and (0, 1000, 1) in maps and (1, 1, 999) in maps
    assert home.out('exec', 'a', 'stat', '-c', '%u', '/bin/busybox', '/home/user') == '0\n1000'


REFUSED = [
    (['--userns=keep'], "'keep' is not private, host, auto, keep-id or nomap"),
    (['--userns=keep-id:gid=x'], "'gid=x' is not a number of an id"),
    (['--userns=keep-id:colour=1'], "'--userns=keep-id' has no option 'colour=1'"),
    (['--userns=nomap:size=1'], "'nomap:size=1' is not private"),
    (['--uidmap', '0'], "'0' is not INSIDE:OUTSIDE[:COUNT]"),
    (['--uidmap', '0:1:0'], "'0:1:0' is not INSIDE:OUTSIDE[:COUNT]"),
    (['--uidmap', '0:1:10', '--uidmap', '5:20:1'], 'a user id is mapped twice: 0:1:10 and 5:20:1'),
    (['--uidmap', '0:1:10', '--uidmap', '20:5:1'], 'a user id is mapped twice'),
    (['--uidmap', '0:65000:1000'], 'user ids 65000-65999 cannot be given to a container'),
    (['--gidmap', '0:65000:1000'], 'ids 65000-65999 cannot be given to a container'),
    (['--uidmap', '0:@0'], "the machine's id 0 is not yours to give"),
    (['--uidmap', '5:5'], 'user id 0 is not mapped'),
    (['--subuidname', 'nobody'], "/etc/subuid gives 'nobody' no ids"),
    (['--userns=auto', '--uidmap', '0:1:10'], 'exclude each other'),
    (['--userns=keep-id', '--privileged'], '--privileged has the ids of who runs it'),
]


def test_what_cannot_be_is_refused(home):
    for words, told in REFUSED:
        assert told in home('create', *words, 'busybox', 'true', code=125).stderr, words
    assert home.out('ps', '-aq') == ''


def test_other_users_ranges_cannot_be_had(home, joe):
    for path in ('/etc/subuid', '/etc/subgid'):
        file = joe.directory / os.path.basename(path)
        file.write_text(file.read_text() + 'jim:400000:65536\n')
    try:
        assert "the ids of 'jim' in /etc/subuid are not yours to give" in home('create', '--subuidname', 'jim', 'busybox', 'true', code=125).stderr
    finally:
        joe.with_range()


def test_without_a_range_there_is_nothing_to_choose(single):
    for mode in ('keep-id', 'auto', 'nomap'):
        done = single('create', f'--userns={mode}', 'busybox', 'true', code=125)
        assert f'--userns={mode} needs more ids than your own' in done.stderr and 'usermod --add-subuids' in done.stderr


@pytest.mark.parametrize('mode', ['keep-id', 'nomap', 'auto'])
def test_what_was_written_is_committed_exported_and_copied_as_inside(home, joe, way, mode, tmp_path):
    home('run', '--name', 'a', '--network', 'none', f'--userns={mode}', '-u', '0', 'busybox', 'sh', '-c',
         'echo a > /a; chown 33:50 /a; mkdir /d; echo b > /d/b; chown -R 1000:1000 /d; rm /etc/group; chmod 4755 /a')
    assert set(home.out('diff', 'a').splitlines()) == {'A /a', 'A /d', 'A /d/b', 'D /etc/group', 'C /etc'}
    home('commit', 'a', 'made')
    for words in ([], [f'--userns={mode}', '-u', '0']):
        assert run(home, *words, 'made', 'sh', '-c', f'{WHO} /a /d /d/b /bin/busybox; stat -c %a /a; ls /etc/group 2>&1 || true').splitlines() == [
            '33:50 /a', '1000:1000 /d', '1000:1000 /d/b', '0:0 /bin/busybox', '4755', 'ls: /etc/group: No such file or directory']
    with tarfile.open(fileobj=io.BytesIO(home('export', 'a', text=False).stdout)) as tar:
        owners = {entry.name.strip('./'): (entry.uid, entry.gid) for entry in tar}
        assert owners['a'] == (33, 50) and owners['d/b'] == (1000, 1000) and owners['bin/busybox'] == (0, 0)
        assert tar.extractfile('d/b' if 'd/b' in tar.getnames() else './d/b').read() == b'b\n'
    home('start', 'a')
    home('rm', '-f', 'a')
    home('rmi', '-f', 'made')


def test_files_keep_what_they_have_besides_owners(home, joe, tmp_path, way):
    (tmp_path / 'Dockerfile').write_text(
        'FROM busybox\nRUN --network=none echo one > /one && ln /one /two && ln -s one /three && mkfifo /pipe && chown 33:50 /one && '
        'chmod 6750 /one && touch -d "2001-02-03 04:05:06" /one && mkdir -m 1777 /open && : > /empty && '
        'dd if=/dev/urandom of=/big bs=1k count=300 2>/dev/null && chmod 600 /big && md5sum /big > /sum\n'
        'RUN --network=none rm /var/www/index.html && mkdir /var/www/d && echo over > /etc/group && rm -r /home && mkdir /home\n')
    open_way(tmp_path)
    home('build', '-q', '-t', 'rich', tmp_path)
    look = ('stat -c "%u %g %a %h %s %Y %n" /one /two /empty /open /big /etc/group; readlink /three; test -p /pipe && echo pipe; md5sum -c /sum; '
            'ls /var/www /home; cat /etc/group; find / -xdev | grep -v -e ^/proc -e ^/sys -e ^/dev -e "^/etc/host" -e resolv | sort | md5sum')
    plain = run(home, 'rich', 'sh', '-c', look)
    assert '33 50 6750 2 4 981173106 /one' in plain and '/big: OK' in plain
    for mode in ('keep-id', 'nomap', 'auto'):
        assert run(home, f'--userns={mode}', '-u', '0', 'rich', 'sh', '-c', look) == plain


def test_volumes_belong_to_who_can_use_them(home, joe):
    assert run(home, '--userns=keep-id', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'touch /data/x && stat -c %u /data/x') == str(joe.uid)
    for mode in ('nomap', 'auto'):
        assert run(home, f'--userns={mode}', '-v', f'{mode}:/data', 'busybox', 'sh', '-c', 'touch /data/x && stat -c %u /data') == '0'
    # One that begins with what the image has there.
    assert run(home, '--userns=keep-id', '-v', 'filled:/home/user', 'busybox', 'stat', '-c', '%u', '/home/user') == '1000'


def test_joined_container_has_the_others_ids(home, joe):
    home('run', '-d', '--name', 'a', '--network', 'none', '--userns=keep-id', 'busybox', 'sleep', '1000')
    out = home.out('run', '--rm', '--network', 'container:a', 'busybox', 'sh', '-c', f'id -u; {WHO} /bin/busybox /home/user; touch /x; {WHO} /x')
    assert out.splitlines() == ['0', '0:0 /bin/busybox', '1000:1000 /home/user', '0:0 /x']


def test_trees_go_with_their_image(home, tmp_path):
    (tmp_path / 'Dockerfile').write_text('FROM busybox\nRUN --network=none touch /new\n')
    open_way(tmp_path)
    home('build', '-q', '-t', 'gone', tmp_path)
    run(home, '--userns=keep-id', 'gone', 'true')
    trees = list(pathlib.Path(home.root).glob('layers/*/*-????????????????'))
    assert len(trees) == 1
    before = trees[0].stat().st_ino
    run(home, '--userns=keep-id', 'gone', 'true')
    assert trees[0].stat().st_ino == before
    home('store', 'check')
    home('rmi', 'gone')
    home('builder', 'prune', '-af')
    assert not list(pathlib.Path(home.root).glob('layers/*/*-????????????????'))


def test_tree_of_a_killed_command_is_made_again(home):
    for point in ('layer.drafted', 'mapped.synced'):
        home('run', '--rm', '--network', 'none', '--userns=keep-id', 'busybox', 'true', code=-9, env={'ISOLA_FAULT': point})
    assert run(home, '--userns=keep-id', '-u', '0', 'busybox', 'id', '-u') == '0'
    assert not list(pathlib.Path(home.root).glob('layers/.draft-*'))


def test_tty_exec_and_terminal_belong_to_the_user(home, joe):
    home('run', '-d', '-t', '--name', 'a', '--network', 'none', '--userns=keep-id', 'busybox', 'sleep', '1000')
    assert home.out('exec', 'a', 'id', '-u') == str(joe.uid)
    assert home.out('exec', '-t', 'a', 'sh', '-c', 'stat -c %u $(tty)').strip() == str(joe.uid)


# --- root ---

def test_root_chooses_maps(isola):
    out = isola.out('run', '--rm', '--network', 'none', '--uidmap', '0:700000:1000', '--gidmap', '0:800000:2000', 'busybox', 'sh', '-c',
                    f'cat /proc/self/uid_map /proc/self/gid_map; {WHO} /bin/busybox; touch /x; {WHO} /x')
    assert [line.split() for line in out.splitlines()] == [['0', '700000', '1000'], ['0', '800000', '2000'], ['0:0', '/bin/busybox'], ['0:0', '/x']]


def test_auto_of_root_has_the_size_that_is_said(isola):
    out = isola.out('run', '--rm', '--network', 'none', '--userns=auto:size=5000,uidmapping=7:900007:1', 'busybox', 'cat', '/proc/self/uid_map')
    ranges = [list(map(int, line.split())) for line in out.splitlines()]
    assert sum(count for _, _, count in ranges) == 5000 and [7, 900007, 1] in ranges


def test_root_has_no_use_for_keep_id(isola):
    for mode in ('keep-id', 'nomap'):
        assert f'--userns={mode} is for ordinary users' in isola('create', f'--userns={mode}', 'busybox', 'true', code=125).stderr


def test_cp_gives_files_to_who_is_root_there(home, way, shared, joe):
    (shared / 'file').write_text('text')
    home('create', '--name', 'box', '--userns=keep-id', '--network', 'none', 'busybox', 'sh', '-c', f'{WHO} /etc/passwd /new /dir/file; cat /new')
    home('cp', shared / 'file', 'box:/new')
    home('cp', shared, 'box:/dir')
    assert home.out('start', '-a', 'box').splitlines() == ['0:0 /etc/passwd', '0:0 /new', '0:0 /dir/file', 'text']
    home('cp', 'box:/etc/passwd', shared / 'passwd')
    assert (shared / 'passwd').stat().st_uid == joe.uid
