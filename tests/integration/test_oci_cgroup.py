# SPDX-License-Identifier: GPL-2.0-or-later
"""The control groups of OCI containers: places, limits, owners, systemd's scopes, devices, and doing without."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from conftest import existing, wait_until
from oci_bundle import Bundle

UNIFIED = next((p for p in map(pathlib.Path, ('/sys/fs/cgroup/unified', '/sys/fs/cgroup'))
                if (p / 'cgroup.procs').exists()), None)
MIB = 1 << 20
pytestmark = pytest.mark.skipif(UNIFIED is None, reason='there is no cgroup version 2 here')


@pytest.fixture
def place():
    """A path below the hierarchies' root that is removed with all that is below it."""
    name = f'isola-test-{os.getpid()}'
    yield name
    for top in existing(f'/sys/fs/cgroup/**/{name}'):
        for directory, _, _ in os.walk(top, topdown=False):
            wait_until(lambda directory=directory: empty(directory), what=f'the end of {directory}')
            os.rmdir(directory)


@pytest.fixture
def bundle(isola, tmp_path, place):
    made = Bundle(isola, tmp_path / 'bundle')
    yield made
    made.clean()


def empty(directory):
    return (pathlib.Path(directory) / 'cgroup.procs').read_text() == ''


def where(name):
    return [path for path in existing(f'/sys/fs/cgroup/**/{name}') if path.is_dir()]


def value(name, *files):
    """What a limit's file says; the first of the names that is there, of version 1 or 2."""
    for file in files:
        for path in where(name):
            if (path / file).exists():
                return (path / file).read_text().strip()
    return None


# --- places ---

@pytest.mark.parametrize('path', ['/{}/a/b', '{}/a/b', '/{}/x/../a//b'])
def test_path_is_used_as_it_is_and_what_is_above_stays(bundle, isola, place, path):
    bundle.config['linux']['cgroupsPath'] = path.format(place)
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    assert str(bundle.pid()) in (UNIFIED / place / 'a/b/cgroup.procs').read_text().split()
    isola('oci', 'pause', 'c1', code=None)
    isola('oci', 'delete', '--force', 'c1')
    assert not where(f'{place}/a/b')
    assert where(f'{place}/a')


def test_place_in_use_is_refused_and_left_alone(bundle, isola, place):
    (UNIFIED / place).mkdir()
    bundle.config['linux']['cgroupsPath'] = f'/{place}'
    bundle.runs('true')
    with subprocess.Popen(['sleep', '1000']) as other:
        (UNIFIED / place / 'cgroup.procs').write_text(str(other.pid))
        done = bundle.run(code=1)
        assert f"cgroup '{place}' is not empty: it has 1 processes" in done.stderr
        assert other.poll() is None
        assert str(other.pid) in (UNIFIED / place / 'cgroup.procs').read_text()
        other.kill()
    assert 'does not exist' in isola('oci', 'state', 'c1', code=1).stderr


def test_frozen_place_is_refused_and_an_empty_one_is_not(bundle, place):
    (UNIFIED / place).mkdir()
    bundle.config['linux']['cgroupsPath'] = f'/{place}'
    bundle.runs('true')
    (UNIFIED / place / 'cgroup.freeze').write_text('1')
    assert f"cgroup '{place}' is frozen" in bundle.run(code=1).stderr
    (UNIFIED / place / 'cgroup.freeze').write_text('0')
    bundle.run()


def test_exec_follows_a_service_manager_into_its_own_group(bundle, isola, place):
    offered = (UNIFIED / 'cgroup.controllers').read_text().split()
    if not offered:
        pytest.skip('version 2 has no controller here')
    controller = 'pids' if 'pids' in offered else offered[0]
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    isola('oci', 'start', 'c1')
    inside = UNIFIED / place / 'c'
    # What a service manager inside does: no process may stay where controllers are passed on from.
    (inside / 'init.scope').mkdir()
    (inside / 'init.scope/cgroup.procs').write_text(str(bundle.pid()))
    for directory in (UNIFIED, UNIFIED / place, inside):
        (directory / 'cgroup.subtree_control').write_text(f'+{controller}')
    run = ['oci', 'exec', '--detach', '--pid-file', bundle.path / 'exec.pid', 'c1', 'sleep', '1000']
    assert bundle.to_file(*run) == 0, bundle.output()
    assert (bundle.path / 'exec.pid').read_text() in (inside / 'init.scope/cgroup.procs').read_text().split()
    isola('oci', 'pause', 'c1')
    isola('oci', 'delete', '--force', 'c1')
    assert not where(f'{place}/c')


