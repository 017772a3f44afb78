# SPDX-License-Identifier: GPL-2.0-or-later
"""podman --runtime isola-oci"""
import json
import re
import shutil
import tempfile
import time

import pytest
from conftest import Client, mount_tmpfs, need


@pytest.fixture(scope='module')
def podman(runtime, rootfs_tar):
    need('podman')
    need('conmon')
    directory = tempfile.mkdtemp(prefix='isola-podman-', dir='/var/tmp')
    with open(f'{directory}/containers.conf', 'w', encoding='ascii') as conf:
        conf.write('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
                   f'[engine.runtimes]\nisola-oci = ["{runtime}"]\n')
    mount_tmpfs('/run/netns')
    client = Client('podman', '--root', f'{directory}/root', '--runroot', f'{directory}/run', '--tmpdir',
                    f'{directory}/tmp', '--runtime', 'isola-oci', '--storage-driver', 'overlay',
                    env={'CONTAINERS_CONF': f'{directory}/containers.conf'})
    client('import', rootfs_tar, 'busybox')
    yield client
    client('rm', '-f', '-a', '-t', '0', code=None)
    client('rmi', '-f', '-a', code=None)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def container(podman):
    """One that runs in the background, called box."""
    podman('run', '-d', '--name', 'box', '--network', 'none', '-m', '64m', '--pids-limit', '50', 'busybox', 'sh', '-c',
           'while :; do echo tick; sleep 0.2; done')
    yield 'box'
    podman('rm', '-f', '-t', '0', 'box', code=None)


def test_run_has_podmans_isolation_and_the_programs_code(podman):
    done = podman('run', '--rm', '--network', 'none', 'busybox', 'sh', '-c',
                  'id -u; grep Seccomp: /proc/self/status; exit 3', code=3)
    assert re.sub(r'\s+', ' ', done.stdout) == '0 Seccomp: 2 '


def test_exit_codes_tell_what_was_wrong_with_the_program(podman):
    assert 'not found' in podman('run', '--rm', '--network', 'none', 'busybox', 'nothing', code=127).stderr
    podman('run', '--rm', '--network', 'none', 'busybox', '/etc/passwd', code=126)
    podman('run', '--rm', '--network', 'none', 'busybox', '/etc', code=126)


def test_networks_of_podman_are_there(podman):
    text = podman.out('run', '--rm', 'busybox', 'ip', '-o', 'addr')
    assert re.search(r'eth0 .*inet 10\.', text)


def test_exec_logs_top_and_stats(podman, container):
    assert podman.out('inspect', container, '--format', '{{.OCIRuntime}} {{.State.Status}}') == 'isola-oci running'
    assert 'while :' in podman.out('exec', container, 'ps')
    assert podman.out('exec', '-w', '/tmp', '-u', '1000', container, 'sh', '-c', 'pwd; id -u') == '/tmp\n1000'
    podman('exec', container, 'sh', '-c', 'exit 9', code=9)
    podman('exec', container, 'nothing', code=127)
    assert podman.out('logs', container).startswith('tick')
    assert 'warning' not in podman('logs', container).stderr
    assert 'while :' in podman.out('top', container)
    assert container in podman.out('stats', '--no-stream', container)


def test_limits_limit(podman, container):
    places = 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null'
    assert podman('exec', container, 'sh', '-c', places, code=None).stdout.strip() == '50'
    assert podman.out('inspect', container, '--format', '{{.HostConfig.Memory}}') == str(64 << 20)


def test_pause_stop_start_and_kill(podman, container):
    podman('pause', container)
    assert podman.out('ps', '-a', '--format', '{{.Status}}').lower() == 'paused'
    podman('unpause', container)
    podman('stop', '-t', '0', container)
    assert podman.out('ps', '-q') == ''
    podman('start', container)
    podman('kill', container)
    assert podman.out('wait', container) == '137'


def test_volumes_users_and_a_read_only_root(podman, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / 'file').write_text('from outside')
    text = podman.out('run', '--rm', '--network', 'none', '-v', f'{tmp_path}:/mnt:ro', '--tmpfs', '/t', '--read-only',
                      '--user', '1000:1000', '--hostname', 'island', '-w', '/tmp', 'busybox', 'sh', '-c',
                      'hostname; id -u; pwd; cat /mnt/file; echo; touch /x 2>/dev/null || echo ro; touch /t/x && echo ok')
    assert text.splitlines() == ['island', '1000', '/tmp', 'from outside', 'ro', 'ok']


def test_a_terminal_is_one_inside(podman):
    text, code = podman.on_terminal('run', '--rm', '-it', '--network', 'none', 'busybox', 'sh', '-c', 'tty; exit 4')
    assert (text, code) == ('/dev/pts/0\n', 4)


def test_privileged_containers_have_the_devices_and_capabilities(podman):
    text = podman.out('run', '--rm', '--privileged', '--network', 'none', 'busybox', 'sh', '-c',
                      'test -e /dev/kmsg && echo devices; grep CapEff /proc/self/status')
    assert text.startswith('devices')
    assert int(text.split()[-1], 16) & 1 << 21  # SYS_ADMIN


def test_health_checks_run_by_exec(podman):
    podman('run', '-d', '--name', 'healthy', '--network', 'none', '--health-cmd', 'true', 'busybox', 'sleep', '1000')
    podman('healthcheck', 'run', 'healthy')
    podman('rm', '-f', '-t', '0', 'healthy')


def test_two_containers_share_namespaces(podman):
    podman('run', '-d', '--name', 'first', '--network', 'none', 'busybox', 'sleep', '1000')
    text = podman.out('run', '--rm', '--pid', 'container:first', '--network', 'container:first', '--ipc',
                      'container:first', 'busybox', 'ps')
    assert 'sleep 1000' in text
    podman('rm', '-f', '-t', '0', 'first')


def test_hooks_and_annotations_reach_the_runtime(podman, tmp_path):
    hooks = tmp_path / 'hooks'
    hooks.mkdir()
    (hooks / 'hook.json').write_text(json.dumps({
        'version': '1.0.0', 'when': {'annotations': {'^mark$': '.*'}}, 'stages': ['createRuntime', 'poststop'],
        'hook': {'path': '/bin/sh', 'args': ['sh', '-c', f'cat >>{tmp_path}/states']}}))
    podman('--hooks-dir', hooks, 'run', '--rm', '--network', 'none', '--annotation', 'mark=1', 'busybox', 'true')
    end = time.monotonic() + 10
    while (tmp_path / 'states').read_text().count('"status"') < 2 and time.monotonic() < end:
        time.sleep(0.1)
    text = (tmp_path / 'states').read_text()
    assert '"status":"creating"' in text.replace(' ', '') or '"status":"created"' in text.replace(' ', '')
    assert '"status":"stopped"' in text.replace(' ', '')
