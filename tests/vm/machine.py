# SPDX-License-Identifier: GPL-2.0-or-later
"""What a virtual machine is made of: a kernel, its modules, a root file system.

All of it is Debian's, taken with apt and mmdebstrap, unpacked and never
installed, and kept below the cache directory ($XDG_CACHE_HOME or ~/.cache,
isola-vm) under names that say what it was made from: a changed list of packages
makes a new root file system, and removing the directory renews everything.

    kernel-<suite>/   vmlinux, modules.img, early/*.ko, version
    root-<key>/       root.img: Debian with systemd; no run writes to it

A part is made in a temporary directory and renamed when it is whole, so a run
that was interrupted leaves nothing that looks ready.
"""
import contextlib
import fcntl
import hashlib
import inspect
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MIRROR = os.environ.get('VM_MIRROR', 'http://deb.debian.org/debian')
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
ROOT_SUITE = 'bookworm'
KERNEL_SUITES = {'bullseye': '5.10', 'bookworm': '6.1', 'trixie': '6.12'}
PACKAGES = ['apparmor', 'busybox-static', 'dbus', 'iproute2', 'kmod', 'libcurl4', 'libpam-systemd', 'nftables', 'passt', 'procps', 'python3-pytest',
            'python3-pytest-xdist', 'python3-yaml', 'skopeo', 'systemd', 'systemd-sysv', 'udev', 'uidmap', 'util-linux', 'xz-utils', 'zstd']
LEFT_OUT = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*']
ROOT_MIB = 2048  # sparse; the containers of a run need some room
# What has to be there before the root file system is; the rest is loaded when it is asked for.
EARLY_MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console', 'ext4']


def cache():
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    directory = pathlib.Path(base) / 'isola-vm'
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def run(*command, **options):
    """Runs a tool quietly; what it said is shown if it fails."""
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        sys.exit(f'{done.stdout}check-vm: {command[0]} failed with exit code {done.returncode}')
    return done.stdout