def test_container_is_paused_before_it_is_started(bundle, isola, place):
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    isola('oci', 'pause', 'c1')
    # More often than a process that cannot answer has room for.
    for _ in range(12):
        assert bundle.status() == 'paused'
    assert 'it is paused, not created' in isola('oci', 'start', 'c1', code=1).stderr
    isola('oci', 'resume', 'c1')
    assert bundle.status() == 'created'
    isola('oci', 'start', 'c1')
    assert bundle.status() == 'running'


def test_root_is_no_place(bundle):
    bundle.config['linux']['cgroupsPath'] = '/..'
    bundle.runs('true')
    assert "the cgroups path '/..' is not a place for a container" in bundle.run(code=1).stderr


# --- limits ---

def has(*files):
    """Whether a file is anywhere, or version 2 has its controller.

    A root has no files of limits, so version 1 is known by its directory, too.
    """
    offered = (UNIFIED / 'cgroup.controllers').read_text().split()
    return any(existing(f'/sys/fs/cgroup/**/{file}') or file.split('.')[0] in offered for file in files)


def test_every_limit_arrives(bundle, isola, place):
    if not has('memory.max', 'memory.limit_in_bytes'):
        pytest.skip('no controller here')
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources'] = {
        'memory': {'limit': 64 * MIB, 'swap': 96 * MIB, 'reservation': 32 * MIB, 'checkBeforeUpdate': True},
        'cpu': {'shares': 2048, 'quota': 20000, 'period': 50000, 'burst': 10000, 'cpus': '0', 'mems': '0'},
        'pids': {'limit': 77},
    }
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    assert value(f'{place}/c', 'memory.max', 'memory.limit_in_bytes') == str(64 * MIB)
    assert value(f'{place}/c', 'memory.swap.max') == str(32 * MIB) or \
        value(f'{place}/c', 'memory.memsw.limit_in_bytes') == str(96 * MIB)
    assert value(f'{place}/c', 'memory.low', 'memory.soft_limit_in_bytes') == str(32 * MIB)
    assert value(f'{place}/c', 'cpu.weight') == '174' or value(f'{place}/c', 'cpu.shares') == '2048'
    assert value(f'{place}/c', 'cpu.max') == '20000 50000' or value(f'{place}/c', 'cpu.cfs_quota_us') == '20000'
    assert value(f'{place}/c', 'cpu.max.burst', 'cpu.cfs_burst_us') == '10000'
    assert value(f'{place}/c', 'cpuset.cpus') == '0'
    assert value(f'{place}/c', 'pids.max') == '77'
    for path in where(f'{place}/c'):
        assert str(bundle.pid()) in (path / 'cgroup.procs').read_text().split()

    # Lowering and raising what bounds each other, in one call.
    isola('oci', 'update', '--resources', '-', 'c1', input=json.dumps({
        'memory': {'limit': 128 * MIB, 'swap': 128 * MIB}, 'cpu': {'quota': 200000, 'burst': 150000}}))
    assert value(f'{place}/c', 'memory.max', 'memory.limit_in_bytes') == str(128 * MIB)
    assert value(f'{place}/c', 'cpu.max.burst', 'cpu.cfs_burst_us') == '150000'
    # The first process and its program use something.
    done = isola('oci', 'update', '--resources', '-', 'c1', code=1,
                 input=json.dumps({'memory': {'limit': 4096, 'checkBeforeUpdate': True}}))
    assert "cannot set the memory limit to '4096': " in done.stderr
    assert value(f'{place}/c', 'memory.max', 'memory.limit_in_bytes') == str(128 * MIB)


