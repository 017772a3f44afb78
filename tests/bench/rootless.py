#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An ordinary user's containers beside root's and, where Podman is installed, beside his of Podman's, in alternating rounds.

usage: /usr/bin/python3 tests/bench/rootless.py ISOLA [ROUNDS]
Times: the median in milliseconds and its ratio to root's `run --rm --network none`, and the same of the minimum, which says more on a
busy machine.  Streams: HTTP, a container from the world and the
world from a published port, median of a third of the rounds.

Podman runs as the same user: crun, native overlay, its files on a tmpfs, slirp4netns (its default network until 5.0).  crun 1.8 refuses
machines with both versions of control groups, so Podman has a mount namespace in which version 2 is not mounted.
"""
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

os.environ['ISOLA'] = str(pathlib.Path(sys.argv[1]).resolve())
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import conftest  # noqa: E402

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
STREAM_MIB = 200
WORLD = '192.0.2.1'
SERVER = '''import socket, sys, tempfile
f = tempfile.TemporaryFile(); f.truncate(int(sys.argv[1]))
s = socket.create_server(("", 9000))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.recv(65536)
    c.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %s\\r\\n\\r\\n" % sys.argv[1].encode())
    c.sendfile(f)
    c.close()
'''
CLIENT = '''import socket, sys
c = socket.create_connection((sys.argv[1], int(sys.argv[2])))
c.sendall(b"GET /file HTTP/1.0\\r\\n\\r\\n")
n = 0
while piece := c.recv(1 << 20):
    n += len(piece)
assert n > int(sys.argv[3]), n
'''


def new_isola(user, rootfs):
    isola = conftest.Isola(pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir='/var/tmp')), user=user)
    with open(rootfs, 'rb') as archive:
        isola('image', 'import', '-', 'busybox', stdin=archive)
    return isola


class Podman:
    """The user's Podman in a mount namespace of its own, which a process holds."""

    def __init__(self, user, rootfs):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-podman-', dir='/var/tmp'))
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', self.home], check=True)
        self.holder = subprocess.Popen(['unshare', '-m', 'sh', '-c', 'umount /sys/fs/cgroup/unified 2>/dev/null; mount -t tmpfs tmpfs /run; '
                                        'echo; exec sleep 1000000'], stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        shutil.copy(rootfs, self.home / 'rootfs.tar')
        (self.home / 'run').mkdir(mode=0o700)
        (self.home / 'containers.conf').write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        subprocess.run(['chown', '-R', f'{user.uid}:{user.uid}', self.home], check=True)
        self.words = ['nsenter', '-m', '-t', str(self.holder.pid), 'setpriv', f'--reuid={user.uid}', f'--regid={user.uid}', '--clear-groups', 'env', '-i', f'PATH={os.environ["PATH"]}',
                      f'HOME={self.home}', f'XDG_RUNTIME_DIR={self.home}/run', f'CONTAINERS_CONF={self.home}/containers.conf', 'podman',
                      '--storage-driver', 'overlay', '--runtime', 'crun', '--root', str(self.home / 'root'), '--runroot', str(self.home / 'run/root')]
        subprocess.run(self.command('import', self.home / 'rootfs.tar', 'busybox'), check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, cwd='/')

    def command(self, *arguments):
        return [*self.words, *map(str, arguments)]

    def close(self):
        for words in (['rm', '-f', '-a', '-t', '0'], ['system', 'migrate']):
            subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd='/')
        self.holder.kill()
        self.holder.wait()
        subprocess.run(['umount', '-l', self.home], check=True)
        self.home.rmdir()


def run(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd='/')


def measure_runs(rows):
    times = {name: [] for name in rows}
    for _ in range(ROUNDS + 1):
        for name, command in rows.items():
            start = time.perf_counter()
            done = run(command)
            if done.returncode == 0 and times[name] is not None:
                times[name].append(time.perf_counter() - start)
            elif times[name] is not None:
                print(f'{name}: left out: {done.stdout.strip()[-200:]}')
                times[name] = None
    first = times['root, --network none'][1:]
    print(f'load {os.getloadavg()[0]:.1f}, {ROUNDS} rounds')
    for name, found in times.items():
        if found:
            median, least = statistics.median(found[1:]), min(found[1:])
            print(f'{name:52} {median * 1000:8.1f} ms {median / statistics.median(first):6.2f}   '
                  f'{least * 1000:8.1f} ms {least / min(first):6.2f}')