@contextlib.contextmanager
def made_once(target):
    """Gives a directory to fill and renames it to `target`, or None if that is there."""
    with open(cache() / f'.{target.name}.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second run waits for the first one's work
        if target.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(prefix=f'.{target.name}.', dir=cache()) as directory:
            work = pathlib.Path(directory) / 'work'
            work.mkdir()
            yield work
            work.rename(target)


def make_image(path, tree, mib):
    """An ext4 image of a directory; without a journal, as no image outlives its run."""
    run('mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-E', 'lazy_itable_init=1,root_owner=0:0', '-m', '0', '-d', tree,
        path, f'{mib}M')


def tree_mib(tree):
    return int(run('du', '-sm', '--apparent-size', tree).split()[0])


# --- the kernel ---


def apt(directory, suite):
    """apt with package lists and sources of its own: the machine's are not looked at."""
    (directory / 'lists/partial').mkdir(parents=True, exist_ok=True)
    (directory / 'archives/partial').mkdir(parents=True, exist_ok=True)
    (directory / 'sources.list').write_text(f'deb [signed-by={KEYRING}] {MIRROR} {suite} main\n')
    return ['-o', f'Dir::Etc::sourcelist={directory}/sources.list', '-o', 'Dir::Etc::sourceparts=-', '-o',
            f'Dir::State::lists={directory}/lists', '-o', f'Dir::Cache={directory}', '-o', 'APT::Sandbox::User=root', '-o',
            'Acquire::Languages=none']


def newest_kernel(options):
    """The package that the suite's linux-image-cloud-amd64 stands for."""
    for line in run('apt-cache', *options, 'depends', 'linux-image-cloud-amd64').splitlines():
        relation, _, package = line.strip().partition(': ')
        if relation == 'Depends' and package.startswith('linux-image-'):
            return package
    sys.exit(f'check-vm: {MIRROR} has no linux-image-cloud-amd64')


def unpack_kernel(bzimage):
    """The ELF kernel in a bzImage: QEMU starts it directly (PVH) and saves decompressing it in the emulation.

    The setup header says where it is (Documentation/arch/x86/boot.rst); the last
    four bytes are its unpacked size.
    """
    data = bzimage.read_bytes()
    offset, length = struct.unpack_from('<II', data, 0x248)
    start = (data[0x1f1] + 1) * 512 + offset
    payload = data[start:start + length - 4]
    tools = {b'\xfd7zXZ': 'xz', b'\x02\x21\x4c\x18': 'lz4', b'\x28\xb5\x2f\xfd': 'zstd', b'\x1f\x8b\x08': 'gzip'}
    for magic, tool in tools.items():
        if payload.startswith(magic):
            return subprocess.run([tool, '-dc'], input=payload, stdout=subprocess.PIPE, check=True).stdout
    sys.exit(f'check-vm: {bzimage.name} is compressed in an unknown way')


def cpio(entries):
    """An initramfs in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    out = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ('TRAILER!!!', 0, b'')], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b'070701' + b''.join(b'%08X' % f for f in fields) + name.encode() + b'\0'
        out += b'\0' * (-len(out) % 4) + data
        out += b'\0' * (-len(out) % 4)
    return bytes(out)


def early_modules(modules):
    """The files of EARLY_MODULES and what they need, in loading order; what is built in has none."""
    needs = {}
    for line in (modules / 'modules.dep').read_text().splitlines():
        name, _, rest = line.partition(':')
        needs[name] = rest.split()
    names = {os.path.basename(n).split('.')[0].replace('-', '_'): n for n in needs}
    order = []
    for module in EARLY_MODULES:
        if module in names:
            order += [n for n in [*reversed(needs[names[module]]), names[module]] if n not in order]
    return order


def read_module(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == '.xz' else data


def make_initrd(kernel_directory):
    """The first root: busybox, the early modules and `init`, which goes on to the disk's."""
    entries = [(d, 0o040755, b'') for d in ('bin', 'dev', 'proc', 'sys', 'new', 'modules')]
    entries += [('bin/busybox', 0o100755, pathlib.Path(shutil.which('busybox')).read_bytes()),
                ('init', 0o100755, (HERE / 'init').read_bytes())]
    entries += [(f'modules/{m.name}', 0o100644, m.read_bytes()) for m in sorted((kernel_directory / 'early').iterdir())]
    return cpio(entries)


def kernel(suite):
    """Returns the directory with the suite's kernel."""
    target = cache() / f'kernel-{suite}'
    with made_once(target) as work:
        if work is None:
            return target
        print(f"check-vm: fetching Debian {suite}'s kernel", flush=True)
        with tempfile.TemporaryDirectory(dir=cache()) as scratch:
            directory = pathlib.Path(scratch)
            options = apt(directory, suite)
            run('apt-get', *options, 'update')
            package = newest_kernel(options)
            run('apt-get', *options, 'download', package, cwd=scratch)
            run('dpkg', '-x', next(directory.glob('*.deb')), directory / 'tree')
            version = package.removeprefix('linux-image-')
            tree = directory / 'tree'
            if not (tree / 'lib').exists():
                (tree / 'lib').symlink_to('usr/lib')  # newer packages need not be told
            run('depmod', '-b', tree, version)
            modules = tree / 'lib/modules' / version
            (work / 'vmlinux').write_bytes(unpack_kernel(tree / 'boot' / f'vmlinuz-{version}'))
            (work / 'early').mkdir()
            for i, name in enumerate(early_modules(modules)):
                (work / f'early/{i:02}.ko').write_bytes(read_module(modules / name))
            make_image(work / 'modules.img', tree / 'lib/modules', tree_mib(modules) + 32)
            (work / 'version').write_text(version)
    return target


# --- the root file system ---


def customize(tree):
    """What is not a package: units, no password, no waiting."""
    units = tree / 'etc/systemd/system'
    (units / 'isola-tests.service').write_text((HERE / 'isola-tests.service').read_text())
    wants = units / 'multi-user.target.wants'
    wants.mkdir(exist_ok=True)
    (wants / 'isola-tests.service').symlink_to('../isola-tests.service')
    # apparmor.service compiles profiles for ten seconds; the kernel's part needs none.
    for unit in ('apparmor.service', 'apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer',
                 'e2scrub_all.timer', 'e2scrub_reap.service', 'fstrim.timer', 'getty.target', 'systemd-binfmt.service',
                 'systemd-pstore.service', 'systemd-update-utmp.service'):
        mask = units / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to('/dev/null')
    (tree / 'isola').mkdir()
    (tree / 'usr/lib/modules').mkdir()
    (tree / 'etc/hostname').write_text('isola-vm\n')
    (tree / 'etc/machine-id').write_text('0123456789abcdef0123456789abcdef\n')
    (tree / 'etc/resolv.conf').write_text('nameserver 192.0.2.53\n')


def root():
    """Returns the image of the root file system."""
    made_from = [ROOT_SUITE, MIRROR, *PACKAGES, *LEFT_OUT, str(ROOT_MIB), inspect.getsource(customize),
                 (HERE / 'isola-tests.service').read_text()]
    key = hashlib.sha256('\n'.join(made_from).encode()).hexdigest()[:12]
    target = cache() / f'root-{key}'
    with made_once(target) as work:
        if work is None:
            return target / 'root.img'
        print(f'check-vm: making a root file system of Debian {ROOT_SUITE}', flush=True)
        with tempfile.TemporaryDirectory(dir=cache()) as scratch:
            tree = pathlib.Path(scratch) / 'tree'
            run('mmdebstrap', '--variant=minbase', f"--include={','.join(PACKAGES)}",
                '--aptopt=Acquire::Languages "none"', *(f'--dpkgopt=path-exclude={path}' for path in LEFT_OUT),
                ROOT_SUITE, tree, f'deb [signed-by={KEYRING}] {MIRROR} {ROOT_SUITE} main')
            customize(tree)
            make_image(work / 'root.img', tree, ROOT_MIB)
    for old in cache().glob('root-*'):
        if old != target:
            shutil.rmtree(old)  # made from something that is not asked for any more
    return target / 'root.img'