def test_later_limit_leaves_nothing_behind(bundle, isola):
    """Where it takes the container into hierarchies in which it has not been before."""
    assert bundle.runs('sleep', '1000').create() == 0, bundle.output()
    before = bundle.cgroup()
    isola('oci', 'start', 'c1')
    isola('oci', 'update', '--memory', '64m', '--pids-limit', '50', 'c1')
    assert len(bundle.cgroup()) >= len(before) >= 1
    places = bundle.cgroup()
    isola('oci', 'delete', '--force', 'c1')
    assert not [place for place in places if place.exists()]


@pytest.mark.parametrize('resources, file, text', [
    ({'memory': {'swappiness': 30}}, 'memory.swappiness', '30'),
    ({'memory': {'disableOOMKiller': True}}, 'memory.oom_control', 'oom_kill_disable 1\nunder_oom 0\noom_kill 0'),
    ({'network': {'classID': 1048577}}, 'net_cls.classid', '1048577'),
    ({'cpu': {'realtimePeriod': 1000000, 'realtimeRuntime': 1000}}, None, None),
])
def test_limit_of_version_1_alone_arrives_there_and_is_refused_elsewhere(bundle, place, resources, file, text):
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources'] = resources
    bundle.runs('exec sleep 1000')
    if file and existing(f'/sys/fs/cgroup/**/{file}'):
        assert bundle.create() == 0, bundle.output()
        assert value(f'{place}/c', file) == text
    elif not file and existing('/sys/fs/cgroup/**/cpu.rt_runtime_us'):
        # The machine may have given no realtime to groups, which is the kernel's word for it.
        assert bundle.create() == 0 or 'cannot set the realtime' in bundle.output()
    else:
        assert bundle.create() == 1
        assert 'cgroup version 2 has nothing of the kind' in bundle.output()


def test_idle_scheduling_arrives(bundle, place):
    if not has('cpu.idle'):
        pytest.skip('no such file here')
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources'] = {'cpu': {'idle': 1, 'shares': 1024}}
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    assert value(f'{place}/c', 'cpu.idle') == '1'


def test_no_processes_are_a_limit(bundle):
    if not has('pids.max', 'pids'):
        pytest.skip('no controller here')
    bundle.config['linux']['resources']['pids'] = {'limit': 0}
    bundle.runs('echo up; (echo more) || echo no more')
    done = bundle.run(code=None)
    assert done.stdout.splitlines()[0] == 'up'
    assert 'more' not in done.stdout.splitlines()
    assert "can't fork" in done.stderr

    bundle.config['linux']['resources']['pids'] = {'limit': -1}
    bundle.runs('(echo more)')
    assert bundle.run().stdout == 'more\n'


def test_huge_pages_are_limited_reserved_ones_too(bundle, place):
    if not has('hugetlb.2MB.max', 'hugetlb.2MB.limit_in_bytes'):
        pytest.skip('no controller here')
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources'] = {'hugepageLimits': [{'pageSize': '2MB', 'limit': 4 * MIB}]}
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    assert value(f'{place}/c', 'hugetlb.2MB.max', 'hugetlb.2MB.limit_in_bytes') == str(4 * MIB)
    assert value(f'{place}/c', 'hugetlb.2MB.rsvd.max', 'hugetlb.2MB.rsvd.limit_in_bytes') == str(4 * MIB)


def test_block_devices_are_throttled(bundle, place):
    devices = [line.split() for line in pathlib.Path('/proc/partitions').read_text().splitlines()[2:]]
    if not devices or not has('io.max', 'blkio.throttle.read_bps_device'):
        pytest.skip('no block device or no controller here')
    major, minor = map(int, devices[0][:2])
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources'] = {'blockIO': {
        'throttleReadBpsDevice': [{'major': major, 'minor': minor, 'rate': 1000000}],
        'throttleWriteIOPSDevice': [{'major': major, 'minor': minor, 'rate': 100}]}}
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    read = value(f'{place}/c', 'io.max', 'blkio.throttle.read_bps_device')
    write = value(f'{place}/c', 'io.max', 'blkio.throttle.write_iops_device')
    assert read in (f'{major}:{minor} 1000000', f'{major}:{minor} rbps=1000000 wbps=max riops=max wiops=100')
    assert write in (f'{major}:{minor} 100', read)


