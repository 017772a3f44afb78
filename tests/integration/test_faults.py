# SPDX-License-Identifier: GPL-2.0-or-later
"""Any process of isola may be killed at any moment: the next command tells the truth and cleans up."""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import pytest
from conftest import SLOWNESS, existing, kill, known_code, leftovers, wait_until
from test_denied import Denied

SOURCE = pathlib.Path(__file__).resolve().parents[2] / 'src'
POINTS = sorted({name for path in SOURCE.rglob('*.c')
                 for name in re.findall(r'fault_point\("([\w.]+)"\)', path.read_text())})
STORE = [name for name in POINTS if name.split('.')[0] in ('layer', 'image', 'import', 'build', 'rmi')]
ADOPT = [name for name in POINTS if name.split('.')[0] == 'adopt']
BURY = [name for name in POINTS if name.split('.')[0] == 'bury']
ELSEWHERE = [name for name in POINTS if name.split('.')[0] in ('oci', 'audit', 'filter', 'inside', 'rename')]  # test_oci.py, …
LIFE = [name for name in POINTS if name not in STORE + ADOPT + BURY + ELSEWHERE]

# The test host's own user has no control group to divide.
LIMITS = ('-m', '64m') if os.environ.get('ISOLA_TEST_USER') != '1' else ()
OPTIONS = ('--name', 'victim', '-p', '8088:80', '--network-alias', 'alias', '-v', '/data', *LIMITS)


@pytest.fixture(scope='module')
def has_fault_points(state):
    done = state('run', '--rm', '--network', 'none', 'busybox', 'true', env={'ISOLA_FAULT': '?'})
    return 'fault point: create.named' in done.stderr


@pytest.fixture
def isola(fresh, rootfs_tar, has_fault_points):
    """State directories of the test's own: what one leaves behind is not the next one's."""
    if not has_fault_points:
        pytest.skip('this binary was built without -Dfault_points=true')
    fresh('image', 'import', rootfs_tar, 'busybox')
    return fresh


