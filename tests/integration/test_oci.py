# SPDX-License-Identifier: GPL-2.0-or-later
"""The OCI runtime's command line, as engines call it."""
import json
import os
import pathlib
import signal
import subprocess

import pytest
from conftest import BINARY, is_dead, wait_until
from oci_bundle import ConsoleSocket, bundle  # a fixture, too


def test_run_runs_the_program_and_returns_its_code(bundle):
    bundle.runs('echo hello; pwd; exit 7')
    done = bundle.run(code=7)
    assert done.stdout == 'hello\n/\n'
    assert bundle.isola.out('oci', 'list', '-q') == ''


def test_a_program_killed_by_a_signal_is_told_as_shells_do(bundle):
    bundle.runs('kill -9 $$; sleep 5')
    bundle.config['linux']['namespaces'] = [n for n in bundle.config['linux']['namespaces'] if n['type'] != 'pid']
    bundle.save()
    bundle.run(code=137)


def test_life_from_created_to_deleted(bundle, isola):
    bundle.runs('echo started; exec sleep 1000')
    assert bundle.create('--pid-file', bundle.path / 'pid') == 0
    state = isola.json('oci', 'state', 'c1')
    assert state['status'] == 'created'
    assert state['ociVersion'] == '1.3.0'
    assert state['id'] == 'c1'
    assert state['bundle'] == str(bundle.path)
    assert state['rootfs'] == str(bundle.path / 'rootfs')
    assert state['owner'] == 'root'
    assert (bundle.path / 'pid').read_bytes() == str(state['pid']).encode()
    assert bundle.output() == ''

    isola('oci', 'start', 'c1')
    wait_until(lambda: bundle.output() == 'started\n')
    assert bundle.status() == 'running'
    assert bundle.pid() == state['pid']
    isola('oci', 'kill', 'c1', 'KILL')
    bundle.wait_for('stopped')
    assert bundle.pid() == 0
    isola('oci', 'delete', 'c1')
    assert 'does not exist' in isola('oci', 'state', 'c1', code=1).stderr


def test_verbs_in_the_wrong_state_are_refused_and_do_nothing(bundle, isola):
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0
    assert bundle.create() == 1
    assert bundle.output() == "isola: container 'c1' exists already\n"
    assert "it is created" in isola('oci', 'resume', 'c1', code=1).stderr
    isola('oci', 'start', 'c1')
    done = isola('oci', 'start', 'c1', code=1)
    assert done.stderr == "isola: cannot start container 'c1': it is running, not created\n"
    assert "cannot delete container 'c1': it is running" in isola('oci', 'delete', 'c1', code=1).stderr
    assert bundle.status() == 'running'
    isola('oci', 'delete', '--force', 'c1')
    isola('oci', 'delete', '--force', 'c1')
    for verb in ('state', 'start', 'kill', 'delete', 'pause', 'resume', 'ps', 'events', 'update', 'exec'):
        words = ('true',) if verb == 'exec' else ()
        done = isola('oci', verb, 'c1', *words, code=1)
        assert done.stderr == "isola: container 'c1' does not exist\n", verb


def test_stopped_container_can_be_neither_signalled_nor_entered(bundle, isola):
    bundle.runs('true')
    assert bundle.create() == 0
    isola('oci', 'start', 'c1')
    bundle.wait_for('stopped')
    assert 'container not running' in isola('oci', 'kill', 'c1', code=1).stderr
    assert 'it is stopped' in isola('oci', 'exec', 'c1', 'true', code=1).stderr
    assert 'container not running' in isola('oci', 'ps', 'c1', code=1).stderr
    isola('oci', 'delete', 'c1')


def test_created_container_is_deleted_without_force(bundle, isola):
    bundle.runs('sleep', '1000')
    assert bundle.create() == 0
    pid = bundle.pid()
    isola('oci', 'delete', 'c1')
    assert is_dead(pid)