def test_files_of_version_2_can_be_named(bundle, place):
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources'] = {'unified': {'cgroup.max.depth': '3'}}
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    assert (UNIFIED / place / 'c/cgroup.max.depth').read_text() == '3\n'


@pytest.mark.parametrize('resources, says', [
    ({'unified': {'nothing.max': '1'}}, "cannot set 'nothing.max': cgroup controller 'nothing' is not available here"),
    ({'unified': {'../cgroup.procs': '1'}}, "'../cgroup.procs' is not the name of a cgroup's file"),
    ({'unified': {'cgroup.nothing': '1'}}, "cannot set 'cgroup.nothing' to '1': this kernel has no 'cgroup.nothing'"),
    ({'cpu': {'cpus': '4000'}}, "cannot set the processors to '4000' (cpuset.cpus): "),
    ({'hugepageLimits': [{'pageSize': '3MB', 'limit': 0}]}, 'cannot set the limit of huge pages'),
    ({'memory': {'limit': 2 * MIB, 'swap': MIB}}, "cannot set the limit of memory and swap to '1048576': it is below"),
])
def test_limit_that_cannot_be_is_named_and_leaves_nothing(bundle, isola, place, resources, says):
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources'] = resources
    bundle.runs('true')
    done = bundle.run(code=1)
    assert says in done.stderr
    # Callers take these words for a missing program.
    assert 'no such file' not in done.stderr.lower()
    assert not where(place)
    assert 'does not exist' in isola('oci', 'state', 'c1', code=1).stderr


def test_limit_that_lets_nothing_start_is_named(bundle):
    if not has('memory.max', 'memory.limit_in_bytes'):
        pytest.skip('no controller here')
    bundle.config['linux']['resources']['memory'] = {'limit': 4096, 'swap': 4096}
    bundle.runs('true')
    assert 'its limit is too small' in bundle.run(code=1).stderr
    assert bundle.create() == 1
    assert 'its limit is too small' in bundle.output()


def test_end_by_memory_is_an_event(bundle, isola):
    if not has('memory.max', 'memory.limit_in_bytes'):
        pytest.skip('no controller here')
    bundle.config['linux']['resources']['memory'] = {'limit': 16 * MIB, 'swap': 16 * MIB}
    bundle.runs('while test ! -e /tmp/go; do sleep 0.05; done; dd if=/dev/zero of=/dev/null bs=64M count=1')
    assert bundle.create() == 0, bundle.output()
    isola('oci', 'start', 'c1')
    follower = isola.start('oci', 'events', '--interval', '50ms', 'c1', text=True)
    assert json.loads(follower.stdout.readline())['type'] == 'stats'
    (bundle.path / 'rootfs/tmp/go').touch()
    kinds = {json.loads(line)['type'] for line in follower.stdout}
    assert kinds - {'stats'} == {'oom'}  # whether more of the former came before is a matter of time
    assert follower.wait(timeout=20) == 0


# --- owners ---

@pytest.mark.parametrize('options, uid', [(['nosuid', 'noexec', 'nodev'], 70000), (['ro'], 0)])
def test_cgroup_that_the_container_may_write_is_its_own(bundle, place, options, uid):
    ids = [{'containerID': 0, 'hostID': 70000, 'size': 65536}]
    bundle.config['linux'].update(cgroupsPath=f'/{place}/c', uidMappings=ids, gidMappings=ids)
    bundle.config['linux']['namespaces'] += [{'type': 'user'}]
    if {'type': 'cgroup'} not in bundle.config['linux']['namespaces']:
        bundle.config['linux']['namespaces'] += [{'type': 'cgroup'}]
    bundle.config['mounts'] = [m for m in bundle.config['mounts'] if m['destination'] != '/sys/fs/cgroup']
    bundle.config['mounts'] += [{'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup',
                                 'options': options}]
    os.chown(bundle.path / 'rootfs', 70000, 70000)
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0, bundle.output()
    place = UNIFIED / place / 'c'
    assert place.stat().st_uid == (place / 'cgroup.procs').stat().st_uid == uid
    assert (place / 'cgroup.freeze').stat().st_uid == 0


# --- devices of a container without a user namespace ---