def elements():
    """What is in the maps and sets of isola's firewall table."""
    done = subprocess.run(['nft', '-j', 'list', 'table', 'inet', 'isola'], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    if done.returncode:
        return []
    objects = [next(iter(entry.values())) for entry in json.loads(done.stdout)['nftables']]
    return [element for entry in objects if isinstance(entry, dict) for element in entry.get('elem', [])
            if re.search(r'\b8088\b', json.dumps(element))]  # not a bridge that happens to end so


def state_of(isola):
    """All that is kept of containers."""
    found = []
    for name in ('containers', 'names', 'volumes'):
        directory = pathlib.Path(isola.root) / name
        if directory.is_dir():
            found += [f'{name}/{entry.name}' for entry in directory.iterdir() if not entry.name.startswith('.')]
    found += [str(path) for path in existing(f'{isola.run_root}/networks/*/names/*/*')]
    return found


def processes(isola):
    """Processes of isola's that belong to these state directories, or to a container of them."""
    found = []
    for path in existing('/proc/[0-9]*'):
        try:
            if (path / 'comm').read_text() == 'isola-monitor\n' or 'isola/' in (path / 'cgroup').read_text():
                if os.stat(path / 'ns/mnt').st_ino == os.stat('/proc/self/ns/mnt').st_ino or \
                        any(name in (path / 'cgroup').read_text() for name in isola.seen):
                    found.append((path.name, (path / 'cmdline').read_bytes()))
        except OSError:
            pass
    return found


def note_ids(isola):
    """Remembers the containers there are, so that what they leave is recognized."""
    for directory in ('containers', 'names'):
        path = pathlib.Path(isola.root) / directory
        if path.is_dir():
            isola.seen.update(entry.name.split('.')[0] for entry in path.iterdir() if len(entry.name) >= 64)


def remains(isola):
    return leftovers(isola) + elements() + state_of(isola) + processes(isola)


def check_nothing_is_left(isola):
    end = time.monotonic() + 30 * SLOWNESS  # the kernel removes interfaces when it comes to it
    while remains(isola) and time.monotonic() < end:
        time.sleep(0.02)
    assert remains(isola) == []


def check_recovery(isola, image):
    """Every command works, the name and the port can be had again, and nothing is left."""
    note_ids(isola)
    isola('ps', '-a')
    note_ids(isola)
    done = isola('rm', '-f', '-v', 'victim', code=None)
    assert done.returncode == 0 or 'victim' in done.stderr, done.stderr
    assert isola.out('run', '--rm', *OPTIONS, image, 'echo', 'again') == 'again'
    assert isola.out('ps', '-aq') == ''
    isola.remove_all()
    check_nothing_is_left(isola)


@pytest.mark.parametrize('point', LIFE)
def test_dying_there_does_no_harm(isola, image, point):
    fault = {'ISOLA_FAULT': point}
    isola('run', '-d', *OPTIONS, image, 'sleep', '1000', env=fault, code=None, timeout=20)
    note_ids(isola)
    isola('stop', '-t', '0', 'victim', env=fault, code=None, timeout=20)
    isola('start', 'victim', env=fault, code=None, timeout=20)
    isola('rm', '-f', '-v', 'victim', env=fault, code=None, timeout=20)
    check_recovery(isola, image)


@pytest.mark.parametrize('point', LIFE)
def test_dying_there_in_the_foreground_does_no_harm(isola, image, point):
    isola('run', '--rm', *OPTIONS, image, 'true', env={'ISOLA_FAULT': point}, code=None, timeout=20)
    check_recovery(isola, image)


def test_nothing_runs_any_more_when_the_answer_comes(isola, image):
    """Also what does not end with the first process; nobody cleans up behind the answer here."""
    isola('run', '--rm', '--pid', 'host', image, 'sh', '-c', 'sleep 4711 & echo started', code=None,
          env={'ISOLA_FAULT': 'monitor.answered'})
    note_ids(isola)
    assert [found for found in processes(isola) if b'4711' in found[1]] == []
    isola('ps', '-a')
    check_nothing_is_left(isola)


def kill_both(isola):
    """The monitor first, so that nobody notes the end of the container."""
    for pid in (monitor_of('victim'), isola.pid('victim')):
        kill(pid)


@pytest.mark.parametrize('point', BURY)
def test_dying_while_burying_does_no_harm(isola, image, point):
    isola('run', '-d', *OPTIONS, image, 'sleep', '1000')
    note_ids(isola)
    kill_both(isola)
    isola('ps', '-a', env={'ISOLA_FAULT': point}, code=-signal.SIGKILL)
    assert isola.out('ps', '-a', '--format', '{{.Names}} {{.State}}') == 'victim exited'
    check_recovery(isola, image)


@pytest.mark.parametrize('point', ADOPT)
def test_dying_while_adopting_does_no_harm(isola, image, point):
    isola('run', '-d', *OPTIONS, image, 'sleep', '1000')
    pid = isola.pid('victim')
    kill(monitor_of('victim'))
    isola('ps', '-a', env={'ISOLA_FAULT': point}, code=None)
    assert isola.out('ps', '--format', '{{.Names}} {{.State}}') == 'victim running'
    assert isola.pid('victim') == pid
    check_recovery(isola, image)


@pytest.mark.parametrize('point', STORE)
def test_dying_there_leaves_the_store_whole(fresh, rootfs_tar, tmp_path, has_fault_points, point):
    if not has_fault_points:
        pytest.skip('this binary was built without -Dfault_points=true')
    fault = {'ISOLA_FAULT': point}
    (tmp_path / 'Dockerfile').write_text('FROM base\nRUN echo built >/built\nCMD ["cat", "/built"]\n')
    fresh('image', 'import', rootfs_tar, 'base', env=fault, code=None)
    fresh('image', 'import', rootfs_tar, 'base')
    fresh('build', '-t', 'built', str(tmp_path), env=fault, code=None)
    note_ids(fresh)
    fresh('build', '-t', 'built', str(tmp_path))
    check_nothing_is_left(fresh)
    assert fresh.out('run', '--rm', '--network', 'none', 'built') == 'built'
    # An image that was finished but not named yet is there without a name.
    names = fresh.out('images', '--format', '{{.Repository}}').split()
    assert sorted(set(names) - {'<none>'}) == ['base', 'built']
    fresh('rmi', '-f', 'built', env=fault, code=None)
    for _ in names:  # removing one may show that another is only half there
        fresh('rmi', '-f', *fresh.out('images', '-q', '--no-trunc').split(), code=None)
    assert fresh.out('images', '-aq') == ''
    left = [entry.name for entry in (pathlib.Path(fresh.root) / 'layers').iterdir()
            if not entry.name.startswith('.')]
    # A layer that was finished before its image was is for the next one that has the same content.
    assert left == [] or point in ('layer.placed', 'image.blobs', 'build.committed')


def monitor_of(name):
    """The pid of a container's monitor; other test hosts may have one of that name, too."""
    here = os.stat('/proc/self/ns/mnt').st_ino
    for path in existing('/proc/[0-9]*/cmdline'):
        try:
            if path.read_bytes().rstrip(b'\0').decode() == f'isola: monitor {name}' and \
                    os.stat(path.parent / 'ns/mnt').st_ino == here:
                return int(path.parent.name)
        except (OSError, UnicodeDecodeError):
            pass
    return None


def outlive(isola, image, code):
    """Has a container end after its monitor; returns what is said of how."""
    isola('run', '-d', '--name', 'victim', image, 'sh', '-c',
          f'while [ ! -e /go ]; do sleep 0.05; done; echo done; exit {code}')
    pid = isola.pid('victim')
    kill(monitor_of('victim'))
    assert isola.out('ps', '--format', '{{.Names}}') == 'victim'
    assert isola.pid('victim') == pid
    wait_until(lambda: monitor_of('victim'), what='adoption')
    isola('exec', 'victim', 'touch', '/go', code=None)  # which may be killed with the container
    told = isola.out('wait', 'victim', timeout=20)
    assert isola.out('logs', 'victim') == 'done'
    return told, isola.inspect('victim')['State']['Error']


@pytest.mark.parametrize('code', [0, 7])
def test_a_container_without_its_monitor_lives_on_and_its_code_is_told(isola, image, code):
    assert outlive(isola, image, code)[0] == str(known_code(isola, code))


def test_a_code_that_nobody_tells_is_not_made_up(isola, image):
    denied = Denied(isola, 'ioctl:1=0xc040ff0b', 'ENOSYS')  # PIDFD_GET_INFO
    assert outlive(denied, image, 0) == ('255', 'exit code not known: the monitor was killed')


def test_what_is_written_meanwhile_is_not_lost(isola, image):
    isola('run', '-d', '--name', 'victim', image, 'sh', '-c',
          'for i in $(seq 1 20); do echo $i; usleep 50000; done; sleep 1000')
    # Not while it holds what it has read and not written yet.
    wait_until(lambda: isola.out('logs', 'victim'), what='the first line')
    kill(monitor_of('victim'))
    time.sleep(0.3)
    isola('ps')
    wait_until(lambda: isola.out('logs', 'victim').split() == [str(i) for i in range(1, 21)], what='the whole log')


def test_a_dead_container_whose_monitor_died_first_is_told(isola, image):
    isola('run', '-d', '--name', 'victim', image, 'sleep', '1000')
    kill_both(isola)
    state = isola.inspect('victim')['State']
    assert (state['Status'], state['Running']) == ('exited', False)
    assert isola.out('start', 'victim') == 'victim'
    assert isola.inspect('victim')['State']['Running']


def test_killing_the_first_process_ends_the_container(isola, image):
    isola('run', '-d', '--name', 'victim', image, 'sh', '-c', 'sleep 1000 & wait')
    os.kill(isola.pid('victim'), signal.SIGKILL)
    assert isola.out('wait', 'victim') == '137'


def test_killing_the_command_leaves_the_container(isola, image):
    command = isola.start('run', '--name', 'victim', image, 'sh', '-c', 'echo up; sleep 1000')
    assert command.stdout.readline() == b'up\n'
    command.kill()
    command.communicate()
    assert isola.out('ps', '--format', '{{.Names}}') == 'victim'


@pytest.mark.parametrize('seed', range(8))
def test_killing_at_random_times_does_no_harm(isola, image, seed):
    dice = random.Random(seed)
    for _ in range(4):
        command = isola.start('run', *OPTIONS, image, 'sleep', '0.02')
        time.sleep(dice.random() * 0.03)
        victim = dice.choice(['command', 'monitor', 'init'])
        note_ids(isola)
        target = {'command': lambda: command.pid, 'monitor': lambda: monitor_of('victim'),
                  'init': lambda: init_of('victim')}[victim]()
        if target:
            try:
                os.kill(target, signal.SIGKILL)
            except ProcessLookupError:
                pass
        command.communicate(timeout=20)
        check_recovery(isola, image)


def init_of(name):
    monitor = monitor_of(name)
    try:
        children = pathlib.Path(f'/proc/{monitor}/task/{monitor}/children').read_text().split()
    except OSError:
        children = []
    return int(children[0]) if children else None


def test_fifty_at_once_have_fifty_addresses(isola, image):
    def run(_):
        done = isola('run', '--rm', image, 'sh', '-c', 'ip -4 -o addr show eth0; sleep 1', code=None, timeout=120)
        return done.returncode, done.stdout, done.stderr
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        results = list(pool.map(run, range(50)))
    assert [(code, err) for code, _, err in results if code or err] == []
    addresses = [re.search(r'inet (\S+)/', out)[1] for _, out, _ in results]
    assert len(set(addresses)) == 50
    assert isola.out('ps', '-aq') == ''
