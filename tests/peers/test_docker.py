# SPDX-License-Identifier: GPL-2.0-or-later
"""dockerd --add-runtime isola=isola-oci, with isola as its default."""
import re
import shutil
import tempfile

import pytest
from conftest import PEERS, Client, need
from conftest import integration


@pytest.fixture(scope='module')
def docker(daemon, runtime, rootfs_tar):
    need('dockerd')
    need('containerd')
    directory = tempfile.mkdtemp(prefix='isola-docker-', dir='/var/tmp')
    socket = 'unix:///run/isola-docker/docker.sock'
    # Of the same version as the daemon.
    client = Client(PEERS / 'usr/bin/docker' if (PEERS / 'usr/bin/docker').exists() else 'docker', '-H', socket)
    daemon(lambda: client('version', code=None).returncode == 0, 'dockerd', '--data-root', f'{directory}/data',
           '--exec-root', '/run/isola-docker/exec', '-H', socket, '-p', '/run/isola-docker/pid', '--add-runtime',
           f'isola={runtime}', '--default-runtime', 'isola', '--iptables=false', '--ip6tables=false', '--bridge=none',
           log=f'{directory}/log')
    client('import', rootfs_tar, 'busybox')
    yield client
    ids = client.out('ps', '-aq').split()
    if ids:
        client('rm', '-f', *ids, code=None)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def container(docker):
    docker('run', '-d', '--name', 'box', '--network', 'none', '-m', '64m', '--pids-limit', '50', '--health-cmd', 'true',
           '--health-interval', '1s', 'busybox', 'sh', '-c', 'while :; do echo tick; sleep 0.2; done')
    yield 'box'
    docker('rm', '-f', 'box', code=None)


def test_isola_is_the_default_runtime(docker):
    assert docker.out('info', '--format', '{{.DefaultRuntime}}') == 'isola'


def test_run_has_dockers_isolation_and_the_programs_code(docker):
    done = docker('run', '--rm', '--network', 'none', 'busybox', 'sh', '-c',
                  'id -u; grep -E "CapEff|Seccomp:" /proc/self/status; exit 3', code=3)
    assert re.sub(r'\s+', ' ', done.stdout) == '0 CapEff: 00000000a80425fb Seccomp: 2 '


def test_exit_codes_tell_what_was_wrong_with_the_program(docker):
    docker('run', '--rm', '--network', 'none', 'busybox', 'nothing', code=127)
    docker('run', '--rm', '--network', 'none', 'busybox', '/etc', code=126)
    docker('run', '--rm', '--network', 'none', 'busybox', '/etc/passwd', code=126)


def test_exec_logs_top_stats_and_health(docker, container):
    integration.wait_until(lambda: 'healthy' in docker.out('ps', '--format', '{{.Status}}'), what='a healthy state')
    assert 'while :' in docker.out('exec', container, 'ps')
    assert docker.out('exec', '-w', '/tmp', '-u', '1000', container, 'sh', '-c', 'pwd; id -u') == '/tmp\n1000'
    docker('exec', container, 'sh', '-c', 'exit 9', code=9)
    assert docker.out('logs', container).startswith('tick')
    assert 'while :' in docker.out('top', container)
    assert '64MiB' in docker.out('stats', '--no-stream', container)


def test_update_pause_stop_start_and_kill(docker, container):
    docker('update', '--memory', '128m', '--memory-swap', '128m', container)
    assert '128MiB' in docker.out('stats', '--no-stream', container)
    docker('pause', container)
    assert 'Paused' in docker.out('ps', '--format', '{{.Status}}')
    docker('unpause', container)
    docker('stop', '-t', '0', container)
    docker('start', container)
    docker('kill', container)
    assert docker.out('wait', container) == '137'


def test_volumes_users_init_and_a_read_only_root(docker, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / 'file').write_text('from outside')
    text = docker.out('run', '--rm', '--network', 'none', '-v', f'{tmp_path}:/mnt:ro', '--tmpfs', '/t', '--read-only',
                      '--user', '1000:1000', '--hostname', 'island', '-w', '/tmp', '--init', 'busybox', 'sh', '-c',
                      'hostname; id -u; pwd; cat /mnt/file; echo; touch /x 2>/dev/null || echo ro; touch /t/x && echo ok')
    assert text.splitlines() == ['island', '1000', '/tmp', 'from outside', 'ro', 'ok']


def test_a_terminal_is_one_inside(docker):
    text, code = docker.on_terminal('run', '--rm', '-it', '--network', 'none', 'busybox', 'sh', '-c', 'tty; exit 4')
    assert (text, code) == ('/dev/pts/0\n', 4)


def test_namespaces_of_the_host_are_the_hosts(docker):
    assert docker.out('run', '--rm', '--network', 'host', '--pid', 'host', '--ipc', 'host', 'busybox', 'ls',
                      '/sys/class/net') == 'lo'