def test_missing_program_is_told_by_create(bundle, isola):
    bundle.runs('/bin/nothing', 'x')
    assert bundle.create() == 1
    assert "cannot run '/bin/nothing': no such file or directory" in bundle.output()
    bundle.runs('/etc', 'x')
    assert bundle.create() == 1
    assert isola.out('oci', 'list', '-q') == ''


def test_changes_to_the_configuration_after_create_have_no_effect(bundle, isola):
    bundle.runs('echo first')
    assert bundle.create() == 0
    bundle.runs('echo second')
    isola('oci', 'start', 'c1')
    wait_until(bundle.output)
    assert bundle.output() == 'first\n'


def test_exec_runs_beside_the_first_process(bundle, isola):
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0
    isola('oci', 'start', 'c1')
    assert 'sleep 1000' in isola.out('oci', 'exec', 'c1', 'ps')
    assert isola('oci', 'exec', '--cwd', '/tmp', '--env', 'A=b', '--user', '5:6', 'c1', 'sh', '-c',
                 'pwd; echo $A; id -u; id -g; exit 3', code=3).stdout == '/tmp\nb\n5\n6\n'
    process = {'args': ['sh', '-c', 'echo $X'], 'cwd': '/', 'env': ['X=y', 'PATH=/bin'], 'user': {'uid': 0, 'gid': 0}}
    (bundle.path / 'process.json').write_text(json.dumps(process))
    assert isola.out('oci', 'exec', '--process', bundle.path / 'process.json', 'c1') == 'y'
    done = isola('oci', 'exec', 'c1', 'nothing', code=1)
    assert "cannot run 'nothing': no such file or directory" in done.stderr
    assert bundle.to_file('oci', 'exec', '--detach', '--pid-file', bundle.path / 'pid2', 'c1', 'sleep', '77') == 0
    pid = int((bundle.path / 'pid2').read_bytes())
    assert pathlib.Path(f'/proc/{pid}/cmdline').read_bytes() == b'sleep\x0077\x00'


def test_exec_into_a_paused_container_is_refused(bundle, isola):
    bundle.runs('exec sleep 1000')
    bundle.create()
    isola('oci', 'start', 'c1')
    isola('oci', 'pause', 'c1')
    assert bundle.status() == 'paused'
    assert 'it is paused' in isola('oci', 'exec', 'c1', 'true', code=1).stderr
    isola('oci', 'resume', 'c1')
    isola('oci', 'exec', 'c1', 'true')
    isola('oci', 'pause', 'c1')
    isola('oci', 'delete', '--force', 'c1')


def test_ps_lists_the_processes_with_outer_pids(bundle, isola):
    bundle.runs('sleep 998 & sleep 999 & wait')
    bundle.create()
    isola('oci', 'start', 'c1')
    pids = wait_until(lambda: len(found := isola.json('oci', 'ps', '--format', 'json', 'c1')) == 3 and found)
    assert bundle.pid() in pids
    lines = isola.out('oci', 'ps', 'c1').splitlines()
    assert 'PID' in lines[0]
    assert sorted(int(line.split()[1]) for line in lines[1:]) == sorted(pids)
    lines = isola.out('oci', 'ps', 'c1', '-A', '-o', 'ppid,pid,args').splitlines()
    assert sorted(int(line.split()[1]) for line in lines[1:]) == sorted(pids)


def test_container_without_a_cgroup_says_what_it_cannot(bundle, isola):
    bundle.runs('exec sleep 1000')
    words = ('oci', '--cgroup-manager', 'disabled', 'create', '--bundle', bundle.path, 'c1')
    assert bundle.to_file(*words) == 0
    isola('oci', 'start', 'c1')
    assert 'has no cgroup' in isola('oci', 'ps', 'c1', code=1).stderr
    assert 'has no cgroup' in isola('oci', 'pause', 'c1', code=1).stderr
    assert 'has no cgroup' in isola('oci', 'update', '--pids-limit', '5', 'c1', code=1).stderr
    isola('oci', 'exec', 'c1', 'true')
    log = bundle.path / 'log'
    isola('oci', '--log', log, 'kill', '--all', 'c1', 'KILL')
    assert 'only its first process is signalled' in log.read_text()
    bundle.wait_for('stopped')