def probe(bundle, *rules):
    """Which of null, zero and kmsg it can open, with these rules."""
    bundle.config['linux']['resources']['devices'] = list(rules)
    bundle.config['process']['capabilities'] = {kind: ['CAP_MKNOD', 'CAP_SYSLOG', 'CAP_DAC_OVERRIDE']
                                                for kind in ('bounding', 'effective', 'permitted')}
    bundle.config['linux'].pop('seccomp', None)
    (bundle.path / 'rootfs/bin/mknod').unlink(missing_ok=True)
    (bundle.path / 'rootfs/bin/mknod').symlink_to('busybox')
    bundle.runs('mknod /tmp/null c 1 3; mknod /tmp/zero c 1 5; mknod /tmp/kmsg c 1 11; mknod /tmp/mem c 1 1;'
                'for i in null zero kmsg mem; do (exec 3</tmp/$i) 2>/dev/null && echo $i; done; rm -f /tmp/*')
    (bundle.path / 'rootfs/bin/rm').unlink(missing_ok=True)
    (bundle.path / 'rootfs/bin/rm').symlink_to('busybox')
    return bundle.run(code=None).stdout.split()


def test_devices_are_closed_but_for_the_standard_ones(bundle):
    everything = {'allow': False, 'access': 'rwm'}
    assert probe(bundle, everything) == ['null', 'zero']
    assert probe(bundle) == ['null', 'zero']


def test_last_rule_for_a_device_counts(bundle):
    everything = {'allow': False, 'access': 'rwm'}
    kmsg = {'type': 'c', 'major': 1, 'minor': 11, 'access': 'rw'}
    assert probe(bundle, everything, {**kmsg, 'allow': True}) == ['null', 'zero', 'kmsg']
    assert probe(bundle, everything, {**kmsg, 'allow': True}, {**kmsg, 'allow': False}) == ['null', 'zero']
    assert probe(bundle, {**kmsg, 'allow': True}, everything) == ['null', 'zero']
    assert 'kmsg' in probe(bundle, {'allow': True, 'access': 'rwm'})


# --- where cgroups are missing ---

def without(bundle, view, code):
    """Runs it where the hierarchies are as the shell commands make them."""
    bundle.save()
    command = bundle.isola.command('oci', 'run', '--bundle', bundle.path, 'c1')
    done = subprocess.run(['unshare', '-m', 'sh', '-c', f'{view}; exec "$@"', 'sh', *command], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                          env=bundle.isola.environment, check=False)
    assert done.returncode == code, done
    return done


@pytest.mark.parametrize('view', [
    'for i in $(grep -l . /sys/fs/cgroup/*/cgroup.procs); do mount -o remount,bind,ro ${i%/cgroup.procs}; done; '
    'mount -o remount,bind,ro /sys/fs/cgroup',
    'umount -l /sys/fs/cgroup',
], ids=['read-only', 'none'])
def test_container_without_limits_needs_no_cgroup(bundle, view):
    bundle.config['linux'].pop('cgroupsPath', None)
    bundle.config['linux']['resources'] = {}
    bundle.config['mounts'] = [m for m in bundle.config['mounts'] if m['type'] != 'cgroup']
    bundle.runs('echo fine')
    assert without(bundle, view, 0).stdout == 'fine\n'

    bundle.config['linux']['resources'] = {'pids': {'limit': 5}}
    done = without(bundle, view, 1)
    assert 'cannot' in done.stderr and 'cgroup' in done.stderr
    assert 'no such file' not in done.stderr.lower()


def test_limits_work_without_version_2(bundle, place):
    if UNIFIED.name != 'unified' or not has('pids'):
        pytest.skip('there is no version 1 here')
    bundle.config['linux']['cgroupsPath'] = f'/{place}/c'
    bundle.config['linux']['resources']['pids'] = {'limit': 3}
    bundle.config['mounts'] = [m for m in bundle.config['mounts'] if m['type'] != 'cgroup']
    bundle.runs('for i in 1 2 3 4 5 6; do sleep 3 & done; echo all')
    done = without(bundle, 'umount -l /sys/fs/cgroup/unified', 2)
    assert 'all' not in done.stdout and "can't fork" in done.stderr
    assert not where(f'{place}/c')


# --- scopes ---

