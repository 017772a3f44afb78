# SPDX-License-Identifier: GPL-2.0-or-later
"""What config.json says of the process, and what it may not say."""
import json
import os
import pathlib

import pytest
from oci_bundle import bundle  # fixture

# Nice value, real-time priority and policy, of the 19th, 40th and 41st fields (proc_pid_stat(5)).
SCHEDULER = 'read line < /proc/self/stat; set -- ${line##*) }; echo ${17} ${38} ${39}'


def refused(bundle, sentence):
    bundle.save()
    done = bundle.run(code=1)
    assert sentence in done.stderr, done.stderr
    assert list((pathlib.Path(bundle.isola.run_root) / 'oci').glob('[!.]*')) == []


def test_scheduler_and_priorities(bundle):
    process = bundle.config['process']
    process['scheduler'] = {'policy': 'SCHED_BATCH', 'nice': -3}
    process['ioPriority'] = {'class': 'IOPRIO_CLASS_BE', 'priority': 6}
    process['oomScoreAdj'] = 77
    bundle.runs(SCHEDULER + '; busybox ionice -p 1; cat /proc/self/oom_score_adj')
    assert bundle.run().stdout == '-3 0 3\nbest-effort: prio 6\n77\n'


def test_personality_and_memory_policy_are_of_exec_too(bundle, isola):
    bundle.config['linux']['personality'] = {'domain': 'LINUX32'}
    if os.path.exists('/proc/self/numa_maps'):
        bundle.config['linux']['memoryPolicy'] = {'mode': 'MPOL_BIND', 'nodes': '0'}
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0
    isola('oci', 'start', 'c1')
    assert '64' not in isola.out('oci', 'exec', 'c1', 'busybox', 'uname', '-m')
    if os.path.exists('/proc/self/numa_maps'):
        assert ' bind:0 ' in isola.out('oci', 'exec', 'c1', 'cat', '/proc/self/numa_maps')


def test_exec_takes_a_process_document(bundle, isola):
    bundle.runs('exec sleep 1000')
    assert bundle.create() == 0
    isola('oci', 'start', 'c1')
    last = max(os.sched_getaffinity(0))
    process = {'args': ['sh', '-c', SCHEDULER + '; grep Cpus_allowed_list /proc/self/status; umask; ulimit -n; id -G'],
               'cwd': '/', 'user': {'uid': 0, 'gid': 0, 'umask': 63, 'additionalGids': [5]},
               'scheduler': {'policy': 'SCHED_IDLE'}, 'execCPUAffinity': {'initial': str(last), 'final': str(last)},
               'rlimits': [{'type': 'RLIMIT_NOFILE', 'hard': 99, 'soft': 98}]}
    (bundle.path / 'process.json').write_text(json.dumps(process))
    out = isola.out('oci', 'exec', '--process', bundle.path / 'process.json', 'c1')
    assert out.splitlines() == [f'{os.nice(0)} 0 5', f'Cpus_allowed_list:\t{last}', '0077', '98', '0 5']

    process['execCPUAffinity'] = {'final': 'x'}
    (bundle.path / 'process.json').write_text(json.dumps(process))
    done = isola('oci', 'exec', '--process', bundle.path / 'process.json', 'c1', code=None)
    assert done.returncode != 0
    assert "execCPUAffinity.final: 'x' is not a list like '0-3,7'" in done.stderr


def test_limits_of_engines_are_whole_numbers_of_64_bits(bundle):
    bundle.config['process']['rlimits'] = [{'type': 'RLIMIT_CORE', 'hard': 2**64 - 1, 'soft': 2**64 - 1},
                                           {'type': 'RLIMIT_CPU', 'hard': 2**63, 'soft': 100}]
    bundle.runs('ulimit -c; ulimit -t')
    assert bundle.run().stdout == 'unlimited\n100\n'


def test_unknown_capability_is_only_a_warning(bundle):
    bundle.config['process']['capabilities']['bounding'].append('CAP_TIME_TRAVEL')
    bundle.runs('echo on')
    done = bundle.run()
    assert done.stdout == 'on\n'
    assert "capability 'CAP_TIME_TRAVEL' is not known" in done.stderr


def test_syntax_error_is_told_with_its_line(bundle, isola):
    bundle.runs('true')
    text = json.dumps(bundle.config, indent=1).replace('"cwd": "/"', '"cwd": 7')
    (bundle.path / 'config.json').write_text(text)
    line = text[:text.index('"cwd"')].count('\n') + 1
    done = isola('oci', 'run', '--bundle', bundle.path, 'c1', code=1)
    assert f'config.json:{line}: process.cwd: not a string' in done.stderr
    (bundle.path / 'config.json').write_text(text[:100])
    assert 'not JSON' in isola('oci', 'run', '--bundle', bundle.path, 'c1', code=1).stderr