def test_exec_stays_below_the_containers_cgroup(bundle, isola):
    bundle.runs('exec sleep 1000')
    bundle.create()
    isola('oci', 'start', 'c1')
    (place,) = [place for place in bundle.cgroup() if (place / 'cgroup.kill').exists()]
    (place / 'below').mkdir()
    text = isola.out('oci', 'exec', '--cgroup', '/../../below', 'c1', 'grep', '0::', '/proc/self/cgroup')
    assert text == '0::/below'
    assert 'cannot open the cgroup' in isola('oci', 'exec', '--cgroup', '../nothing', 'c1', 'true', code=1).stderr
    isola('oci', 'delete', '--force', 'c1')


def test_kill_sends_named_and_numbered_signals_and_reaches_all(bundle, isola):
    bundle.runs('trap "echo term" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 0.02; done')
    bundle.create()
    isola('oci', 'start', 'c1')
    assert bundle.to_file('oci', 'exec', '--detach', 'c1', 'sleep', '1000') == 0
    wait_until(lambda: 'ready' in bundle.output())
    isola('oci', 'kill', 'c1')
    wait_until(lambda: 'term' in bundle.output())
    isola('oci', 'kill', 'c1', str(int(signal.SIGUSR1)))
    wait_until(lambda: 'usr1' in bundle.output())
    isola('oci', 'kill', 'c1', '0')
    assert "'SIGNOT' is not a signal" in isola('oci', 'kill', 'c1', 'SIGNOT', code=1).stderr
    isola('oci', 'kill', '--all', 'c1', '9')
    bundle.wait_for('stopped')


def test_list_shows_all_containers(bundle, isola):
    bundle.runs('exec sleep 1000')
    bundle.create(name='b')
    bundle.create(name='a')
    isola('oci', 'start', 'b')
    lines = isola.out('oci', 'list').splitlines()
    assert lines[0].split() == ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']
    assert [line.split()[::2][:2] for line in lines[1:]] == [['a', 'created'], ['b', 'running']]
    assert [entry['id'] for entry in isola.json('oci', 'list', '--format', 'json')] == ['a', 'b']
    assert isola.out('oci', 'list', '-q') == 'a\nb'


def test_terminal_goes_to_the_console_socket(bundle, isola):
    bundle.runs('tty; stty size; echo done')
    bundle.config['process'].update(terminal=True, consoleSize={'height': 20, 'width': 77})
    bundle.save()
    assert bundle.create() == 1
    assert 'nobody would hold it' in bundle.output()
    console = ConsoleSocket(bundle.path / 'console.sock')
    # The caller reads until the end of the command's output, which must not wait for the container's.
    isola('oci', 'create', '--bundle', bundle.path, '--console-socket', console.path, 'c1')
    master = console.receive()
    isola('oci', 'start', 'c1')
    text = b''
    while not text.endswith(b'done\r\n'):
        text += os.read(master, 4096)
    assert text == b'/dev/pts/0\r\n20 77\r\ndone\r\n'
    os.close(master)
    bundle.wait_for('stopped')
    isola('oci', 'delete', 'c1')


def test_exec_hands_its_terminal_over(bundle, isola):
    bundle.runs('exec sleep 1000')
    bundle.create()
    isola('oci', 'start', 'c1')
    console = ConsoleSocket(bundle.path / 'console.sock')
    isola('oci', 'exec', '--detach', '--tty', '--console-socket', console.path, 'c1', 'sh', '-c', 'echo hi')
    master = console.receive()
    text = b''
    while not text.endswith(b'\n'):
        text += os.read(master, 100)
    assert text == b'hi\r\n'
    os.close(master)