@pytest.fixture
def systemd(tmp_path):
    """A stand-in for systemd's manager on a bus of its own; gives what it has been asked."""
    pytest.importorskip('dbus', reason='needs python3-dbus')
    pytest.importorskip('gi', reason='needs python3-gi')
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-bus-'))
    bus = subprocess.Popen(['dbus-daemon', '--session', '--nofork', '--print-address=1',
                            f'--address=unix:path={directory}/bus'], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True)
    address = bus.stdout.readline().strip()
    program = pathlib.Path(__file__).resolve().parents[1] / 'fake_systemd'
    manager = subprocess.Popen([sys.executable, program, address, directory / 'record'], stdout=subprocess.PIPE,
                               text=True)
    assert manager.stdout.readline() == 'ready\n', 'tests/fake_systemd needs python3-dbus and python3-gi'

    def calls(method):
        lines = (directory / 'record').read_text().splitlines() if (directory / 'record').exists() else []
        return [call for call in map(json.loads, lines) if call['method'] == method]
    calls.environment = {'DBUS_SYSTEM_BUS_ADDRESS': address}
    calls.slice = f'isola_test{os.getpid()}.slice'  # other test hosts have the same control groups
    yield calls
    for process in (manager, bus):
        process.kill()
        process.wait()
    shutil.rmtree(directory)


def test_scope_lives_as_long_as_the_container(bundle, isola, systemd):
    bundle.config['linux']['cgroupsPath'] = f'{systemd.slice}:pre:c1'
    bundle.config['linux']['resources']['cpu'] = {'quota': 30000, 'period': 100000}
    bundle.config['annotations'] = {'org.systemd.property.CollectMode': "'inactive'"}
    bundle.runs('exec sleep 1000')
    create = ['oci', '--systemd-cgroup', 'create', '--bundle', bundle.path, 'c1']
    assert bundle.to_file(*create, env=systemd.environment) == 0, bundle.output()
    scope = UNIFIED / systemd.slice / 'pre-c1.scope'
    assert (scope / 'cgroup.procs').read_text().split() == [str(bundle.pid())]
    started = systemd('StartTransientUnit')[0]
    assert started['unit'] == 'pre-c1.scope'
    assert started['properties']['Slice'] == systemd.slice
    assert started['properties']['Delegate'] is True
    assert started['properties']['CPUQuotaPerSecUSec'] == 300000

    # Later commands are not told of the manager: it is in the record.
    isola('oci', 'start', 'c1', env=systemd.environment)
    isola('oci', 'update', '--cpu-quota', '50000', 'c1', env=systemd.environment)
    assert systemd('SetUnitProperties')[0]['properties'] == {'CPUQuotaPerSecUSec': 500000}
    isola('oci', 'pause', 'c1', env=systemd.environment)
    assert bundle.status() == 'paused'
    isola('oci', 'delete', '--force', 'c1', env=systemd.environment)
    assert [call['unit'] for call in systemd('StopUnit')] == ['pre-c1.scope']
    assert not where(systemd.slice)


def test_scope_of_somebody_else_is_left_alone(bundle, isola, systemd):
    bundle.config['linux']['cgroupsPath'] = f'{systemd.slice}:pre:c1'
    bundle.runs('exec sleep 1000')
    for name, code in (('c1', 0), ('c2', 1)):
        create = ['oci', '--systemd-cgroup', 'create', '--bundle', bundle.path, name]
        assert bundle.to_file(*create, env=systemd.environment) == code, bundle.output()
    assert "cannot make scope 'pre-c1.scope': " in bundle.output()
    assert systemd('StopUnit') == []
    assert bundle.status('c1') == 'created'
    isola('oci', 'delete', 'c1', env=systemd.environment)
    assert 'does not exist' in isola('oci', 'state', 'c2', code=1).stderr