def change(config, path, value):
    """Sets config['a']['b'] for 'a.b'; drops it for a value of None."""
    *outer, last = path.split('.')
    for name in outer:
        config = config.setdefault(name, {})
    if value is None:
        del config[last]
    else:
        config[last] = value


@pytest.mark.parametrize('path, value, sentence', [
    ('ociVersion', '3.0.0', "ociVersion: '3.0.0' is not supported"),
    ('ociVersion', 'one', "ociVersion: 'one' is not a version"),
    ('root', None, 'root.path: the container has no root'),
    ('process', None, 'process: missing'),
    ('process.args', [], 'process: args: there is no program to run'),
    ('process.cwd', 'tmp', "process: cwd: 'tmp' is not an absolute path"),
    ('process.rlimits', [{'type': 'RLIMIT_CORE', 'hard': 1, 'soft': 1}] * 2, "'RLIMIT_CORE' is said twice"),
    ('process.scheduler', {'policy': 'SCHED_ISO'}, "Linux does not implement 'SCHED_ISO'"),
    ('process.ioPriority', {'class': 'X', 'priority': 1}, "ioPriority.class: 'X' is not a class"),
    ('linux.intelRdt', {'closID': 'x'}, 'linux.intelRdt: it is not supported'),
    ('linux.personality', {'domain': 'LINUX', 'flags': ['X']}, "linux.personality.flags: 'X' is not supported"),
    ('linux.memoryPolicy', {'mode': 'MPOL_BIND'}, "linux.memoryPolicy.nodes: 'MPOL_BIND' needs some"),
    ('linux.timeOffsets', {'boottime': {'secs': 1}}, 'linux.timeOffsets: they need a new time namespace'),
    ('linux.uidMappings', [{'containerID': 0, 'hostID': 0, 'size': 1}], 'the container has no user namespace'),
    ('linux.namespaces', [{'type': 'uts'}, {'type': 'mount'}, {'type': 'mount'}], "'mount' is said twice"),
    ('linux.sysctl', {'kernel.panic': '1'}, "sysctl 'kernel.panic' cannot be set for a container alone"),
    ('linux.rootfsPropagation', 'x', "linux.rootfsPropagation: 'x' is not a propagation"),
    ('linux.resources.memory', {'swappiness': 101}, 'memory.swappiness: 101 is not between 0 and 100'),
    ('hooks.poststop', [{'path': 'x'}], "hooks.poststop[0].path: 'x' is not an absolute path"),
    ('hooks.poststop', [{'path': '/x', 'timeout': 0}], 'hooks.poststop[0].timeout: 0 is not above 0'),
])
def test_what_makes_no_sense_is_refused_by_name(bundle, path, value, sentence):
    bundle.runs('true')
    change(bundle.config, path, value)
    refused(bundle, sentence)


@pytest.mark.skipif(os.path.exists('/sys/module/apparmor'), reason='this kernel has AppArmor')
def test_apparmor_profile_without_apparmor_is_refused(bundle):
    bundle.runs('echo on')
    bundle.config['process']['apparmorProfile'] = 'docker-default'
    refused(bundle, "the AppArmor profile 'docker-default' cannot be applied: AppArmor is not enabled on this machine")
    bundle.config['process']['apparmorProfile'] = 'unconfined'
    bundle.save()
    assert bundle.run().stdout == 'on\n'


@pytest.mark.skipif(os.path.exists('/sys/fs/selinux/enforce'), reason='this kernel has SELinux')
def test_labels_of_selinux_without_selinux_are_refused(bundle):
    bundle.runs('true')
    bundle.config['process']['selinuxLabel'] = 'a:b:c:d'
    refused(bundle, "the SELinux label 'a:b:c:d' cannot be applied: SELinux is not enabled on this machine")
    del bundle.config['process']['selinuxLabel']
    bundle.config['linux']['mountLabel'] = 'a:b:c:d'
    refused(bundle, "the mount label 'a:b:c:d' cannot be applied: SELinux is not enabled on this machine")


def test_what_is_of_other_platforms_or_unknown_is_passed_over(bundle):
    bundle.config.update(solaris={'milestone': 'x'}, windows={'layerFolders': 7}, vm=[], freebsd=None, unknown={'a': [1.5]})
    bundle.config['process'].update(commandLine='x', unknown=[])
    bundle.runs('echo on')
    assert bundle.run().stdout == 'on\n'