def test_descriptors_are_passed_on_if_asked_for(bundle, isola):
    bundle.runs('echo one >&3; echo two >&4; ls /proc/self/fd | wc -l')
    first, second = (open(bundle.path / name, 'wb') for name in ('one', 'two'))
    command = isola.command('oci', 'run', '--bundle', bundle.path, '--preserve-fds', '2', 'c1')
    script = f'exec 3>{bundle.path}/one 4>{bundle.path}/two 5>/dev/null; exec "$@"'
    done = subprocess.run(['sh', '-c', script, 'sh', *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, check=True)
    assert (bundle.path / 'one').read_text() == 'one\n'
    assert (bundle.path / 'two').read_text() == 'two\n'
    assert done.stdout == '6\n'  # 0 to 4, and the directory itself
    first.close()
    second.close()
    assert 'is to be passed on and is not open' in bundle.run('--preserve-fds', '9', code=1).stderr


def test_log_holds_one_record_of_what_went_wrong(bundle, isola):
    log = bundle.path / 'log'
    done = isola('oci', '--log', log, '--log-format', 'json', 'state', 'nobody', code=1)
    assert done.stderr == "isola: container 'nobody' does not exist\n"
    record = json.loads(log.read_text())
    assert record['level'] == 'error'
    assert record['msg'] == "container 'nobody' does not exist"
    assert record['time'].endswith('Z')
    log.unlink()
    isola('oci', '--log', log, 'start', 'no"body', code=1)
    assert log.read_text().count('\n') == 1
    assert '''level=error msg="'no\\"body' is not''' in log.read_text()


def test_update_changes_limits_of_a_running_container(bundle, isola):
    bundle.runs('exec sleep 1000')
    bundle.create()
    isola('oci', 'start', 'c1')
    isola('oci', 'update', '--pids-limit', '33', '--memory', '64m', 'c1')
    places = bundle.cgroup()
    assert '33\n' in [(p / 'pids.max').read_text() for p in places if (p / 'pids.max').exists()]
    isola('oci', 'update', '--resources', '-', 'c1', input='{"pids": {"limit": 44}}')
    assert '44\n' in [(p / 'pids.max').read_text() for p in places if (p / 'pids.max').exists()]
    for option, value in (('pids-limit', 'many'), ('pids-limit', '-2'), ('cpu-share', '-1'), ('cpu-period', '-1')):
        assert f"--{option}: '{value}' is not a number" in isola('oci', 'update', f'--{option}={value}', 'c1', code=1).stderr


def test_events_print_statistics(bundle, isola):
    bundle.config['linux']['resources']['pids'] = {'limit': 55}
    bundle.runs('exec sleep 1000')
    bundle.create()
    isola('oci', 'start', 'c1')
    event = isola.json('oci', 'events', '--stats', 'c1')
    assert (event['type'], event['id']) == ('stats', 'c1')
    assert event['data']['pids']['limit'] == 55
    follower = isola.start('oci', 'events', '--interval', '100ms', 'c1', text=True)
    assert json.loads(follower.stdout.readline())['type'] == 'stats'
    isola('oci', 'kill', 'c1', 'KILL')
    assert follower.wait(timeout=20) == 0


def test_spec_writes_a_configuration_once(isola, tmp_path):
    isola('oci', 'spec', '--bundle', tmp_path)
    config = json.loads((tmp_path / 'config.json').read_text())
    assert config['process']['args'] == ['sh']
    assert 'exists already' in isola('oci', 'spec', '--bundle', tmp_path, code=1).stderr
    (tmp_path / 'config.json').unlink()
    isola('oci', 'spec', '--rootless', '--bundle', tmp_path)
    config = json.loads((tmp_path / 'config.json').read_text())
    assert config['linux']['uidMappings'] == [{'containerID': 0, 'hostID': os.geteuid(), 'size': 1}]


def test_features_say_what_there_is(isola):
    features = isola.json('oci', 'features')
    assert features['ociVersionMax'] == '1.3.0'
    assert 'rro' in features['mountOptions']
    assert 'time' in features['linux']['namespaces']
    assert features['linux']['mountExtensions']['idmap']['enabled'] is True


def test_checkpoint_and_restore_are_refused(isola):
    assert 'cannot be checkpointed' in isola('oci', 'checkpoint', '--image-path', '/tmp', 'c1', code=1).stderr
    assert 'cannot be restored' in isola('oci', 'restore', '--image-path', '/tmp', 'c1', code=1).stderr


def test_the_other_name_is_the_oci_runtime(isola, tmp_path):
    link = tmp_path / 'isola-oci'
    link.symlink_to(BINARY)
    version = subprocess.run([link, '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert version.splitlines()[0].startswith('isola-oci version ')
    assert 'spec: 1.3.0' in version
    done = subprocess.run([link, f'--root={tmp_path}/state', 'list', '--format=json'], stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize('name', ['', '.', '..', '.a', 'a/b', 'a b', 'é'])
def test_bad_ids_are_refused(bundle, isola, name):
    bundle.runs('true')
    assert "is not a container's id" in bundle.run(name=name, code=1).stderr


@pytest.mark.parametrize('point', ['oci.draft', 'oci.begun', 'oci.cgroup', 'oci.spawned', 'oci.recorded'])
def test_create_killed_there_leaves_nothing(bundle, isola, point):
    bundle.runs('exec sleep 1000')
    assert bundle.create(env={'ISOLA_FAULT': point}) == -signal.SIGKILL
    if point != 'oci.recorded':
        # Its child may not have run yet.
        wait_until(lambda: isola.out('oci', 'list', '-q') == '', what='the end of what was begun')
    else:
        isola('oci', 'delete', '--force', 'c1')
    assert bundle.create() == 0
    isola('oci', 'start', 'c1')


@pytest.mark.parametrize('userns', [False, True])
def test_end_of_the_first_process_is_the_reason_and_not_what_is_missing_of_it(bundle, isola, userns):
    """As by the kernel for want of memory: what /proc has not any more is no missing program."""
    bundle.runs('true')
    if userns:
        bundle.config['linux']['namespaces'].append({'type': 'user'})
        bundle.config['linux']['uidMappings'] = bundle.config['linux']['gidMappings'] = [
            {'containerID': 0, 'hostID': 100000, 'size': 65536}]
    for _ in range(20):
        assert bundle.create(env={'ISOLA_FAULT': 'init.begun'}) == 1
        assert isola.out('oci', 'list', '-q') == ''
    assert set(bundle.output().splitlines()) == {"isola: the container's process was killed before it ran"}


def test_warnings_do_not_stand_before_the_reason_of_a_failure(bundle, isola):
    hard = 2 ** 30
    bundle.config['process']['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 64, 'hard': hard}]
    bundle.runs('true')
    done = bundle.run(code=None)
    if 'warning' not in done.stderr:
        pytest.skip('this machine lets root raise every limit')
    assert done.returncode == 0
    log = bundle.path / 'log'
    words = ('oci', '--log', log, '--log-format', 'json', 'create', '--bundle', bundle.path, 'c1')
    assert bundle.to_file(*words) == 0
    assert bundle.output() == ''
    isola('oci', 'delete', 'c1')
    assert json.loads(log.read_text())['level'] == 'warning'
    bundle.runs('/bin/nothing', 'x')
    assert bundle.run(code=1).stderr.startswith("isola: cannot run '/bin/nothing'")


def test_what_is_no_container_is_left_alone(isola, tmp_path):
    """--root may name a directory of other things: /etc, or another runtime's."""
    files = ['alternatives/cc', 'state/deep/file', 'crun/status', 'crun/config.json', 'old/state.json.bak/file']
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text('theirs')
    for path in [tmp_path / 'empty', *tmp_path.iterdir()]:
        path.mkdir(exist_ok=True)
        path.chmod(0o711)
    before = sorted(tmp_path.rglob('*'))
    assert isola.json('oci', '--root', tmp_path, 'list', '--format', 'json') == []
    for name in ('alternatives', 'state', 'crun', 'old', 'empty'):
        for words in (('state',), ('delete',), ('kill',), ('start',), ('exec',)):
            more = ('true',) if words == ('exec',) else ()
            assert f"container '{name}' does not exist" in isola('oci', '--root', tmp_path, *words, name, *more, code=1).stderr
        isola('oci', '--root', tmp_path, 'delete', '--force', name)
    assert sorted(tmp_path.rglob('*')) == before
    assert all((tmp_path / file).read_text() == 'theirs' for file in files)


@pytest.mark.parametrize('record', [
    {}, {'id': 'theirs', 'bundle': '/'}, {'version': 1, 'id': 'other', 'bundle': '/'}, {'version': 2, 'id': 'theirs', 'bundle': '/'},
    {'id': 'theirs', 'init_process_pid': 1, 'config': {}}])
def test_record_of_another_program_is_told_and_left_alone(isola, tmp_path, record):
    theirs = tmp_path / 'theirs'
    theirs.mkdir(mode=0o700)
    (theirs / 'state.json').write_text(json.dumps(record))
    (theirs / 'more').write_text('theirs')
    log = tmp_path / 'log'
    assert isola.out('oci', '--log', log, '--root', tmp_path, 'list', '-q') == ''
    assert "the record of container 'theirs' cannot be used" in log.read_text()
    for words in (('delete', '--force', 'theirs'), ('kill', 'theirs')):
        assert "the record of container 'theirs' cannot be used" in isola('oci', '--root', tmp_path, *words, code=1).stderr
    assert (theirs / 'more').exists() and (theirs / 'state.json').exists()


@pytest.mark.parametrize('spoilt', ['', '{', '[]', '{"version":1,"id":7,"bundle":"/"}'])
def test_spoilt_record_is_told_and_harms_no_other(bundle, isola, spoilt):
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0
    assert bundle.create(name='c2') == 0
    record = pathlib.Path(isola.run_root) / 'oci/c1/state.json'
    kept = record.read_text()
    record.write_text(spoilt)
    done = isola('oci', 'state', 'c1', code=1)
    assert done.stderr.startswith("isola: the record of container 'c1' cannot be used: state.json:1: ")
    assert isola.out('oci', 'list', '-q') == 'c2'
    assert bundle.status('c2') == 'created'
    record.write_text(kept)
    assert bundle.status() == 'created'


@pytest.mark.parametrize('by', ['option', 'annotation'])
def test_pidfd_is_handed_over(bundle, isola, by):
    receiver = ConsoleSocket(bundle.path / 'pidfd.sock')
    if by == 'annotation':
        bundle.config['annotations'] = {'run.oci.pidfd_receiver': receiver.path}
    options = ['--pidfd-socket', receiver.path] if by == 'option' else []
    assert bundle.runs('sleep', '1000').create(*options) == 0, bundle.output()
    pidfd = receiver.receive()
    try:
        assert f'Pid:\t{bundle.pid()}\n' in pathlib.Path(f'/proc/self/fdinfo/{pidfd}').read_text()
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        bundle.wait_for('stopped')
    finally:
        os.close(pidfd)


def test_pidfd_of_another_process_is_handed_over(bundle, isola):
    receiver = ConsoleSocket(bundle.path / 'pidfd.sock')
    assert bundle.runs('sleep', '1000').create() == 0, bundle.output()
    isola('oci', 'start', 'c1')
    assert bundle.to_file('oci', 'exec', '--detach', '--pid-file', bundle.path / 'pid', '--pidfd-socket', receiver.path,
                          'c1', 'sleep', '1000') == 0, bundle.output()
    pidfd = receiver.receive()
    try:
        assert f"Pid:\t{(bundle.path / 'pid').read_text()}\n" in pathlib.Path(f'/proc/self/fdinfo/{pidfd}').read_text()
    finally:
        os.close(pidfd)
