# SPDX-License-Identifier: GPL-2.0-or-later
"""Side by side: isola, its peers and the floor, in alternating rounds of one run.

A figure means little by itself on a machine that others use as well, so every
round runs each row once, rows are compared by their medians, and each is given
as a multiple of the floor of the same rounds (tests/bench/floor.c).  Hot rounds
follow each other back to back; before each step of a cold round the machine
rests for 150 ms, because some kernel paths (an RCU grace period) are
cheap only when they have just been used.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
STATIC = ['-Os', '-nostdlib', '-static', '-ffreestanding', '-fno-builtin', '-fno-pie', '-no-pie',
          '-fno-stack-protector', '-Wl,--build-id=none']
DEVNULL = os.open(os.devnull, os.O_RDWR)
STREAMS = [(os.POSIX_SPAWN_DUP2, DEVNULL, n) for n in (0, 1, 2)]
COLD_PAUSE = 0.15


def spawn(argv, environment):
    return os.posix_spawn(argv[0], argv, environment, file_actions=STREAMS)


def once(argv, environment):
    """Runs a command, or a list of them one after the other; returns milliseconds and whether all succeeded."""
    well = True
    begin = time.perf_counter_ns()
    for each in argv if isinstance(argv[0], list) else [argv]:
        _, status = os.waitpid(spawn(each, environment), 0)
        well = well and status == 0
    return (time.perf_counter_ns() - begin) / 1e6, well


class HiddenCgroup2:
    """Runs commands where the cgroup2 hierarchy of a hybrid machine is hidden, as crun needs it."""

    def __init__(self, environment):
        there, here = os.pipe()
        back, out = os.pipe()
        self.out, self.back = here, back
        self.pid = os.fork()
        if self.pid == 0:
            os.close(here)
            os.close(back)
            self.serve(there, out, environment)
        os.close(there)
        os.close(out)

    @staticmethod
    def serve(there, out, environment):
        import ctypes
        libc = ctypes.CDLL(None)
        libc.unshare(0x20000)
        libc.mount(b'none', b'/sys/fs/cgroup/unified', b'tmpfs', 0, b'size=256m')
        with os.fdopen(there) as requests:
            for line in requests:
                answer = once(json.loads(line), environment)
                os.write(out, (json.dumps(answer) + '\n').encode())
        os._exit(0)

    def once(self, argv, _environment):
        os.write(self.out, (json.dumps(argv) + '\n').encode())
        return json.loads(os.read(self.back, 4096))

    def close(self):
        os.close(self.out)
        os.waitpid(self.pid, 0)


class Row:
    def __init__(self, name, argv, runner=once):
        commands = argv if isinstance(argv[0], list) else [argv]
        programs = [shutil.which(command[0]) for command in commands]
        self.name, self.runner = name, runner
        self.argv = [[program or command[0], *map(str, command[1:])] for program, command in zip(programs, commands)]
        if commands is not argv:
            self.argv = self.argv[0]
        self.there = all(programs)
        self.times, self.failures = [], 0


class Bench:
    def __init__(self, options):
        self.options = options
        self.binaries = {'main': str(pathlib.Path(options.isola).resolve())}
        if options.against:
            self.binaries['against'] = str(pathlib.Path(options.against).resolve())
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir='/var/tmp'))
        self.environment = {'PATH': os.environ.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin'), 'HOME': str(self.directory)}
        self.report = []
        self.serial = 0
        self.hidden = None

    # -- what everybody runs

    def make_root(self):
        self.root = self.directory / 'rootfs'
        for name in ('bin', 'proc', 'sys', 'dev', 'etc', 'tmp', 'run', 'root', 'var'):
            (self.root / name).mkdir(parents=True)
        (self.root / 'etc/passwd').write_text('root:x:0:0:root:/root:/bin/sh\n')
        for name in ('resolv.conf', 'hosts', 'hostname'):
            (self.root / 'etc' / name).write_text('')
        compiler = os.environ.get('CC', 'cc').split()
        self.floor = str(self.directory / 'floor')
        source = str(HERE / 'floor.c')
        subprocess.run([*compiler, *STATIC, source, '-o', self.floor], check=True)
        subprocess.run([*compiler, *STATIC, '-DTRUE', source, '-o', str(self.root / 'bin/true')], check=True)
        busybox = shutil.which('busybox')
        if busybox:
            shutil.copy(busybox, self.root / 'bin/busybox')
            for applet in ('sh', 'sleep'):
                (self.root / 'bin' / applet).symlink_to('busybox')
        self.tar = self.directory / 'rootfs.tar'
        with tarfile.open(self.tar, 'w') as tar:
            tar.add(self.root, '.')

    def isola(self, *arguments, home='main'):
        directory = self.directory / home
        return [self.binaries.get(home, self.binaries['main']), '--root', str(directory / 'data'), '--run-root',
                f'/run/isola-bench-{home}', *map(str, arguments)]

    def must(self, argv):
        done = subprocess.run(argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f'bench: {" ".join(argv)}: {done.stderr.strip() or done.returncode}')
        return done.stdout.strip()

    def make_bundle(self, program, name):
        bundle = self.directory / name
        bundle.mkdir()
        subprocess.run([shutil.which(program) or str(self.oci), 'spec'], cwd=bundle, env=self.environment, stdout=DEVNULL, check=True)
        spec = json.loads((bundle / 'config.json').read_text())
        spec['process'].update(terminal=False, args=['/bin/true'])
        spec['root'] = {'path': str(self.root), 'readonly': False}
        if not any(entry['type'] == 'cgroup' for entry in spec['linux']['namespaces']):
            spec['linux']['namespaces'].append({'type': 'cgroup'})
        # This machine's root may lack CAP_SYS_RESOURCE: raising a limit would fail.
        spec['process'].pop('rlimits', None)
        (bundle / 'config.json').write_text(json.dumps(spec))
        return bundle

    def make_podman_config(self):
        """What podman needs where root lacks CAP_SYS_RESOURCE, and its own network back end."""
        config = self.directory / 'containers.conf'
        config.write_text('[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=8192:8192"]\n'
                          '[network]\nnetwork_backend = "netavark"\n')
        self.environment['CONTAINERS_CONF'] = str(config)
        (self.directory / 'podman-networks').mkdir()

    def make_lxc_config(self):
        config = self.directory / 'lxc.conf'
        config.write_text(f'lxc.rootfs.path = dir:{self.root}\nlxc.net.0.type = empty\n'
                          'lxc.mount.auto = proc:mixed\nlxc.cgroup.dir = isola-bench-lxc\n')
        return config

    # -- measuring

    def measure(self, title, rows, rounds, cold=False, note=''):
        rows = [row for row in rows if row.there]
        for row in rows:  # one unmeasured round fills caches and finds what cannot run here
            row.runner(row.argv, self.environment)
        for _ in range(rounds):
            for row in rows:
                if cold:
                    time.sleep(COLD_PAUSE)
                took, well = row.runner(row.argv, self.environment)
                row.times.append(took)
                row.failures += not well
        base = statistics.median(rows[0].times)
        lines = []
        for row in rows:
            middle = statistics.median(row.times)
            tenth = statistics.quantiles(row.times, n=10)
            lines.append((row.name, f'{min(row.times):.2f}', f'{middle:.2f}', f'{tenth[8]:.2f}', f'{middle / base:.2f}',
                          str(row.failures) if row.failures else ''))
        self.table(title, ('', 'min ms', 'median', 'p90', 'ratio', 'failed'), lines, note)
        return {row.name: statistics.median(row.times) / base for row in rows}

    def table(self, title, head, lines, note=''):
        widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
        print(f'\n{title}')
        for line in [head, *lines]:
            print('  ' + line[0].ljust(widths[0]) + ''.join('  ' + cell.rjust(width)
                                                            for cell, width in zip(line[1:], widths[1:])))
        if note:
            print(f'  {note}')
        sys.stdout.flush()
        self.report.append(f'\n## {title}\n\n|' + '|'.join(f' {cell} ' for cell in head) + '|\n|---|'
                           + '---:|' * (len(head) - 1) + '\n'
                           + ''.join('|' + '|'.join(f' {cell} ' for cell in line) + '|\n' for line in lines)
                           + (f'\n{note}\n' if note else ''))

    def isola_rows(self, name, *arguments):
        """The command, and beside it the same one of the binary to compare with."""
        rows = [Row(f'isola {name}', self.isola(*arguments))]
        if 'against' in self.binaries:
            rows.append(Row(f'the other {name}', self.isola(*arguments, home='against')))
        return rows

    def system_calls(self, rows):
        """How many a whole run takes, its program's included, which makes two (strace -f -c)."""
        if not shutil.which('strace'):
            return
        counts, lines = self.directory / 'strace', []
        for row in rows:
            if not row.there or not row.name.startswith(('isola', 'the other', 'crun', 'runc')):
                continue
            counts.unlink(missing_ok=True)
            _, well = row.runner([shutil.which('strace'), '-f', '-c', '-o', str(counts), *row.argv], self.environment)
            if well:
                lines.append((row.name, counts.read_text().split('\n')[-2].split()[3]))
        self.table('System calls of a run', ('', 'calls'), lines)

    def run_rows(self):
        root, peers = str(self.root), self.directory
        rows = [
            Row('floor', [self.floor, root, '/bin/true']),
            Row('floor with user and time namespace', [self.floor, '-u', root, '/bin/true']),
            *self.isola_rows('run --network none', 'run', '--rm', '--network', 'none', 'bench', '/bin/true'),
            *self.isola_rows('run (bridge)', 'run', '--rm', 'bench', '/bin/true'),
            *self.isola_rows('run -p', 'run', '--rm', '-p', '18080:80', 'bench', '/bin/true'),
            Row('isola-oci run', [*self.oci_runtimes()[0][1], 'run', '-b', self.make_bundle('crun', 'isola-oci-bundle'),
                                  'isola-bench-isola']),
            Row('unshare', ['unshare', '-muinpC', '-f', f'--mount-proc', '-R', root, '/bin/true']),
            Row('bwrap --unshare-all', ['bwrap', '--unshare-all', '--bind', root, '/', '--proc', '/proc', '/bin/true']),
            Row('crun run', ['crun', '--root', peers / 'crun-state', 'run', '-b', self.make_bundle('crun', 'crun'),
                             'isola-bench-crun'], self.hidden.once if self.hidden else once),
            Row('runc run', ['runc', '--root', peers / 'runc-state', 'run', '-b', self.make_bundle('runc', 'runc'),
                             'isola-bench-runc']),
            Row('lxc-execute', ['lxc-execute', '-n', 'isola-bench', '-P', peers / 'lxc', '-f', self.make_lxc_config(),
                                '--', '/bin/true']),
        ]
        (peers / 'lxc').mkdir()
        return rows + self.engine_rows()

    def oci_runtimes(self):
        """Name, command with its options, and how to run it, of each OCI runtime."""
        hidden = self.hidden.once if self.hidden else once
        runtimes = [('isola-oci', str(self.oci), once), ('crun', shutil.which('crun'), hidden),
                    ('runc', shutil.which('runc'), once)]
        return [(name, [program, '--root', str(self.directory / f'{name}-state')], runner)
                for name, program, runner in runtimes if program]

    def oci_rows(self):
        """A container made and started by commands of their own, and what is asked of one that runs."""
        rows = [Row('floor', [self.floor, str(self.root), '/bin/true'])]
        for name, command, runner in self.oci_runtimes():
            one, target = f'isola-bench-{name}-one', f'isola-bench-{name}-target'
            bundle = self.directory / f'{name}-true'
            if not bundle.exists():
                self.make_bundle('crun', bundle.name)
            rows.append(Row(f'{name} create, start, delete',
                            [[*command, 'create', '-b', str(bundle), one], [*command, 'start', one],
                             [*command, 'delete', '--force', one]], runner))
            rows.append(Row(f'{name} state', [*command, 'state', target], runner))
        return rows

    def oci_list(self, n):
        """list, beside n containers."""
        command = self.oci_runtimes()[0][1]
        bundle = self.directory / 'isola-oci-sleep'
        for i in range(n):
            once([*command, 'run', '-d', '-b', str(bundle), f'isola-bench-{i}'], self.environment)
        times = [once([*command, 'list'], self.environment)[0] for _ in range(self.options.rounds)]
        floor = [once([self.floor, str(self.root), '/bin/true'], self.environment)[0] for _ in range(self.options.rounds)]
        for i in range(n):
            once([*command, 'delete', '--force', f'isola-bench-{i}'], self.environment)
        self.table(f'isola-oci list of {n}', ('', 'min ms', 'median'),
                   [(name, f'{min(row):.2f}', f'{statistics.median(row):.2f}')
                    for name, row in (('floor', floor), ('isola-oci list', times))])

    def engine_rows(self):
        """podman and docker, where installed and able to start."""
        rows = []
        if shutil.which('podman'):
            base = ['podman', '--root', self.directory / 'podman', '--runroot', self.directory / 'podman-run',
                    '--network-config-dir', self.directory / 'podman-networks', '--cgroup-manager', 'cgroupfs',
                    '--events-backend', 'file']
            base = list(map(str, base))
            runner = self.hidden.once if self.hidden else once
            if subprocess.run([*base, 'import', str(self.tar), 'bench'], stdout=DEVNULL, stderr=DEVNULL,
                              env=self.environment, check=False).returncode == 0:
                for name, network in (('--network none', ['--network', 'none']), ('(bridge)', []),
                                      ('-p', ['-p', '18081:80'])):
                    rows.append(Row(f'podman run {name}', [*base, 'run', '--rm', '--cgroup-parent', 'isola-bench-podman',
                                                           *network, 'bench', '/bin/true'], runner))
        if shutil.which('docker') and os.environ.get('DOCKER_HOST'):
            if subprocess.run(['docker', 'import', str(self.tar), 'isola-bench'], stdout=DEVNULL, stderr=DEVNULL,
                              check=False).returncode == 0:
                self.environment['DOCKER_HOST'] = os.environ['DOCKER_HOST']
                for network in ('none', 'bridge'):
                    rows.append(Row(f'docker run --network {network}', ['docker', 'run', '--rm', '--network', network,
                                                                        'isola-bench', '/bin/true']))
        return rows

    def exec_rows(self):
        self.must(self.isola('run', '-d', '--name', 'target', '--network', 'none', 'bench', '/bin/sleep', '100000'))
        pid = json.loads(self.must(self.isola('inspect', 'target')))[0]['State']['Pid']
        if 'against' in self.binaries:
            self.must(self.isola('run', '-d', '--name', 'target', '--network', 'none', 'bench', '/bin/sleep', '100000',
                                 home='against'))
        rows = [
            Row('floor', [self.floor, str(self.root), '/bin/true']),
            *self.isola_rows('exec', 'exec', 'target', '/bin/true'),
            Row('nsenter -a', ['nsenter', '-a', '-t', pid, '/bin/true']),
        ]
        for name, command, runner in self.oci_runtimes():
            bundle = self.make_bundle('crun', f'{name}-sleep')
            spec = json.loads((bundle / 'config.json').read_text())
            spec['process']['args'] = ['/bin/sleep', '100000']
            (bundle / 'config.json').write_text(json.dumps(spec))
            target = f'isola-bench-{name}-target'
            runner([*command, 'run', '-d', '-b', str(bundle), target], self.environment)
            rows.append(Row(f'{name} exec', [*command, 'exec', target, '/bin/true'], runner))
        return rows

    def stop_targets(self):
        for home in self.binaries:
            self.must(self.isola('rm', '-f', 'target', home=home))
        for name, command, runner in self.oci_runtimes():
            runner([*command, 'delete', '--force', f'isola-bench-{name}-target'], self.environment)

    def at_once(self, n):
        """Wall time of n commands started together."""
        lines = []
        kinds = [('floor', lambda i: [self.floor, str(self.root), '/bin/true'], True),
                 ('isola run --network none', lambda i: self.isola('run', '--rm', '--network', 'none', 'bench',
                                                                   '/bin/true'), True),
                 ('isola run (bridge)', lambda i: self.isola('run', '--rm', 'bench', '/bin/true'), True)]
        if shutil.which('runc'):
            if not (self.directory / 'runc').exists():
                self.make_bundle('runc', 'runc')
            kinds.append(('runc run', lambda i: [shutil.which('runc'), '--root', str(self.directory / 'runc-state'), 'run',
                                                 '-b', str(self.directory / 'runc'), f'isola-bench-{i}'], True))
        base = None
        for name, argv, _ in kinds:
            begin = time.perf_counter()
            pids = [spawn(argv(i), self.environment) for i in range(n)]
            failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in pids)
            took = (time.perf_counter() - begin) * 1000
            base = base or took
            lines.append((name, f'{took:.0f}', f'{took / n:.2f}', f'{took / base:.2f}', str(failed) if failed else ''))
        self.table(f'{n} started at once', ('', 'ms in all', 'ms each', 'ratio', 'failed'), lines)

    def many(self, sizes):
        """ps, and one more run, beside n containers."""
        have, lines, alone = 0, [], None
        rounds = self.options.rounds
        home = 'many'
        self.must(self.isola('image', 'import', str(self.tar), 'bench', home=home))
        for n in sizes:
            begin = time.perf_counter()
            while have < n:
                batch = [spawn(self.isola('run', '-d', '--network', 'none', '--name', f'c{have + i}', 'bench', '/bin/sleep',
                                          '100000', home=home), self.environment) for i in range(min(8, n - have))]
                for pid in batch:
                    os.waitpid(pid, 0)
                have += len(batch)
            started = time.perf_counter() - begin
            listed = len(self.must(self.isola('ps', '-q', home=home)).splitlines())
            if listed != n:
                print(f'bench: {listed} of {n} containers run', file=sys.stderr)
            floor, listing, run = [], [], []
            for _ in range(rounds):
                for times, argv in ((floor, [self.floor, str(self.root), '/bin/true']), (listing, self.isola('ps', home=home)),
                                    (run, self.isola('run', '--rm', '--network', 'none', 'bench', '/bin/true', home=home))):
                    times.append(once(argv, self.environment)[0])
            alone = alone or statistics.median(run)
            lines.append((str(n), f'{started:.1f}', f'{statistics.median(floor):.2f}', f'{statistics.median(listing):.2f}',
                          f'{statistics.median(run):.2f}', f'{statistics.median(run) / alone:.2f}'))
            self.monitor_memory(home, n)
        self.table('Beside many containers', ('containers', 's to start', 'floor ms', 'ps ms', 'run ms', 'run ratio'), lines)
        ids = self.must(self.isola('ps', '-aq', home=home)).split()
        for i in range(0, len(ids), 200):
            self.must(self.isola('rm', '-f', *ids[i:i + 200], home=home))

    def monitor_memory(self, home, n):
        totals = []
        for state in pathlib.Path(f'/run/isola-bench-{home}/containers').glob('*/state.json'):
            pid = json.loads(state.read_text()).get('MonitorPid')
            try:
                text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
            except OSError:
                continue
            totals.append(sum(int(line.split()[1]) for line in text.splitlines() if line.startswith('Private_')))
        if totals:
            self.memory = (n, statistics.median(totals), max(totals))

    def write_markdown(self):
        head = (f'# Performance\n\nWritten by tests/bench/run on {platform.system()} {platform.release()}, '
                f'{os.cpu_count()} processors, {time.strftime("%Y-%m-%d")}. Compare ratios, not milliseconds: every table '
                'was measured in alternating rounds of one run, and its first row is the floor, a program without libc '
                'that makes the same namespaces, mounts proc and executes the same `true` (tests/bench/floor.c).\n')
        pathlib.Path(self.options.markdown).write_text(head + ''.join(self.report))

    def main(self):
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=False)
        # As on any machine, and ours alone: run-time state is in memory, data on the disk.
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'none', '/run'], check=True)
        self.make_root()
        self.make_podman_config()
        self.oci = self.directory / 'isola-oci'
        self.oci.symlink_to(self.binaries['main'])
        if pathlib.Path('/sys/fs/cgroup/unified/cgroup.procs').exists():
            self.hidden = HiddenCgroup2(self.environment)
        rounds = self.options.rounds
        parts = self.options.parts.split(',')
        try:
            for home in self.binaries:
                self.must(self.isola('image', 'import', str(self.tar), 'bench', home=home))
            if 'run' in parts:
                rows = self.run_rows()
                self.measure('Run, hot', rows, rounds)
                self.system_calls(rows)
                for directory in ('crun', 'runc', 'lxc', 'isola-oci-bundle'):
                    shutil.rmtree(self.directory / directory, ignore_errors=True)
                self.measure('Run, cold', self.run_rows(), max(5, rounds // 2), cold=True)
            if 'exec' in parts:
                rows = self.exec_rows()
                self.measure('Exec, hot', rows, rounds)
                for row in rows:
                    row.times, row.failures = [], 0
                self.measure('Exec, cold', rows, max(5, rounds // 2), cold=True)
                self.measure('OCI runtimes, hot', self.oci_rows(), rounds)
                self.oci_list(self.options.many)
                self.stop_targets()
            if 'at-once' in parts:
                self.at_once(self.options.at_once)
            if 'many' in parts:
                self.many([1, 100, 1000] if self.options.many >= 1000 else [1, self.options.many])
                n, middle, most = self.memory
                self.table(f'Private memory of a monitor, of {n}', ('', 'KiB'),
                           [('median', f'{middle:.0f}'), ('most', str(most))])
        finally:
            for home in (*self.binaries, 'many'):
                if (self.directory / home).exists():
                    ids = subprocess.run(self.isola('ps', '-aq', home=home), stdout=subprocess.PIPE, text=True,
                                         env=self.environment, check=False).stdout.split()
                    if ids:
                        subprocess.run(self.isola('rm', '-f', *ids, home=home), stdout=DEVNULL, check=False,
                                       env=self.environment)
            if self.hidden:
                self.hidden.close()
            cgroups = pathlib.Path('/sys/fs/cgroup')
            # lxc's, podman's and runc's; podman has conmon below a place of its own, whatever it is told.
            for left in [*cgroups.glob('*/isola-bench-*'), *cgroups.glob('*/libpod_parent')]:
                for directory in [*sorted(left.rglob('*/'), reverse=True), left]:
                    try:
                        directory.rmdir()
                    except OSError:
                        pass
            shutil.rmtree(self.directory, ignore_errors=True)
        if self.options.markdown:
            self.write_markdown()


parser = argparse.ArgumentParser(prog='tests/bench/run')
parser.add_argument('isola', help='the binary to measure')
parser.add_argument('--against', metavar='BINARY', help='another isola to measure beside it, with its helper next to it')
parser.add_argument('--parts', default='run,exec,at-once,many', help='only these of run,exec,at-once,many')
parser.add_argument('--rounds', type=int, default=40)
parser.add_argument('--at-once', type=int, default=100)
parser.add_argument('--many', type=int, default=1000, help='containers to list and to start beside')
parser.add_argument('--quick', action='store_true', help='few rounds, few containers')
parser.add_argument('--markdown', metavar='FILE', help='also write the tables there')
arguments = parser.parse_args()
if arguments.quick:
    arguments.rounds, arguments.at_once, arguments.many = 10, 20, 30
Bench(arguments).main()