def test_features_name_what_is_understood(bundle, isola):
    features = isola.json('oci', 'features')
    linux = features['linux']
    assert features['ociVersionMax'] == '1.3.0'
    assert linux['netDevices'] == linux['apparmor'] == linux['selinux'] == {'enabled': True}
    assert linux['intelRdt'] == {'enabled': False}
    bundle.config['linux']['seccomp'] = {
        'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': linux['seccomp']['archs'],
        'flags': linux['seccomp']['supportedFlags'],
        'syscalls': [{'names': ['mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'args': [
            {'index': n % 6, 'value': 2**64 - 1, 'valueTwo': 7, 'op': op}]} for n, op in enumerate(linux['seccomp']['operators'])]}
    bundle.runs('echo on')
    assert bundle.run().stdout == 'on\n'

    bundle.config['linux']['seccomp']['syscalls'] = [
        {'names': ['mkdirat'], 'action': action, 'args': [{'index': 0, 'value': n, 'op': 'SCMP_CMP_EQ'}]}
        for n, action in enumerate(linux['seccomp']['actions'])]
    bundle.runs('true')
    assert "'SCMP_ACT_NOTIFY' needs a 'listenerPath'" in bundle.run(code=1).stderr
    del bundle.config['linux']['seccomp']

    for mode in linux['memoryPolicy']['modes']:
        nodes = '' if mode in ('MPOL_DEFAULT', 'MPOL_LOCAL') else '0'
        bundle.config['linux']['memoryPolicy'] = {'mode': mode, 'nodes': nodes}
        bundle.runs('true')
        done = bundle.run(code=None)
        assert 'is not a mode' not in done.stderr


@pytest.mark.parametrize('ids', [False, True])
def test_loopback_of_a_new_network_is_up(bundle, ids):
    """As with runc and crun; who joins a network finds it as somebody else has set it up."""
    bundle.config['mounts'].append({'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs', 'options': ['ro']})
    if ids:
        own = [{'containerID': 0, 'hostID': 100000, 'size': 1000}]
        bundle.config['linux']['namespaces'].append({'type': 'user'})
        bundle.config['linux'].update(uidMappings=own, gidMappings=own)
    assert bundle.runs('cat /sys/class/net/lo/flags').run().stdout == '0x9\n'


def test_annotation_that_needs_another_runtime_is_refused(bundle):
    bundle.config['annotations'] = {'run.oci.handler': 'wasm', 'org.example': 'anything'}
    assert "the annotation 'run.oci.handler=wasm' cannot be carried out" in bundle.runs('true').run(code=1).stderr


def test_annotation_that_is_left_undone_is_a_warning(bundle):
    bundle.config['annotations'] = {'run.oci.delegate-cgroup': 'x'}
    assert "the annotation 'run.oci.delegate-cgroup=x' is not carried out" in bundle.runs('true').run().stderr


STATUS = 'grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status'


@pytest.mark.parametrize('own_filter', [False, True])
def test_strict_profile_by_annotation(bundle, isola, own_filter):
    """It holds for what is executed later, too; Landlock alone refuses the mount where the filter lets it through."""
    caps = ['CAP_SYS_ADMIN']
    bundle.config['process']['capabilities'] = {kind: caps for kind in ('bounding', 'effective', 'permitted')}
    bundle.config['process']['noNewPrivileges'] = False
    if own_filter:
        bundle.config['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW'}
    script = f'{STATUS}; mount -t tmpfs none /work 2>/dev/null && echo mounted'
    assert 'mounted' in bundle.runs(script + '; true').run().stdout
    bundle.config['annotations'] = {'org.isola.strict': 'true'}
    bundle.runs('sleep', '1000').create()
    isola('oci', 'start', 'c1')
    process = {'args': ['sh', '-c', script + '; true'], 'cwd': '/', 'user': {'uid': 0, 'gid': 0},
               'capabilities': bundle.config['process']['capabilities'], 'env': ['PATH=/bin']}
    (bundle.path / 'process.json').write_text(json.dumps(process))
    said = isola.out('oci', 'exec', '--process', bundle.path / 'process.json', 'c1')
    assert said.split() == ['NoNewPrivs:', '1', 'Seccomp:', '2']
    isola('oci', 'delete', '--force', 'c1')
    assert bundle.runs(script + '; true').run().stdout.split() == ['NoNewPrivs:', '1', 'Seccomp:', '2']
