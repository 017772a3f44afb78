# SPDX-License-Identifier: GPL-2.0-or-later
"""isola top, stats and rename."""
import json
import os
import pty
import re
import subprocess

import pytest

from conftest import leftovers, wait_until


@pytest.fixture
def box(isola, image):
    isola('run', '-d', '--name', 'box', image, 'sh', '-c', 'sleep 100 & while [ -e /run-on ]; do :; done; sleep 101')
    return 'box'


def test_top_lists_its_processes_and_no_others(isola, box, image):
    isola('run', '-d', '--name', 'other', image, 'sleep', '77')
    wait_until(lambda: 'sleep 101' in isola.out('top', box))
    lines = isola.out('top', box).splitlines()
    assert lines[0].split()[:3] == ['UID', 'PID', 'PPID']
    assert len(lines) == 3 and not any('sleep 77' in line for line in lines)
    assert sorted(isola.out('top', box, '-o', 'pid,args').splitlines()[1:])[0].split()[0] == str(isola.pid(box))
    assert 'is not running' in isola('top', isola.out('create', image, 'true'), code=1).stderr
    assert 'no column PID' in isola('top', box, '-o', 'args', code=1).stderr


def test_stats_tell_what_it_uses(isola, image):
    isola('run', '-d', '--name', 'busy', image, 'sh', '-c', 'while :; do :; done')
    isola('run', '-d', '--name', 'idle', image, 'sleep', '100')
    isola('create', '--name', 'made', image, 'true')
    found = [json.loads(line) for line in isola.out('stats', '--no-stream', '--format', 'json').splitlines()]
    by_name = {entry['Name']: entry for entry in found}
    assert set(by_name) == {'busy', 'idle'}
    assert float(by_name['busy']['CPUPerc'].rstrip('%')) > float(by_name['idle']['CPUPerc'].rstrip('%'))
    assert float(by_name['idle']['CPUPerc'].rstrip('%')) < 5
    for entry in found:
        assert entry['PIDs'] == '1' and re.fullmatch(r'[\d.]+[kMG]?B / [\d.]+[MGT]B', entry['MemUsage'])
        assert not entry['MemUsage'].startswith('0B')
    table = isola.out('stats', '--no-stream', '--all').splitlines()
    assert table[0].split('  ')[0] == 'CONTAINER ID' and len(table) == 4
    assert re.search(r'made +-- ', '\n'.join(table))


def test_stats_count_the_network_of_the_container_alone(isola, image):
    isola('run', '-d', '--name', 'server', image, 'sh', '-c', 'head -c 3000000 /dev/zero >/file; httpd -f -p 80 -h /')
    isola('run', '--rm', image, 'sh', '-c', 'until wget -q -O /dev/null http://server/file; do sleep 0.1; done')
    sent = isola.out('stats', '--no-stream', '--format', '{{.NetIO}}', 'server').split(' / ')[1]
    assert re.fullmatch(r'[3-9][\d.]*MB', sent)
    isola('run', '-d', '--name', 'host', '--network', 'host', image, 'sleep', '100')
    assert isola.out('stats', '--no-stream', '--format', '{{.NetIO}}', 'host') == '--'


@pytest.mark.needs_root('a control group')
def test_stats_know_limits(isola, image):
    isola('run', '-d', '--name', 'box', '-m', '64m', image, 'sleep', '100')
    assert isola.out('stats', '--no-stream', '--format', '{{.MemUsage}}', 'box').endswith(' / 67.1MB')


def test_stats_go_on_until_somebody_has_seen_enough(isola, box):
    ours, theirs = pty.openpty()
    run = subprocess.Popen(isola.command('stats'), stdin=theirs, stdout=theirs, env=isola.environment, start_new_session=True)
    os.close(theirs)
    text = b''
    while text.count(b'CONTAINER ID') < 2:
        text += os.read(ours, 65536)
    assert text.startswith(b'\x1b[?1049h') and b'box' in text
    os.write(ours, b'q')
    assert run.wait(20) == 0
    os.close(ours)
    assert 'nobody' in isola('stats', 'nobody', code=1).stderr


def test_rename(isola, box, image):
    isola('create', '--name', 'other', image, 'true')
    assert 'already taken' in isola('rename', box, 'other', code=1).stderr
    assert 'called that already' in isola('rename', box, box, code=1).stderr
    assert "cannot be a container's name" in isola('rename', box, 'a/b', code=1).stderr
    isola('rename', box, 'cage')
    assert 'no container' in isola('inspect', box, code=1).stderr
    assert isola.json('inspect', 'cage')[0]['Name'] == '/cage'
    assert isola.out('exec', 'cage', 'echo', 'hi') == 'hi'
    assert sorted(isola.out('ps', '-a', '--format', '{{.Names}}').splitlines()) == ['cage', 'other']
    isola('create', '--name', box, image, 'true')   # the old name is free
    isola('restart', '-t', '0', 'cage')
    if not isola.become:
        assert isola.out('run', '--rm', image, 'nslookup', '-type=a', 'cage')
    isola('rm', '-f', 'cage')
    assert os.listdir(os.path.join(isola.root, 'names')) != [] and 'cage' not in os.listdir(os.path.join(isola.root, 'names'))


def test_renamed_one_that_removes_itself(isola, image):
    run = isola.start('run', '--rm', '--name', 'box', image, 'sleep', '100')
    wait_until(lambda: isola('inspect', 'box', code=None).returncode == 0)
    wait_until(lambda: isola.inspect('box')['State']['Running'])
    isola('rename', 'box', 'cage')
    isola('stop', '-t', '0', 'cage')
    run.wait(20)
    wait_until(lambda: not isola.out('ps', '-aq'))
    isola('create', '--name', 'cage', image, 'true')


@pytest.mark.parametrize('point', ['rename.taken', 'rename.written'])
def test_a_rename_that_is_killed_leaves_one_name(fresh, rootfs_tar, point):
    isola = fresh
    isola('image', 'import', rootfs_tar, 'busybox')
    if 'fault point: create.named' not in isola('create', '--name', 'box', 'busybox', 'true', env={'ISOLA_FAULT': '?'}).stderr:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert isola('rename', 'box', 'cage', env={'ISOLA_FAULT': point}, code=None).returncode == -9
    name, other = ('box', 'cage') if point == 'rename.taken' else ('cage', 'box')
    assert isola.out('ps', '-a', '--format', '{{.Names}}') == name
    isola('inspect', name)
    assert 'no container' in isola('inspect', other, code=1).stderr
    isola('create', '--name', other, 'busybox', 'true')
    isola('rm', name, other)
    assert os.listdir(os.path.join(isola.root, 'names')) == []
    assert not leftovers(isola)
