# SPDX-License-Identifier: GPL-2.0-or-later
"""isola update: other limits and another restart policy, also while it runs."""
import os
import signal

import pytest

from conftest import existing, wait_until

HOG = 'head -c 40000000 /dev/zero | tail >/dev/null'  # tail keeps what has no line break


@pytest.mark.needs_root('a control group')
def test_memory_is_limited_while_it_runs(isola, image):
    isola('run', '-d', '--name', 'box', image, 'sleep', '100')
    isola('exec', 'box', 'sh', '-c', HOG)
    assert isola.out('update', '-m', '16m', '--memory-swap', '16m', 'box') == 'box'
    assert isola('exec', 'box', 'sh', '-c', f'{HOG}; echo $?', code=None).stdout != '0\n'
    isola('update', '-m', '128m', '--memory-swap', '128m', 'box')
    isola('exec', 'box', 'sh', '-c', HOG)
    assert isola.inspect('box')['HostConfig']['Memory'] == 128 << 20


@pytest.mark.needs_root('a control group')
def test_what_is_changed_holds_at_the_next_start_too(isola, image):
    isola('create', '--name', 'box', image, 'sleep', '100')
    isola('update', '--pids-limit', '7', '--cpus', '0.5', '--cpu-shares', '512', '--cpuset-cpus', '0', 'box')
    host = isola.inspect('box')['HostConfig']
    assert (host['PidsLimit'], host['NanoCpus'], host['CpuShares'], host['CpusetCpus']) == (7, 500000000, 512, '0')
    isola('start', 'box')
    identity = isola.inspect('box')['Id']
    found = [path.read_text().strip() for path in existing(f'/sys/fs/cgroup/**/isola/{identity}/pids.max')]
    assert '7' in found
    assert isola.out('exec', 'box', 'nproc') == '1'
    isola('update', '--pids-limit', '-1', 'box')
    assert 'max' in [path.read_text().strip() for path in existing(f'/sys/fs/cgroup/**/isola/{identity}/pids.max')]


def test_restart_policy_of_one_that_runs(isola, image):
    isola('run', '-d', '--name', 'box', image, 'sleep', '100')
    isola('update', '--restart', 'always', 'box')
    pid = isola.pid('box')
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: isola.inspect('box')['State']['Running'] and isola.pid('box') != pid)
    isola('update', '--restart', 'no', 'box')
    os.kill(isola.pid('box'), signal.SIGKILL)
    wait_until(lambda: isola.inspect('box')['State']['Status'] == 'exited')
    assert isola.inspect('box')['HostConfig']['RestartPolicy'] == {'Name': 'no', 'MaximumRetryCount': 0}


def test_what_makes_no_sense_is_refused_and_changes_nothing(isola, image):
    isola('run', '-d', '--rm', '--name', 'box', image, 'sleep', '100')
    before = isola.inspect('box')['HostConfig']
    for words, sentence in ((['--restart', 'always'], '--restart and --rm cannot be used together'),
                            (['--restart', 'sometimes'], 'is not no, always'),
                            (['-m', '1m'], 'below 6m'), (['--cpuset-cpus', '5000'], 'not available'),
                            (['--pids-limit', '-2'], 'is a number, or -1'), ([], 'nothing to change')):
        assert sentence in isola('update', *words, 'box', code=1).stderr
    assert isola.inspect('box')['HostConfig'] == before
    assert 'nobody' in isola('update', '--restart', 'no', 'nobody', code=1).stderr


@pytest.mark.skipif(os.environ.get('ISOLA_TEST_USER', '1') != '1', reason='the user has a manager that gives him control groups')
def test_limits_of_one_without_a_control_group_are_refused(isola, image, account):
    if not account:
        pytest.skip('root has one')
    isola('run', '-d', '--name', 'box', image, 'sleep', '100')
    assert 'it has no control group' in isola('update', '-m', '16m', 'box', code=1).stderr