@pytest.mark.parametrize('point', ['oci.cgroup', 'oci.spawned', 'oci.recorded'])
def test_create_killed_in_a_scope_leaves_it_empty(bundle, isola, systemd, point):
    bundle.config['linux']['cgroupsPath'] = f'{systemd.slice}:pre:c1'
    bundle.runs('exec sleep 1000')
    create = ['oci', '--systemd-cgroup', 'create', '--bundle', bundle.path, 'c1']
    assert bundle.to_file(*create, env={**systemd.environment, 'ISOLA_FAULT': point}) == -9
    scope = UNIFIED / systemd.slice / 'pre-c1.scope'
    # Neither the keeper nor the first process outlives its maker; systemd ends a scope that is empty.
    wait_until(lambda: empty(scope), what='the end of what was in the scope')
    isola('oci', 'delete', '--force', 'c1', env=systemd.environment, code=None)
    isola('oci', 'list', env=systemd.environment)
    assert 'does not exist' in isola('oci', 'state', 'c1', code=1).stderr
    assert not where(f'{systemd.slice}/pre-c1.scope')
    for directory in where(systemd.slice):
        directory.rmdir()


def test_scope_without_systemd_is_an_error_with_a_hint(bundle):
    if pathlib.Path('/run/systemd/system').exists():
        pytest.skip('systemd runs here')
    bundle.runs('true')
    done = bundle.isola('oci', '--systemd-cgroup', 'run', '--bundle', bundle.path, 'c1', code=1)
    assert 'systemd does not run here' in done.stderr
    assert 'leave --systemd-cgroup out' in done.stderr


def test_path_that_is_no_scope_is_refused(bundle, systemd):
    bundle.config['linux']['cgroupsPath'] = '/a/b'
    bundle.runs('true')
    done = bundle.isola('oci', '--systemd-cgroup', 'run', '--bundle', bundle.path, 'c1', code=1,
                        env=systemd.environment)
    assert "the cgroups path '/a/b' is not of the form slice:prefix:name" in done.stderr


# --- with the machine's own systemd ---

def systemctl(*words):
    return subprocess.run(['systemctl', *words], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


@pytest.mark.skipif(not pathlib.Path('/run/systemd/system').exists(), reason='systemd does not run here')
def test_real_systemd_makes_and_ends_a_scope(bundle, isola):
    bundle.config['linux']['cgroupsPath'] = 'system.slice:isola-test:c1'
    bundle.config['linux']['resources'].update(
        memory={'limit': 64 * MIB}, cpu={'shares': 2048, 'quota': 50000, 'cpus': '0'}, pids={'limit': 50})
    bundle.config['annotations'] = {'org.systemd.property.TimeoutStopSec': 'uint64 7'}
    bundle.runs('exec sleep 1000')
    create = ['oci', '--systemd-cgroup', 'create', '--bundle', bundle.path, 'c1']
    assert bundle.to_file(*create) == 0, bundle.output()
    unit = 'isola-test-c1.scope'
    assert systemctl('is-active', unit) == 'active'
    shown = dict(line.split('=', 1) for line in systemctl('show', unit).splitlines())
    assert shown['Delegate'] == 'yes'
    assert shown['MemoryMax'] == str(64 * MIB)
    assert shown['TasksMax'] == '50'
    assert shown['CPUQuotaPerSecUSec'] == '500ms'
    assert shown['TimeoutStopUSec'] == '7s'
    place = f'system.slice/{unit}'
    assert value(place, 'memory.max', 'memory.limit_in_bytes') == str(64 * MIB)
    assert value(place, 'pids.max') == '50'
    isola('oci', 'start', 'c1')

    isola('oci', 'update', '--memory', '32m', '--pids-limit', '60', 'c1')
    systemctl('daemon-reload')
    assert value(place, 'memory.max', 'memory.limit_in_bytes') == str(32 * MIB)
    assert value(place, 'pids.max') == '60'
    isola('oci', 'delete', '--force', 'c1')
    assert systemctl('is-active', unit) in ('inactive', 'unknown')
    assert not where(place)


@pytest.mark.skipif(not pathlib.Path('/run/systemd/system').exists(), reason='systemd does not run here')
def test_real_systemd_ends_the_scope_with_the_program(bundle, isola):
    bundle.config['linux']['resources']['pids'] = {'limit': 1}
    bundle.runs('echo fine')
    assert bundle.isola('oci', '--systemd-cgroup', 'run', '--bundle', bundle.path, 'c1').stdout == 'fine\n'
    wait_until(lambda: systemctl('is-active', 'isola-c1.scope') in ('inactive', 'unknown'))
    assert not where('system.slice/isola-c1.scope')
