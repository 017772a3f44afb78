# SPDX-License-Identifier: GPL-2.0-or-later
"""isola audit: what a container really has.  Each weakening must show, in its lines and no others."""
import json
import socket

import pytest


def audit(isola, name, code=0):
    done = isola('audit', '--format', 'json', name, code=code)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return {row['Check']: (row['Verdict'], row['Found']) for row in map(json.loads, lines)}


@pytest.fixture
def differences(isola, image):
    """Starts a container with options, and returns the checks that are not as those of a default one."""
    def look(*options):
        isola('run', '-d', '--name', 'usual', '--network', 'none', image, 'sleep', '100')
        isola('run', '-d', '--name', 'other', *([] if '--network' in options else ['--network', 'none']), *options,
              image, 'sleep', '100')
        usual = audit(isola, 'usual')
        other = audit(isola, 'other', code=None)
        assert usual.keys() == other.keys()
        isola('rm', '-f', 'usual', 'other')
        return {check: verdict for check, (verdict, _) in other.items() if verdict != usual[check][0]}
    return look


def test_default_container_is_all_ok(isola):
    done = isola('audit')
    lines = done.stdout.splitlines()
    assert lines[0].split() == ['CHECK', 'VERDICT', 'FOUND'] and len(lines) > 30
    assert [line for line in lines[1:] if line.split('   ')[1:] and ' ok ' not in line] == []
    assert isola.out('ps', '-aq') == ''


def test_default_container_of_an_image_is_all_ok(isola, image):
    isola('run', '-d', '--name', 'usual', image, 'sleep', '100')
    findings = audit(isola, 'usual')
    assert {verdict for verdict, _ in findings.values()} == {'ok'}
    assert 'CHOWN' in findings['capabilities'][1] and 'MKNOD' not in findings['capabilities'][1]
    # It holds for whoever the container runs as, and leaves no trace.
    assert isola.out('exec', 'usual', 'ls', '-A', '/dev/shm') == ''


def test_privileged_shows_what_is_open(isola, image):
    isola('run', '-d', '--name', 'free', '--privileged', '--network', 'none', image, 'sleep', '100')
    done = isola('audit', 'free', code=1)
    assert "ways out of container 'free' are open" in done.stderr
    findings = audit(isola, 'free', code=1)
    for check in ('user namespace', 'capabilities', 'system call filter', 'namespaces', 'mounts', 'machine control',
                  'kernel programs', 'io_uring', 'inode handles', 'socket families', '/proc', 'disks', 'devices'):
        assert findings[check][0] == 'open', (check, findings[check])
    assert findings['hidden paths'][0] == 'weak' and findings['processes'][0] == 'ok'


UNFILTERED = {'system call filter', 'namespaces', 'mounts', 'kernel programs', 'io_uring', 'keyrings', 'userfaultfd',
              'other processes', 'foreign calls', 'socket families', 'netlink', 'kernel TLS', 'forged input'}