def rate(command):
    """Mbit/s of a program that moves STREAM_MIB."""
    start = time.perf_counter()
    done = run(command)
    assert done.returncode == 0, done.stdout
    return STREAM_MIB * 8.388608 / (time.perf_counter() - start)


def measure_streams(engines, inside):
    size = STREAM_MIB << 20
    server = subprocess.Popen([*inside, sys.executable, '-c', SERVER, str(size)], stdout=subprocess.PIPE)
    server.stdout.readline()
    script = f'mkdir /www; dd if=/dev/zero of=/www/file bs=1M seek={STREAM_MIB} count=0; exec httpd -f -p 80 -h /www'
    for i, command in enumerate(engines.values()):
        done = run(command('run', '-d', '--name', 'stream', '-p', f'{18080 + i}:80', 'busybox', 'sh', '-c', script))
        assert done.returncode == 0, done.stdout
    time.sleep(1)
    found = {}
    for _ in range(max(ROUNDS // 3, 3)):
        for i, (name, command) in enumerate(engines.items()):
            found.setdefault(f'{name}, from the world', []).append(rate(command('exec', 'stream', 'wget', '-q', '-O', '/dev/null',
                                                                               f'http://{WORLD}:9000/')))
            found.setdefault(f'{name}, from a published port', []).append(rate([*inside, sys.executable, '-c', CLIENT, '192.0.2.2',
                                                                               str(18080 + i), str(size)]))
    for name, rates in found.items():
        print(f'{name:52} {statistics.median(rates):8.0f} Mbit/s (best {max(rates):.0f})')
    for command in engines.values():
        run(command('rm', '-f', 'stream'))
    server.kill()
    server.wait()


def main():
    conftest.enter_test_host()
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-bench-', dir='/var/tmp'))
    directory.chmod(0o755)
    rootfs = directory / 'rootfs.tar'
    conftest.make_busybox_tar(rootfs)
    world, tun = conftest.make_world(), conftest.open_tun()
    inside = next(world)
    next(tun)
    joe = conftest.User()
    root, alone, company = new_isola(None, rootfs), new_isola(joe, rootfs), new_isola(joe, rootfs)
    company('run', '-d', '--name', 'stays', 'busybox', 'sleep', '100000')
    root.become = [shutil.which('setpriv'), '--reuid=0', '--regid=0', '--clear-groups']  # what the others pay
    none, linked = ('run', '--rm', '--network', 'none', 'busybox', 'true'), ('run', '--rm', 'busybox', 'true')
    rows = {
        'root, --network none': root.command(*none),
        'a user, --network none': alone.command(*none),
        'a user who has another container, --network none': company.command(*none),
        'root, with network': root.command(*linked),
        'a user, with network': alone.command(*linked),
        'a user who has another container, with network': company.command(*linked),
    }
    engines = {'isola, pasta': company.command}
    with contextlib.ExitStack() as stack:
        for made in (world, tun):
            stack.callback(next, made, None)
        stack.callback(joe.remove)
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        for isola in (root, alone, company):
            stack.callback(isola.remove_state, pathlib.Path(isola.root).parent)
            stack.callback(isola.remove_all)
        if shutil.which('podman') and shutil.which('crun') and shutil.which('slirp4netns'):
            podman = Podman(joe, rootfs)
            stack.callback(podman.close)
            rows['Podman of a user, --network none'] = podman.command(*none)
            rows['Podman of a user, with network'] = podman.command('run', '--rm', '--network', 'slirp4netns', 'busybox', 'true')
            engines['Podman, slirp4netns'] = podman.command
        measure_runs(rows)
        measure_streams(engines, inside)


main()
