# SPDX-License-Identifier: GPL-2.0-or-later
"""Hooks around a container's life, in their order and with the state as it is then."""
import json
import pathlib

import pytest
from conftest import wait_until
from oci_bundle import bundle  # fixture

KINDS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop']


def set_hooks(bundle, kinds=KINDS, **failing):
    """Each hook adds a line to a file: its name, the pid and the status that it reads; and may fail."""
    log = bundle.path / 'rootfs' / 'log'
    log.write_text('')
    log.chmod(0o666)
    bundle.config['hooks'] = {}
    for kind in kinds:
        where = '/log' if kind == 'startContainer' else log
        script = (f'state=$(cat); field() {{ echo "$state" | tr ",{{" "\\n\\n" | sed -n "s/.*\\"$1\\": *\\"*\\([^\\"]*\\).*/\\1/p"; }}; '
                  f'echo "{kind} $(field id) $(field status) $(field pid) $(pwd)" >> {where}; {failing.get(kind, "true")}')
        bundle.config['hooks'][kind] = [{'path': '/bin/sh', 'args': ['sh', '-c', script]}]
    bundle.save()
    return log


def lines(log):
    return [line.split() for line in log.read_text().splitlines()]


def test_hooks_run_in_their_order_with_the_state_of_the_time(bundle, isola):
    bundle.runs('echo program >> /log; exec sleep 1000')
    log = set_hooks(bundle)
    assert bundle.create() == 0, bundle.output()
    pid = str(bundle.pid())
    here, rootfs = str(bundle.path), str(bundle.path / 'rootfs')
    created = [['prestart', 'c1', 'creating', pid, here], ['createRuntime', 'c1', 'creating', pid, here],
               ['createContainer', 'c1', 'creating', '1', rootfs]]
    assert lines(log) == created
    isola('oci', 'start', 'c1')
    wait_until(lambda: ['program'] in lines(log))
    started = lines(log)
    assert started[:4] == created + [['startContainer', 'c1', 'created', '1', '/']]
    assert sorted(started[4:]) == [['poststart', 'c1', 'running', pid, here], ['program']]
    isola('oci', 'delete', '--force', 'c1')
    assert lines(log)[6:] == [['poststop', 'c1', 'stopped', '0', here]]


def test_run_runs_them_too(bundle):
    bundle.runs('echo program >> /log')
    log = set_hooks(bundle)
    bundle.run()
    assert sorted(line[0] for line in lines(log)) == sorted(KINDS + ['program'])
    assert lines(log)[-1][0] == 'poststop'


@pytest.mark.parametrize('kind', KINDS[:3])
def test_hook_that_fails_while_creating_undoes_all(bundle, kind):
    bundle.runs('echo program >> /log')
    log = set_hooks(bundle, **{kind: 'echo no luck >&2; exit 3'})
    assert bundle.create() == 1
    assert f"the {kind} hook '/bin/sh' failed with status 3: no luck" in bundle.output()
    assert [line[0] for line in lines(log)] == KINDS[:KINDS.index(kind) + 1] + ['poststop']
    assert not pathlib.Path(bundle.isola.run_root, 'oci', 'c1').exists()


def test_start_hook_that_fails_keeps_the_program_from_running(bundle, isola):
    bundle.runs('echo program >> /log')
    log = set_hooks(bundle, startContainer='exit 3')
    assert bundle.create() == 0
    assert "the startContainer hook '/bin/sh' failed with status 3" in isola('oci', 'start', 'c1', code=1).stderr
    bundle.wait_for('stopped')
    isola('oci', 'delete', 'c1')
    assert [line[0] for line in lines(log)] == KINDS[:4] + ['poststop']


def test_poststart_hook_that_fails_kills_the_container(bundle, isola):
    bundle.runs('exec sleep 1000')
    set_hooks(bundle, ['poststart'], poststart='exit 3')
    assert bundle.create() == 0
    assert "the poststart hook '/bin/sh' failed with status 3" in isola('oci', 'start', 'c1', code=1).stderr
    assert bundle.status() == 'stopped'


def test_poststop_hook_that_fails_is_a_warning(bundle, isola):
    bundle.runs('true')
    log = set_hooks(bundle, ['poststop'], poststop='exit 3')
    bundle.config['hooks']['poststop'].append({'path': '/bin/sh', 'args': ['sh', '-c', f'echo second >> {log}']})
    bundle.save()
    done = bundle.run()
    assert "the poststop hook '/bin/sh' failed with status 3" in done.stderr
    assert lines(log)[-1] == ['second']


def test_hook_that_takes_too_long_is_killed(bundle):
    bundle.runs('true')
    bundle.config['hooks'] = {'createRuntime': [{'path': '/bin/sleep', 'args': ['sleep', '1000'], 'timeout': 1}]}
    bundle.save()
    assert bundle.create() == 1
    assert "the createRuntime hook '/bin/sleep' did not end within 1 seconds" in bundle.output()


def test_annotations_are_part_of_the_state(bundle):
    bundle.runs('true')
    bundle.config['annotations'] = {'com.example.key': 'a "value"'}
    bundle.config['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'args': ['sh', '-c', f'cat > {bundle.path}/state']}]}
    bundle.save()
    bundle.run()
    state = json.loads((bundle.path / 'state').read_text())
    assert state['annotations'] == {'com.example.key': 'a "value"'}
    assert state['bundle'] == str(bundle.path) and state['ociVersion'] == '1.3.0'


def test_output_of_hooks_goes_where_annotations_say(bundle, isola, tmp_path):
    hook = [{'path': '/bin/sh', 'args': ['sh', '-c', f'echo out {kind}; echo error {kind} >&2']} for kind in KINDS]
    bundle.config['hooks'] = {kind: [one] for kind, one in zip(KINDS, hook)}
    out, error = tmp_path / 'out', tmp_path / 'error'
    bundle.config['annotations'] = {'run.oci.hooks.stdout': str(out), 'run.oci.hooks.stderr': str(error)}
    assert bundle.runs('sleep', '1000').create() == 0, bundle.output()
    isola('oci', 'start', 'c1')
    isola('oci', 'delete', '--force', 'c1')
    assert out.read_text().splitlines() == [f'out {kind}' for kind in KINDS]
    assert error.read_text().splitlines() == [f'error {kind}' for kind in KINDS]


def test_output_of_hooks_that_cannot_be_written_is_an_error(bundle, isola):
    bundle.config['annotations'] = {'run.oci.hooks.stdout': '/nowhere/out'}
    assert "cannot open '/nowhere/out' for the output of hooks" in bundle.runs('true').run(code=1).stderr
