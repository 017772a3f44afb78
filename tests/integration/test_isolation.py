# SPDX-License-Identifier: GPL-2.0-or-later
"""What a container can see and touch of the machine: nothing it was not given."""
import os
import pathlib
import pty

import pytest


def run(isola, *arguments, **options):
    return isola.out('run', '--rm', '--network', 'none', *arguments, **options)


def shell(isola, script, *arguments):
    return run(isola, *arguments, '@host', 'sh', '-c', script)


@pytest.fixture
def running(isola):
    isola('run', '-d', '--name', 'here', '--network', 'none', '@host', 'sleep', '1000')
    yield isola.inspect('here')['State']['Pid']
    isola('rm', '-f', 'here')


def namespaces(pid):
    return {name: os.readlink(f'/proc/{pid}/ns/{name}') for name in os.listdir('/proc/self/ns')}


def test_all_eight_namespaces_are_its_own(isola, running):
    host, inside = namespaces('self'), namespaces(running)
    assert [name for name in host if host[name] == inside[name]] == []


def test_exec_is_in_all_of_them_and_in_the_cgroup(isola, running):
    script = 'cd /proc/self/ns; for i in *; do readlink $i; done; echo $$; sleep 5'
    with isola.start('exec', 'here', 'sh', '-c', script) as process:
        seen = [process.stdout.readline().decode().strip() for _ in range(11)]
        inside = namespaces(running)
        assert sorted(seen[:10]) == sorted(inside.values())
        process.kill()
    own = pathlib.Path(f'/proc/{running}/cgroup').read_text()
    assert '/isola/' in own


def test_no_descriptor_leaks(isola, running):
    # The fourth is the one that lists them.
    assert shell(isola, 'ls /proc/self/fd').split() == ['0', '1', '2', '3']
    assert isola.out('exec', 'here', 'ls', '/proc/self/fd').split() == ['0', '1', '2', '3']
    assert sorted(os.listdir(f'/proc/{running}/fd')) == ['0', '1', '2']