@pytest.mark.parametrize('options, surely, perhaps', [
    (['--cap-add', 'NET_RAW'], {'capabilities': 'weak', 'raw sockets': 'weak', 'socket families': 'weak'}, set()),
    (['--cap-add', 'NET_ADMIN'], {'capabilities': 'weak', 'netlink': 'weak'}, set()),
    (['--cap-add', 'SYS_ADMIN'], {'capabilities': 'weak', 'namespaces': 'open', 'mounts': 'weak'},
     {'kernel programs', 'machine control'}),
    (['--cap-add', 'SYS_PTRACE'], {'capabilities': 'weak', 'other processes': 'weak'}, set()),
    (['--security-opt', 'seccomp=unconfined'], {'system call filter': 'open', 'namespaces': 'open', 'keyrings': 'weak'},
     UNFILTERED),
    (['--security-opt', 'systempaths=unconfined'], {'hidden paths': 'weak'}, set()),
    (['--security-opt', 'compat32'], {'foreign calls': 'weak'}, set()),
    (['--security-opt', 'strict'], {}, set()),
    (['--userns', 'host'], {'user namespace': 'open', 'new privileges': 'weak', 'limit of processes': 'weak'}, set()),
    (['--network', 'host'], {'network': 'open'}, set()),
    (['--pid', 'host', '--userns', 'host'], {'processes': 'open', 'user namespace': 'open'},
     {'new privileges', 'limit of processes'}),
    (['--ipc', 'host'], {'IPC': 'open'}, set()),
    (['--uts', 'host'], {'host name': 'weak'}, set()),
    (['--cgroupns', 'host'], {'control group names': 'weak'}, set()),
    (['--ulimit', 'nproc=30000:30000'], {'limit of processes': 'weak'}, set()),
    (['--pids-limit', '100'], {}, set()),
    (['-v', '/etc:/outside'], {'host directories': 'open'}, set()),
    (['-v', '/etc:/outside:ro'], {'host directories': 'weak'}, set()),
    (['-v', '/:/outside'], {'host directories': 'open'}, {'hidden paths'}),
])
def test_weakening_changes_its_lines_alone(differences, options, surely, perhaps):
    found = differences(*options)
    assert {check: found.get(check) for check in surely} == surely
    assert set(found) - set(surely) <= perhaps


def test_directory_of_no_consequence_is_ok(differences, tmp_path):
    assert differences('-v', f'{tmp_path}:/data') == {}


def test_socket_of_a_daemon_is_a_way_out(differences, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / 'engine.sock'))
        assert differences('-v', f'{tmp_path}/engine.sock:/engine.sock:ro') == {'host directories': 'open'}


def test_descriptor_that_leads_out_is_found(isola, image, tmp_path):
    """The oracle of CVE-2024-21626, shown to work: a directory of the host's, open in the first process."""
    isola('run', '-d', '--name', 'leaky', '--network', 'none', '--userns', 'host', '--security-opt', 'seccomp=unconfined',
          '-v', '/:/outside', image, 'sh', '-c', 'exec 7</outside; exec sleep 100')
    assert audit(isola, 'leaky', code=1)['open descriptors'][0] == 'open'


def test_container_that_does_not_run_cannot_be_audited(isola, image):
    isola('create', '--name', 'still', image, 'true')
    assert "container 'still' is created" in isola('audit', 'still', code=1).stderr
    assert "there is no container 'nobody'" in isola('audit', 'nobody', code=1).stderr


def test_filter_that_forbids_everything_is_told(isola, image, tmp_path):
    profile = tmp_path / 'profile.json'
    profile.write_text(json.dumps({'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [
        {'names': ['openat'], 'action': 'SCMP_ACT_KILL_PROCESS',
         'args': [{'index': 3, 'value': 4711, 'op': 'SCMP_CMP_EQ'}]},
        {'names': ['clone', 'clone3', 'fork', 'vfork'], 'action': 'SCMP_ACT_KILL_PROCESS'}]}))
    isola('run', '-d', '--name', 'narrow', '--network', 'none', '--security-opt', f'seccomp={profile}', image, 'sleep',
          '100')
    assert 'the audit was killed inside' in isola('audit', 'narrow', code=1).stderr


def test_half_an_audit_is_none(isola, image):
    isola('run', '-d', '--name', 'usual', '--network', 'none', image, 'sleep', '100')
    done = isola('audit', 'usual', env={'ISOLA_FAULT': 'audit.inside'}, code=None)
    if not done.returncode and 'io_uring' in done.stdout:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert done.returncode == 1 and done.stdout == ''
    assert "cannot audit container 'usual': the process that enters it was killed" in done.stderr


def test_audit_by_template(isola, image):
    isola('run', '-d', '--name', 'usual', '--network', 'none', image, 'sleep', '100')
    lines = isola.out('audit', '--format', '{{.Verdict}} {{.Check}}', 'usual').splitlines()
    assert 'ok io_uring' in lines
