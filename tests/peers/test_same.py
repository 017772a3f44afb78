# SPDX-License-Identifier: GPL-2.0-or-later
"""The same bundle under runc and under isola: what a process sees must be the same.

A probe prints what it sees, in sections; the sections are compared. What may differ, and why, is in Seen: nothing
else may. The configurations are runc's default one, one change each, and combinations of changes drawn with a fixed
seed.
"""
import copy
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import pytest
from conftest import integration, need

PROBE = pathlib.Path(__file__).with_name('probe.sh')
APPLETS = ('cat chmod cut echo env grep head hostname id ls mkdir mknod pwd readlink sed sh sleep sort stat tail touch '
           'true wc').split()
MAPPING = {'containerID': 0, 'hostID': 200000, 'size': 65536}
COMBINATIONS = 60


class Bundle:
    """A bundle at one path, made anew for each run: what a container writes must not be there for the next."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='isola-same-', dir='/var/tmp'))
        self.path.chmod(0o755)  # for users of a user namespace, which runc enters first
        self.name = self.path.name
        subprocess.run(['runc', 'spec', '--bundle', self.path], check=True)
        self.config = json.loads((self.path / 'config.json').read_text())
        self.config['process']['terminal'] = False
        self.config['process']['args'] = ['/probe.sh']
        self.config['linux']['cgroupsPath'] = f'/{self.name}'
        self.busybox = shutil.which('busybox')

    def make(self, userns):
        for name in ('rootfs', 'data'):
            shutil.rmtree(self.path / name, ignore_errors=True)
        rootfs, data = self.path / 'rootfs', self.path / 'data'
        for name in ('bin', 'proc', 'sys', 'dev', 'etc', 'work'):
            (rootfs / name).mkdir(parents=True)
        (rootfs / 'tmp').mkdir()
        (rootfs / 'tmp').chmod(0o1777)
        (rootfs / 'opt').symlink_to('work')
        (rootfs / 'work/below').mkdir()
        (rootfs / 'work/below/file').write_text('below\n')
        (rootfs / 'work/file').write_text('work\n')
        (rootfs / 'etc/file').write_text('etc\n')
        shutil.copy(self.busybox, rootfs / 'bin/busybox')
        for applet in APPLETS:
            (rootfs / 'bin' / applet).symlink_to('busybox')
        shutil.copy(PROBE, rootfs / 'probe.sh')
        (data / 'deep').mkdir(parents=True)
        (data / 'file').write_text('data\n')
        (data / 'deep/file').write_text('deep\n')
        if userns:
            subprocess.run(['chown', '-Rh', f"{MAPPING['hostID']}:{MAPPING['hostID']}", rootfs, data], check=True)
        (self.path / 'config.json').write_text(json.dumps(self.config))

    def mount(self, destination, type_, source, *options):
        self.config['mounts'].append({'destination': destination, 'type': type_, 'source': str(source),
                                      'options': list(options)})

    def run(self, *command):
        self.make(any(n['type'] == 'user' for n in self.config['linux']['namespaces']))
        done = subprocess.run([*map(str, command), 'run', '--bundle', self.path, self.name], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              env={'PATH': os.environ['PATH']})
        return done

    def clean(self):
        shutil.rmtree(self.path)


@pytest.fixture
def bundle():
    need('runc')
    made = Bundle()
    yield made
    made.clean()


class Seen:
    """The probe's sections, without what differs between any two containers, and without what isola does otherwise.

    * masks: runc covers a file with its container's /dev/null and a directory with a tmpfs each; isola covers both
      with what lies in one read-only tmpfs, which nothing in the container can have changed
    * runc joins all hierarchies of version 1; isola one only where a limit asks for it, and shows version 2
    * in a user namespace runc binds the machine's devices, which are nobody's then, and gives a tmpfs to its user by
      option; isola's devices are the container's own, in a tmpfs that is mapped, with the mode that is said
    * the mode of a tmpfs is an option or set later; the directory's own is compared
    * a super block that all share (sysfs) stays writable; the mount is read-only
    * runc leaves the two signals that libc keeps to itself (32 and 33) ignored where its caller ignored them
    """

    def __init__(self, text):
        parts = re.split(r'^@@ (\w+)\n', text, flags=re.M)
        self.sections = dict(zip(parts[1::2], parts[2::2]))
        self.sections['mountinfo'] = '\n'.join(sorted(filter(None, map(self.mount, self['mountinfo'].splitlines()))))
        if ' 200000 ' in self['maps']:
            self.sections['dev'] = re.sub(r'^crw-------( .* null)$', r'crw-rw-rw-\1', self['dev'].replace('65534', '0    '),
                                          flags=re.M)
        self.sections['namespaces'] = '\n'.join(self.own_or_not(line) for line in self['namespaces'].splitlines())
        self.sections['status'] = re.sub('^SigIgn:\t(.*)$', lambda found: f'SigIgn: {int(found[1], 16) & ~(3 << 31):x}',
                                         self['status'], flags=re.M)
        self.sections['limited'] = '\n'.join(line for line in self['limited'].splitlines() if not re.search(
            r"( 9223372036854771712| max| 1024| -1| 100000| 0-\d+|can't open .*)$", line))

    def __getitem__(self, name):
        return self.sections[name]

    @staticmethod
    def own_or_not(line):
        kind = line.split(':')[0]
        return f"{kind} {'shared' if os.readlink(f'/proc/self/ns/{kind}') == line else 'own'}"

    @staticmethod
    def mount(line):
        before, after = line.split(' - ')
        _, _, _, root, place, options, *tags = before.split()
        kind, _, super_options = after.split(' ', 2)
        if place.startswith('/sys/fs/cgroup'):
            return None
        if place.startswith('/dev/') and root == place[len('/dev'):]:
            return None
        if root.endswith(('/none', '/empty', '/null')) or (
                kind == 'tmpfs' and super_options.split(',')[0] == 'ro' and root == '/' and
                re.match('/(proc|sys|etc|work)/', place)):
            return f'{place} masked'
        tags = ' '.join(tag.split(':')[0] for tag in tags)
        options = ','.join(sorted(set(options.split(',')) - {'idmapped'}))
        super_options = ','.join(sorted(o for o in super_options.split(',') if not re.match('r[ow]$|[ug]id=200000|mode=', o)))
        return f'{place} {root} {options} [{tags}] {kind} {super_options}'

    def differences(self, other):
        return {name: f'--- runc\n{self[name]}\n--- isola\n{other[name]}' for name in self.sections
                if self[name] != other.sections.get(name)}


def compare(bundle):
    """Returns whether runc could run it at all."""
    state = bundle.path / 'state'
    theirs = bundle.run('runc', '--root', state / 'runc')
    ours = bundle.run(integration.BINARY, '--run-root', state / 'isola', 'oci')
    # A device that the machine has no node of: isola makes it, in a user namespace too.
    # An option that the kernel lets nobody change inside, but isola sets outside.
    refused = r'error creating device nodes: mount /dev/|error mounting .* flags: .* operation not permitted'
    if re.search(refused, theirs.stderr) and '@@ end' in ours.stdout:
        return False
    if theirs.returncode != 0 and '@@ end' not in theirs.stdout:
        assert ours.returncode != 0, f'only runc refuses: {theirs.stderr}'
        return False
    assert ours.returncode == theirs.returncode, ours.stderr
    assert '@@ end' in ours.stdout, ours.stderr
    differences = Seen(theirs.stdout).differences(Seen(ours.stdout))
    assert not differences, '\n'.join(f'@@ {name}\n{text}' for name, text in differences.items())
    return True


# ---- changes ----

def namespaces(c):
    return c['linux']['namespaces']


def drop(kind):
    def change(b):
        b.config['linux']['namespaces'] = [n for n in namespaces(b.config) if n['type'] != kind]
        if kind == 'uts':
            b.config.pop('hostname', None)
        if kind == 'network':
            mounts = b.config['mounts']
            next(m for m in mounts if m['destination'] == '/sys')['options'] = ['rbind', 'ro']
            next(m for m in mounts if m['destination'] == '/sys').update(type='bind', source='/sys')
            b.config['mounts'] = [m for m in mounts if m['destination'] != '/sys/fs/cgroup']
    return change


def put(*path, value):
    """Sets a member of config.json."""
    def change(b):
        place = b.config
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = copy.deepcopy(value)
    return change


def bind(destination, *options, source='data', type_='bind'):
    return lambda b: b.mount(destination, type_, b.path / source, *options)


def tmpfs(destination, *options):
    return lambda b: b.mount(destination, 'tmpfs', 'tmpfs', *options)


def without_mount(destination):
    def change(b):
        b.config['mounts'] = [m for m in b.config['mounts'] if m['destination'] != destination]
    return change


def mount_options(destination, *options):
    def change(b):
        for m in b.config['mounts']:
            if m['destination'] == destination:
                m['options'] = list(options)
    return change


def device(path, kind, major=0, minor=0, **more):
    def change(b):
        b.config['linux'].setdefault('devices', []).append(
            {'path': path, 'type': kind, 'major': major, 'minor': minor, **more})
    return change


def user_namespace(b):
    namespaces(b.config).append({'type': 'user'})
    b.config['linux']['uidMappings'] = b.config['linux']['gidMappings'] = [MAPPING]


def cgroup_namespace(b):
    namespaces(b.config).append({'type': 'cgroup'})


def capabilities(names, sets=('bounding', 'effective', 'permitted', 'inheritable')):
    return put('process', 'capabilities', value={s: [f'CAP_{n}' for n in names] for s in sets})


def several(*changes):
    def change(b):
        for each in changes:
            each(b)
    return change


def seccomp(*calls, action='SCMP_ACT_ERRNO', **more):
    return put('linux', 'seccomp', value={'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [
        {'names': list(calls), 'action': action, **more}]})


def limits(*values):
    return put('process', 'rlimits', value=[{'type': f'RLIMIT_{n}', 'soft': s, 'hard': h} for n, s, h in values])


ALLOW_ALL = put('linux', 'resources', 'devices', value=[{'allow': True, 'access': 'rwm'}])

# Those of one group exclude each other.
CHANGES = {
    'namespaces': {'no-pid': drop('pid'), 'no-network': drop('network'), 'no-ipc': drop('ipc'), 'no-uts': drop('uts'),
                   'userns': user_namespace, 'cgroupns': cgroup_namespace,
                   'userns-cgroupns': several(user_namespace, cgroup_namespace)},
    'root': {'root-rw': put('root', 'readonly', value=False), 'root-ro': put('root', 'readonly', value=True)},
    # Not those that the runc of Debian 12 does not carry out: shared, rshared, unbindable.
    'propagation': {f'propagation-{word}': put('linux', 'rootfsPropagation', value=word)
                    for word in ('private', 'rprivate', 'slave', 'rslave')},
    'user': {'user': put('process', 'user', value={'uid': 1000, 'gid': 1001}),
             'groups': put('process', 'user', value={'uid': 0, 'gid': 5, 'additionalGids': [5, 7, 1]}),
             'umask': put('process', 'user', value={'uid': 3, 'gid': 3, 'umask': 0o77})},
    'cwd': {'cwd': put('process', 'cwd', value='/tmp'), 'cwd-made': put('process', 'cwd', value='/srv/a')},
    'environment': {'environment': put('process', 'env', value=['PATH=/bin', 'A=b=c', 'EMPTY=', 'HOME=/x']),
                    'environment-twice': put('process', 'env', value=['PATH=/bin', 'A=1', 'A=2'])},
    'limits': {'limits': limits(('NOFILE', 100, 200), ('CORE', 0, 0), ('NPROC', 1000, 1000), ('STACK', 1 << 20, 1 << 22)),
               'limits-none': put('process', 'rlimits', value=[])},
    'capabilities': {'caps-none': capabilities([]),
                     'caps-docker': capabilities(['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'SETGID', 'SETUID',
                                                  'SETPCAP', 'SYS_CHROOT', 'KILL'], ('bounding', 'effective', 'permitted')),
                     'caps-ambient': capabilities(['NET_BIND_SERVICE', 'KILL'],
                                                  ('bounding', 'effective', 'permitted', 'inheritable', 'ambient')),
                     'caps-bounding': several(capabilities(['CHOWN'], ('bounding',))),
                     'caps-missing': lambda b: b.config['process'].pop('capabilities', None)},
    'privileges': {'new-privileges': put('process', 'noNewPrivileges', value=False)},
    'oom': {'oom': put('process', 'oomScoreAdj', value=300)},
    'seccomp': {'seccomp-errno': seccomp('mkdir', 'mkdirat', errnoRet=95),
                'seccomp-eperm': seccomp('mknod', 'mknodat'),
                'seccomp-argument': seccomp('chmod', 'fchmodat', args=[{'index': 1, 'value': 0o700, 'op': 'SCMP_CMP_EQ'}]),
                'seccomp-log': seccomp('sync', action='SCMP_ACT_LOG')},
    'masks': {'masks-none': several(put('linux', 'maskedPaths', value=[]), put('linux', 'readonlyPaths', value=[])),
              'masks-more': put('linux', 'maskedPaths', value=['/etc/file', '/work/below', '/no/such', '/proc/kcore']),
              'readonly-more': several(put('root', 'readonly', value=False),
                                       put('linux', 'readonlyPaths', value=['/work', '/etc/file', '/nothing', '/proc/sys']))},
    'sysctl': {'sysctl-net': put('linux', 'sysctl', value={'net.ipv4.ip_forward': '1',
                                                           'net.ipv4.ip_unprivileged_port_start': '80'}),
               'sysctl-ipc': put('linux', 'sysctl', value={'kernel.shmmni': '1234', 'kernel.msgmax': '9000',
                                                           'fs.mqueue.msg_max': '20'})},
    'names': {'hostname': put('hostname', value='other.example')},
    'resources': {'memory': put('linux', 'resources', 'memory', value={'limit': 64 << 20}),
                  'pids': put('linux', 'resources', 'pids', value={'limit': 99}),
                  'cpu': put('linux', 'resources', 'cpu', value={'shares': 300, 'quota': 20000, 'period': 50000}),
                  'cpuset': put('linux', 'resources', 'cpu', value={'cpus': '0'})},
    'allowed': {'devices-all': ALLOW_ALL},
    'data': {'bind': bind('/data', 'bind'), 'bind-ro': bind('/data', 'bind', 'ro'),
             'rbind': bind('/data', 'rbind', 'rprivate', 'nosuid', 'nodev', 'noexec'),
             'bind-slave': bind('/data', 'rbind', 'rslave'), 'bind-shared': bind('/data', 'rbind', 'rshared'),
             'bind-private': bind('/data', 'rbind', 'private', 'ro'),
             'bind-type-none': bind('/data', 'rbind', 'rw', type_='none'),
             'bind-atime': bind('/data', 'bind', 'noatime', 'nodiratime'),
             'bind-strict': bind('/data', 'bind', 'strictatime'), 'bind-deep': bind('/data/a/b', 'rbind', 'rprivate'),
             'bind-link': bind('/opt/sub', 'bind', 'rprivate'), 'bind-over-link': bind('/opt', 'bind', 'rprivate'),
             'bind-file': bind('/etc/file', 'bind', 'rprivate', source='data/file'),
             'bind-new-file': several(put('root', 'readonly', value=False),
                                      bind('/data/new/file', 'bind', 'ro', source='data/file')),
             'bind-missing-source': bind('/data', 'bind', source='nothing'),
             'bind-dir-on-file': bind('/etc/file', 'bind'),
             'bind-contradiction': bind('/data', 'bind', 'ro', 'rw', 'suid', 'nosuid', 'exec')},
    'run': {'tmpfs': tmpfs('/run', 'nosuid', 'nodev', 'mode=755', 'size=1m'), 'tmpfs-ro': tmpfs('/run', 'ro', 'mode=700'),
            'tmpfs-plain': tmpfs('/run'), 'tmpfs-owner': tmpfs('/run', 'uid=5', 'gid=6', 'mode=1770', 'noexec'),
            'tmpfs-nested': several(tmpfs('/run', 'mode=755'), bind('/run/a/b', 'bind')),
            'tmpfs-over': tmpfs('/work'), 'tmpfs-copy': tmpfs('/work', 'tmpcopyup', 'mode=755'),
            'tmpfs-options': tmpfs('/run', 'relatime', 'sync', 'dirsync', 'mode=755'),
            'unknown-option': tmpfs('/run', 'colour=blue')},
    'standard': {'no-mqueue': without_mount('/dev/mqueue'), 'no-cgroup': without_mount('/sys/fs/cgroup'),
                 'no-shm': without_mount('/dev/shm'), 'sys-rw': mount_options('/sys', 'nosuid', 'noexec', 'nodev'),
                 'proc-options': mount_options('/proc', 'nosuid', 'noexec', 'nodev'),
                 'dev-ro': mount_options('/dev', 'nosuid', 'ro', 'mode=755'),
                 'no-dev': several(put('root', 'readonly', value=False), without_mount('/dev'), without_mount('/dev/shm'),
                                   without_mount('/dev/pts'), without_mount('/dev/mqueue'))},
    'devices': {'device-char': device('/dev/more/zero', 'c', 1, 5, fileMode=0o640, uid=1, gid=2),
                'device-block': device('/dev/disk', 'b', 7, 200), 'device-fifo': device('/dev/pipe', 'p', fileMode=0o600),
                'device-null': several(device('/dev/null', 'c', 1, 3, fileMode=0o600), ALLOW_ALL),
                'device-outside': several(put('root', 'readonly', value=False), device('/work/zero', 'c', 1, 5, fileMode=0o666)),
                'device-ptmx': device('/dev/ptmx', 'c', 5, 2)},
}
ALL = {name: change for group in CHANGES.values() for name, change in group.items()}


def combinations():
    """Drawn with a fixed seed: the same every time, and by name, so that one can be run alone."""
    source = random.Random(20260101)
    drawn = []
    for _ in range(COMBINATIONS):
        groups = source.sample(sorted(CHANGES), source.randint(3, 7))
        drawn.append('+'.join(source.choice(sorted(CHANGES[group])) for group in groups))
    return drawn


def test_default_configuration(bundle):
    assert compare(bundle)


@pytest.mark.parametrize('name', sorted(ALL))
def test_one_change(bundle, name):
    ALL[name](bundle)
    compare(bundle)


@pytest.mark.parametrize('names', combinations())
def test_combination(bundle, names):
    for name in names.split('+'):
        ALL[name](bundle)
    compare(bundle)
