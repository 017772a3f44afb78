# SPDX-License-Identifier: GPL-2.0-or-later
"""Beside a real systemd, which takes the tree of control groups for its own."""
import pathlib
import subprocess
import uuid

import pytest
from conftest import existing, wait_until
from oci_bundle import Bundle

pytestmark = pytest.mark.skipif(not pathlib.Path('/run/systemd/system').is_dir(), reason='systemd does not run here')
LIMITS = {'memory.max': '67108864', 'pids.max': '50', 'cpu.max': '50000 100000', 'cpuset.cpus': '0'}


@pytest.fixture
def bundle(isola, tmp_path):
    made = Bundle(isola, tmp_path / 'bundle')
    made.tag = uuid.uuid4().hex[:12]
    made.config['linux']['cgroupsPath'] = f'system.slice:isola-test:{made.tag}'
    yield made
    made.clean()


def systemctl(*words):
    return subprocess.run(['systemctl', *words], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def limits_of(isola, name):
    [place] = existing(f"/sys/fs/cgroup/isola/{isola.inspect(name)['Id']}")
    return {file: (place / file).read_text().strip() for file in LIMITS}


def start_limited(isola, image, name, *options):
    isola('run', '-d', '--name', name, '--network', 'none', '-m', '64m', '--pids-limit', '50', '--cpus', '0.5',
          '--cpuset-cpus', '0', *options, image, 'sleep', '1000')


def test_limits_outlive_what_systemd_does_to_the_tree(isola, image):
    start_limited(isola, image, 'held')
    assert limits_of(isola, 'held') == LIMITS
    # Units that want controllers come and go, and systemd writes the root's cgroup.subtree_control anew.
    subprocess.run(['systemd-run', '--quiet', '--wait', '-p', 'MemoryMax=50M', '-p', 'TasksMax=20', '-p', 'CPUQuota=50%',
                    '-p', 'AllowedCPUs=0', 'true'], check=True)
    systemctl('daemon-reload')
    assert limits_of(isola, 'held') == LIMITS
    start_limited(isola, image, 'later')
    assert limits_of(isola, 'later') == LIMITS


def test_a_container_outlives_the_unit_that_started_it(isola, image):
    command = isola.command('run', '-d', '--name', 'stays', '--network', 'none', image, 'sleep', '1000')
    pid = subprocess.run(['systemd-run', '--quiet', '--wait', '--pipe', *command], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    assert len(pid.strip()) == 64
    assert isola.inspect('stays')['State']['Running']
    assert isola.out('exec', 'stays', 'echo', 'alive') == 'alive'


def test_a_container_in_the_foreground_ends_with_its_unit(isola, image):
    command = isola.command('run', '--rm', '--name', 'served', '--network', 'none', image, 'sh', '-c',
                            'trap "exit 0" TERM; while :; do sleep 0.1; done')
    subprocess.run(['systemd-run', '--quiet', '--unit', 'isola-test-served', *command], check=True)
    wait_until(lambda: 'served' in isola.out('ps', '--format', '{{.Names}}'))
    systemctl('stop', 'isola-test-served')
    wait_until(lambda: 'served' not in isola.out('ps', '-a', '--format', '{{.Names}}'))


def test_scopes_are_made_with_limits_and_go(bundle, isola):
    bundle.runs('exec sleep 1000')
    bundle.config['linux']['resources'] = {'memory': {'limit': 67108864}, 'pids': {'limit': 50},
                                           'cpu': {'quota': 50000, 'period': 100000}}
    bundle.save()
    unit = f'isola-test-{bundle.tag}.scope'
    assert bundle.to_file('oci', '--systemd-cgroup', 'create', '--bundle', bundle.path, 'c1') == 0, bundle.output()
    isola('oci', 'start', 'c1')
    place = pathlib.Path('/sys/fs/cgroup/system.slice') / unit
    assert str(bundle.pid()) in (place / 'cgroup.procs').read_text().split()
    shown = dict(line.split('=', 1) for line in systemctl('show', unit, '-p', 'ActiveState', '-p', 'Delegate', '-p', 'MemoryMax',
                                                          '-p', 'TasksMax').splitlines())
    assert shown == {'ActiveState': 'active', 'Delegate': 'yes', 'MemoryMax': '67108864', 'TasksMax': '50'}
    assert (place / 'cpu.max').read_text().strip() == '50000 100000'
    systemctl('daemon-reload')
    assert (place / 'memory.max').read_text().strip() == '67108864'
    isola('oci', 'update', '--pids-limit', '33', 'c1')
    assert (place / 'pids.max').read_text().strip() == '33'
    isola('oci', 'kill', 'c1', 'KILL')
    bundle.wait_for('stopped')
    isola('oci', 'delete', 'c1')
    wait_until(lambda: not place.exists())
    assert systemctl('show', unit, '-p', 'LoadState') == 'LoadState=not-found'


def test_a_scope_cannot_be_taken_twice(bundle, isola):
    bundle.runs('exec sleep 1000')
    bundle.save()
    assert bundle.to_file('oci', '--systemd-cgroup', 'create', '--bundle', bundle.path, 'c1') == 0, bundle.output()
    done = isola('oci', '--systemd-cgroup', 'run', '--bundle', bundle.path, 'c2', code=1)
    assert f'isola-test-{bundle.tag}.scope' in done.stderr
    isola('oci', 'delete', '--force', 'c1')