def test_the_hosts_mounts_are_gone(isola):
    mounts = shell(isola, 'cat /proc/self/mountinfo')
    points = [line.split()[4] for line in mounts.splitlines()]
    allowed = ('/proc', '/sys', '/dev', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname')
    assert [p for p in points if p != '/' and not p.startswith(allowed)] == []
    assert points.count('/') == 1


def test_what_is_written_stays_in_the_container(isola):
    shell(isola, 'echo x > /isola-was-here; rm -rf /etc/passwd; touch /usr/bin/isola-new')
    assert not os.path.exists('/isola-was-here') and not os.path.exists('/usr/bin/isola-new')
    assert os.path.exists('/etc/passwd')


@pytest.mark.parametrize('path', ['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/kernel/hostname',
                                  '/proc/sys/vm/drop_caches', '/sys/kernel/mm/transparent_hugepage/enabled',
                                  '/sys/fs/cgroup/cgroup.procs', '/proc/1/oom_adj_x', '/proc/irq/default_smp_affinity'])
def test_kernel_settings_cannot_be_written(isola, path):
    assert shell(isola, f'(echo 1 > {path}) 2>/dev/null && echo written || echo refused') == 'refused'


def test_masked_files_are_empty(isola):
    script = 'cat /proc/keys /proc/kallsyms /proc/interrupts /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware | wc -l'
    assert shell(isola, script).split() == ['0', '0']


def test_capabilities_are_podmans(isola):
    status = shell(isola, 'grep Cap /proc/self/status')
    sets = dict(line.split(':\t') for line in status.splitlines())
    assert sets['CapInh'] == sets['CapAmb'] == '0' * 16
    assert sets['CapEff'] == sets['CapPrm'] == sets['CapBnd'] == '00000000800405fb'


def test_other_users_have_none(isola):
    status = shell(isola, 'grep Cap /proc/self/status', '-u', 'daemon')
    sets = dict(line.split(':\t') for line in status.splitlines())
    assert sets['CapEff'] == sets['CapPrm'] == sets['CapInh'] == '0' * 16


@pytest.mark.parametrize('user', ['4294967295', '4294967296', '2147483648', '70000', '18446744073709551616', '-1'])
def test_ids_outside_of_the_range_are_refused(isola, user):
    refused = isola('run', '--rm', '--network', 'none', f'--user={user}', '@host', 'id', code=125)
    assert refused.stderr.startswith('isola: ')


@pytest.mark.parametrize('number', range(3, 12))
def test_working_directory_through_a_descriptor_stays_inside(isola, number):
    result = isola('run', '--rm', '--network', 'none', '-w', f'/proc/self/fd/{number}', '@host', 'pwd', code=None)
    assert result.returncode == 125 or result.stdout.startswith('/proc')


def test_databases_are_read_with_limits(isola, tmp_path):
    passwd = tmp_path / 'passwd'
    with open(passwd, 'wb') as file:
        file.truncate(2 << 30)
    refused = isola('run', '--rm', '--network', 'none', '-v', f'{passwd}:/etc/passwd', '-u', 'root', '@host', 'id',
                    code=125)
    assert "'/etc/passwd' is not a file of at most 1 MiB" in refused.stderr


def test_bind_mount_keeps_owners(isola, tmp_path):
    shell(isola, 'echo x > /there/file; chown 33:33 /there/file', '-v', f'{tmp_path}:/there')
    st = (tmp_path / 'file').stat()
    assert (st.st_uid, st.st_gid) == (33, 33)


def test_mount_over_the_containers_proc_is_refused(isola, tmp_path):
    refused = isola('run', '--rm', '--network', 'none', '-v', f'{tmp_path}:/proc/sys', '@host', 'true', code=125)
    assert "nothing may be mounted at '/proc/sys'" in refused.stderr


def test_file_system_without_owner_mapping_is_named(isola):
    refused = isola('run', '--rm', '--network', 'none', '-v', '/proc:/host-proc', '@host', 'true', code=125)
    assert "the file system of '/proc' cannot map the owners" in refused.stderr
    assert '--userns=host' in refused.stderr


def test_memory_limit_moves_it_into_its_cgroup(isola):
    isola('run', '-d', '--name', 'limited', '--network', 'none', '-m', '64m', '@host', 'sleep', '1000')
    container = isola.inspect('limited')
    lines = pathlib.Path(f'/proc/{container["State"]["Pid"]}/cgroup').read_text().splitlines()
    assert any(container['Id'] in line for line in lines if ':memory:' in line or line.startswith('0::'))
    inside = isola.out('exec', 'limited', 'cat', '/proc/self/cgroup').splitlines()
    assert all(line.endswith(':/') for line in inside if 'memory' in line or line.startswith('0::'))
    isola('rm', '-f', 'limited')


def test_clock_is_shifted(isola):
    uptime = shell(isola, 'cat /proc/uptime', '--time-offset', 'boottime=1000d')
    assert float(uptime.split()[0]) > 1000 * 86400


def test_terminal_with_init_is_the_programs(isola):
    master, slave = pty.openpty()
    with isola.start('run', '--rm', '-it', '--init', '--network', 'none', '@host', 'sh', '-c', 'tty; ps -o pgid= -p $$; exit 3',
                     stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        assert process.wait(timeout=30) == 3
    assert b'/dev/pts/0' in os.read(master, 4096)
    os.close(master)


@pytest.mark.parametrize('user', ['root', 'daemon'])
@pytest.mark.parametrize('verb', [('run', '--rm', '--network', 'none', '@host'), ('exec', 'here')])
def test_standard_output_can_be_opened_by_name(isola, running, tmp_path, user, verb):
    command = [verb[0], '-u', user, *verb[1:], 'sh', '-c', 'echo hello > /dev/stdout']
    assert isola.out(*command) == 'hello'
    with open(tmp_path / 'file', 'wb') as file:
        assert isola.start(*command, stdout=file).wait(timeout=30) == 0
    assert (tmp_path / 'file').read_text() == 'hello\n'
