# SPDX-License-Identifier: GPL-2.0-or-later
"""`isola build`: what each instruction does to the image, the cache, and what a mistake says."""
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import time

import pytest
from conftest import leftovers, wait_until
from dockerfiles import Builder, build, fresh_build  # noqa: F401


def image_id(isola, name):
    return isola.json('image', 'inspect', name)[0]['Id']


# ------------------------------------------------------------------ the founding documents


def test_three_lines(fresh_build, rootfs_tar):
    shutil.copy(rootfs_tar, fresh_build.directory / 'rootfs.tar')
    out = fresh_build('FROM scratch\nADD rootfs.tar /\nCMD ["/bin/sh"]\n', name='sistema').stdout.splitlines()
    assert out[0] == 'Step 1/3 : FROM scratch'
    assert out[1] == 'Step 2/3 : ADD rootfs.tar /'
    assert out[-1] == 'Successfully tagged sistema:latest'
    assert out[-2].startswith('Successfully built ')
    assert out[-3].split()[-1] == out[-2].split()[-1]
    assert fresh_build.config()['Cmd'] == ['/bin/sh']
    assert fresh_build.isola.out('run', '--rm', '--network', 'none', 'sistema', 'echo', 'hello') == 'hello'
    assert len(fresh_build.layers()) == 1


# ------------------------------------------------------------------------ instructions


def test_configuration(build):
    build('FROM busybox\n'
          'ARG V=1\n'
          'ENV A=1 B="x y"\nENV OLD style value\nENV C=$A$V\n'
          'LABEL one=1 "two words"=2\n'
          'WORKDIR /srv\nWORKDIR app\n'
          'USER user\nEXPOSE 80 53/udp\nVOLUME /data\nSTOPSIGNAL SIGQUIT\n'
          'SHELL ["/bin/sh", "-ec"]\nENTRYPOINT ["/bin/echo", "-n"]\nCMD echo $A\n')
    config = build.config()
    environment = dict(pair.split('=', 1) for pair in config['Env'])
    assert environment['A'] == '1' and environment['B'] == 'x y'
    assert environment['OLD'] == 'style value' and environment['C'] == '11'
    assert 'V' not in environment
    assert config['Labels'] == {'one': '1', 'two words': '2'}
    assert config['WorkingDir'] == '/srv/app' and config['User'] == 'user'
    assert set(config['ExposedPorts']) == {'80/tcp', '53/udp'} and set(config['Volumes']) == {'/data'}
    assert config['StopSignal'] == 'SIGQUIT'
    assert config['Entrypoint'] == ['/bin/echo', '-n'] and config['Cmd'] == ['/bin/sh', '-ec', 'echo $A']


def test_run_forms(build):
    out = build('FROM busybox\nENV A=value\n'
                'RUN echo "shell $A" && id -u && echo $HOSTNAME > /where\n'
                'RUN ["/bin/sh", "-c", "echo exec; echo problem >&2"]\n'
                'USER user\nWORKDIR /tmp\nRUN id -un; pwd\n', '--no-cache')
    assert 'shell value\n0\n' in out.stdout and '\nexec\n' in out.stdout and '\nuser\n/tmp\n' in out.stdout
    assert out.stderr == 'problem\n'


def test_run_leaves_only_its_own_files(build):
    build('FROM busybox\nRUN mkdir -p /opt/x && echo 1 > /opt/x/y && rm /var/www/index.html\n')
    assert build.files() == ['opt', 'opt/x', 'opt/x/y', 'var', 'var/www', 'var/www/index.html']
    assert build.isola('run', '--rm', '--network', 'none', build.name, 'cat', '/var/www/index.html', code=1)


def test_run_is_isolated(build):
    out = build('FROM busybox\n'
                'RUN cat /proc/self/uid_map; cat /proc/1/comm; grep CapEff /proc/self/status\n', '--no-cache').stdout
    assert '         0          0 4294967295' not in out
    assert '\nsh\n' in out or '\ncat\n' in out
    assert '000001ffffffffff' not in out


def test_run_networks(build):
    listing = 'FROM busybox\nRUN --network={} ls /sys/class/net | tr "\\n" " "\n'
    assert 'eth0 lo' in build(listing.format('default'), '--no-cache').stdout
    assert 'eth0' not in build(listing.format('none'), '--no-cache').stdout
    assert 'eth0' not in build('FROM busybox\nRUN ls /sys/class/net\n', '--no-cache', '--network', 'none').stdout


def test_an_empty_run_makes_no_layer(build):
    build('FROM busybox\nRUN true\n')
    assert len(build.isola.json('image', 'inspect', build.name)[0]['RootFS']['Layers']) == 1


def test_copy(build):
    build.write('a.txt', 'a')
    build.write('run.sh', '#!/bin/sh\n', 0o755)
    build.write('dir/x', 'x')
    build.write('dir/sub/y', 'y')
    (build.directory / 'dir/link').symlink_to('sub/y')
    os.utime(build.directory / 'a.txt', (1_000_000_000, 1_000_000_000))
    build('FROM busybox\nWORKDIR /w\n'
          'COPY a.txt /one\nCOPY a.txt into/\nCOPY run.sh a.txt ./\nCOPY dir /dir\nCOPY dir/s* /star/\n'
          'COPY ["a.txt", "/with blank/"]\nCOPY a.txt /etc\n')
    script = ('stat -c "%n %a %u:%g %Y" /one /w/into/a.txt /w/run.sh; cat /dir/x /dir/sub/y; readlink /dir/link; '
              'ls /star; ls "/with blank"; ls /etc/a.txt; stat -c %a /w/into "/with blank"')
    out = build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', script)
    assert out.splitlines() == ['/one 644 0:0 1000000000', '/w/into/a.txt 644 0:0 1000000000', out.splitlines()[2],
                                'xysub/y', 'y', 'a.txt', '/etc/a.txt', '755', '755']
    assert out.splitlines()[2].startswith('/w/run.sh 755 0:0')


def test_copy_owner_and_mode(build):
    build.write('f', 'x')
    build('FROM busybox\nCOPY --chown=user f /a\nCOPY --chown=www-data:staff --chmod=600 f /b\n'
          'COPY --chown=7:8 f /c\nARG WHO=12\nCOPY --chown=$WHO f /d\n')
    out = build.isola.out('run', '--rm', '--network', 'none', build.name, 'stat', '-c', '%u:%g %a',
                          '/a', '/b', '/c', '/d')
    assert out.splitlines() == ['1000:1000 644', '33:50 600', '7:8 644', '12:12 644']
    assert "'nobody-here'" in build.fails('FROM busybox\nCOPY --chown=nobody-here f /a\n')


def test_destination_stays_inside(build):
    """A link in the image leads into the image, not into the machine."""
    build.write('f', 'x')
    build('FROM busybox\nRUN ln -s /../../../../../tmp /out && ln -s /../../var/tmp/isola-escape /nowhere\n'
          'COPY f /out/isola-escape\n')
    assert not os.path.exists('/tmp/isola-escape')
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'cat', '/tmp/isola-escape') == 'x'
    assert "'/nowhere' is a link that leads nowhere" in build.fails(f'FROM {build.name}\nCOPY f /nowhere/f\n')
    assert not os.path.exists('/var/tmp/isola-escape')


def test_source_stays_inside(build, tmp_path_factory):
    secret = tmp_path_factory.mktemp('outside') / 'secret'
    secret.write_text('secret')
    (build.directory / 'link').symlink_to(secret)
    (build.directory / 'up').symlink_to('../../../../../../../etc')
    build.write('real', 'real')
    (build.directory / 'inner').symlink_to('/real')
    assert "'../x' is outside of the context" in build.fails('FROM busybox\nCOPY ../x /x\n')
    assert "there is no 'link' in the context" in build.fails('FROM busybox\nCOPY link /x\n')
    assert 'there is no' in build.fails('FROM busybox\nCOPY up/passwd /x\n')
    build('FROM busybox\nCOPY inner /x\n')
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'cat', '/x') == 'real'


@pytest.mark.parametrize('kind', ['', ':gz', ':bz2', ':xz', ':zst'])
def test_add_unpacks(build, kind):
    path = build.directory / 'thing'
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode='w') as tar:
        entry = tarfile.TarInfo('deep/file')
        entry.size, entry.mode, entry.uid, entry.gid, entry.mtime = 5, 0o640, 7, 8, 1_000_000_000
        tar.addfile(entry, io.BytesIO(b'hello'))
    tools = {'': ['cat'], ':gz': ['gzip', '-c'], ':bz2': ['bzip2', '-c'], ':xz': ['xz', '-c'], ':zst': ['zstd', '-c', '-q']}
    if not shutil.which(tools[kind][0]):
        pytest.skip(f'{tools[kind][0]} is not installed')
    path.write_bytes(subprocess.run(tools[kind], input=plain.getvalue(), stdout=subprocess.PIPE, check=True).stdout)
    build('FROM busybox\nADD thing /here/\nCOPY thing /as-it-is\n')
    out = build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c',
                          'cat /here/deep/file; stat -c " %a %u:%g %Y" /here/deep/file; test -f /as-it-is && echo file')
    assert out.splitlines() == ['hello 640 7:8 1000000000', 'file']


def test_add_of_what_is_no_archive(build):
    build.write('plain.txt', 'text')
    build.write('dir/in', 'x')
    build('FROM busybox\nADD plain.txt dir /d/\n')
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'ls', '/d') == 'in\nplain.txt'


def test_add_of_damaged_archive(build):
    good = subprocess.run(['tar', 'cz', '-C', '/etc', 'passwd'], stdout=subprocess.PIPE, check=True).stdout
    (build.directory / 'bad.tar.gz').write_bytes(good[:len(good) // 2])
    message = build.fails('FROM busybox\nADD bad.tar.gz /\n')
    assert message.startswith("isola: Dockerfile:2: cannot unpack 'bad.tar.gz'")


def test_compressed_file_that_is_no_archive(build):
    done = subprocess.run(['gzip', '-c'], input=b'just text\n', stdout=subprocess.PIPE, check=True)
    (build.directory / 'notes.gz').write_bytes(done.stdout)
    build('FROM busybox\nADD notes.gz /\n')
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'gunzip', '-c', '/notes.gz') == 'just text'


def test_dockerignore(build):
    for name in ('keep.c', 'drop.o', 'secret/key', 'secret/public', 'sub/deep/x.o', 'sub/y'):
        build.write(name, name)
    build.write('.dockerignore', '# comment\n**/*.o\nsecret\n!secret/public\n.dockerignore\nDockerfile\n')
    build('FROM busybox\nCOPY . /all\n')
    out = build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', 'cd /all; find . -type f | sort')
    assert out.splitlines() == ['./keep.c', './secret/public', './sub/y']
    message = build.fails('FROM busybox\nCOPY drop.o /\n')
    assert "there is no 'drop.o' in the context" in message and '.dockerignore leaves it out' in message


def test_stages(build):
    out = build('FROM busybox AS maker\nRUN echo made > /made && chown user /made\n'
                'FROM busybox AS unused\nRUN false\n'
                'FROM maker AS next\nENV X=1\nRUN echo $X > /x\n'
                'FROM busybox\nCOPY --from=maker /made /copied\nCOPY --from=2 /x /\nCOPY --from=busybox /etc/passwd /p\n')
    assert 'unused' not in out.stdout
    script = 'cat /copied /x; stat -c %U /copied; head -n1 /p'
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', script).splitlines() == \
        ['made', '1', 'user', 'root:x:0:0:root:/root:/bin/sh']
    build('FROM busybox AS one\nENV S=1\nFROM busybox\nENV S=2\n', '--target', 'one')
    assert 'S=1' in build.config()['Env']


def test_a_whole_image_is_copied(build):
    """More names in one directory than glibc sorts without asking the kernel for the memory's size."""
    build('FROM scratch\nCOPY --from=busybox / /\n')
    assert len(build.isola.out('run', '--rm', '--network', 'none', build.name, 'ls', '/bin').split()) > 200


def test_special_files_of_a_stage(build):
    build('FROM busybox AS one\nARG K=inherited\nRUN mkdir /s && mknod -m 640 /s/pipe p && rm -rf /var/www && mkdir /var/www\n'
          'FROM one AS two\nRUN echo $K > /k\n'
          'FROM busybox\nCOPY --from=two /s /var /k /copied/\n')
    out = build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c',
                          'stat -c "%F %a" /copied/pipe; ls /copied/www; cat /copied/k')
    assert out.splitlines() == ['fifo 640', 'inherited']


def test_arguments(build):
    file = 'ARG BASE=nothing\nFROM $BASE\nARG A=default\nARG B\nRUN echo "<$A|$B|$http_proxy>"\nLABEL a=$A\n'
    out = build(file, '--build-arg', 'BASE=busybox', '--build-arg', 'B', '--build-arg', 'http_proxy=http://p',
                '--build-arg', 'NEVER=1', '--no-cache', env={'B': 'from-env'})
    assert '<default|from-env|http://p>' in out.stdout and "'NEVER' was not used" in out.stderr
    assert build.config()['Labels'] == {'a': 'default'}
    assert '<given||>' in build(file, '--build-arg', 'BASE=busybox', '--build-arg', 'A=given').stdout


def test_onbuild_and_healthcheck(build):
    build('FROM busybox\nONBUILD RUN echo triggered > /trigger\n'
          'HEALTHCHECK --interval=5s --retries=2 CMD wget -q localhost\n', name='parent')
    out = build('FROM parent\nRUN cat /trigger\n', '--no-cache').stdout
    assert '# Executing 1 build trigger\n' in out and '\ntriggered\n' in out
    assert 'Executing' not in build(f'FROM {build.name}\nRUN echo again\n').stdout


def test_names_labels_and_iidfile(build):
    iidfile = build.directory / 'iid'
    out = build('FROM busybox\nLABEL a=1\n', '-t', 'second:v2', '--label', 'b=2', '--iidfile', iidfile, name='first')
    assert 'Successfully tagged first:latest\nSuccessfully tagged second:v2\n' in out.stdout
    assert build.config('second:v2')['Labels'] == {'a': '1', 'b': '2'}
    assert iidfile.read_text().strip() == image_id(build.isola, 'first')
    quiet = build('FROM busybox\nLABEL a=1\nRUN echo noise\n', '-q')
    assert quiet.stdout.strip() == image_id(build.isola, build.name) and quiet.stdout.count('\n') == 1


@pytest.mark.needs_root('files of its context are for root alone')
def test_dockerfile_elsewhere(build, tmp_path_factory):
    other = tmp_path_factory.mktemp('other') / 'My.dockerfile'
    other.write_text('FROM busybox\nLABEL from=elsewhere\n')
    build.isola('build', '-f', other, '-t', 'elsewhere', build.directory)
    assert build.config('elsewhere')['Labels'] == {'from': 'elsewhere'}
    build.isola('build', '-f', '-', '-t', 'piped', build.directory, input='FROM busybox\nLABEL from=stdin\n')
    assert build.config('piped')['Labels'] == {'from': 'stdin'}
    build.write('Containerfile', 'FROM busybox\nLABEL from=containerfile\n')
    build.isola('build', '-t', 'other-name', build.directory)
    assert build.config('other-name')['Labels'] == {'from': 'containerfile'}


# ------------------------------------------------------------------------------- cache


def cached(result):
    """For each step whether it came from the cache."""
    steps, hits = 0, []
    for line in result.stdout.splitlines():
        if line.startswith('Step '):
            hits.append(False)
        if line == ' ---> Using cache':
            hits[-1] = True
    return hits


@pytest.mark.needs_root('files of its context are for root alone')
def test_cache(build):
    file = 'FROM busybox\nARG V=1\nCOPY a /a\nRUN cat /a > /b\nENV X=1\nRUN echo $X\n'
    build.write('a', 'one')
    build(file, '--no-cache', name='cached')
    first = image_id(build.isola, 'cached')
    again = build(file, name='cached')
    assert cached(again) == [False, False, True, True, False, True]
    assert image_id(build.isola, 'cached') == first

    os.utime(build.directory / 'a')
    assert cached(build(file)) == [False, False, True, True, False, True], 'a time is no content'
    build.write('a', 'two')
    assert cached(build(file)) == [False, False, False, False, False, False]
    build.write('a', 'one')
    assert cached(build(file)) == [False, False, True, True, False, True], 'back to what was built before'
    (build.directory / 'a').chmod(0o600)
    assert not cached(build(file))[2]
    (build.directory / 'a').chmod(0o644)
    assert cached(build(file, '--build-arg', 'V=2'))[2:4] == [True, False], 'an ARG is an input of RUN, not of COPY'
    assert cached(build(file.replace('X=1', 'X=2'))) == [False, False, True, True, False, False]
    assert not any(cached(build(file, '--no-cache')))


def test_cache_of_removed_layers(build):
    file = 'FROM busybox\nRUN echo removed > /r\n'
    build(file, '--no-cache', name='gone')
    build.isola('rmi', 'gone')
    build(file, name='back')
    assert build.isola.out('run', '--rm', '--network', 'none', 'back', 'cat', '/r') == 'removed'


@pytest.mark.needs_root('files of its context are for root alone')
def test_reproducible(build, fresh, rootfs_tar, tmp_path_factory):
    """The same inputs give the same digest in another store, on another day."""
    fresh('image', 'import', rootfs_tar, 'busybox')
    other = Builder(fresh, tmp_path_factory.mktemp('other'))
    ids = []
    for builder in (build, other):
        builder.write('tree/b/file', 'content')
        builder.write('tree/a', 'content', 0o755)
        os.utime(builder.directory / 'tree/b', (1_500_000_000, 1_500_000_000))
        for path in ('tree/b/file', 'tree/a'):
            os.utime(builder.directory / path, (1_600_000_000 + builder.names, 1_600_000_000))
        shutil.copy(rootfs_tar, builder.directory / 'rootfs.tar')
        builder('FROM scratch\nADD rootfs.tar /\nCOPY tree /opt/made/here\nWORKDIR /srv/x\nENV A=1\nCMD ["x"]\n',
                '--no-cache', env={'SOURCE_DATE_EPOCH': '1700000000'})
        ids.append(image_id(builder.isola, builder.name))
        time.sleep(1.1)
    assert ids[0] == ids[1]


def test_ten_thousand_files(build):
    for i in range(100):
        directory = build.directory / f'd{i}'
        directory.mkdir()
        for j in range(100):
            (directory / f'f{j}').write_text(f'{i} {j}')
    build('FROM busybox\nCOPY . /all\n')
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'cat', '/all/d99/f99') == '99 99'
    assert cached(build('FROM busybox\nCOPY . /all\n')) == [False, True]


def test_many_layers(fresh_build):
    """The kernel stacks 500 directories; one more is refused in words."""
    fresh_build('FROM scratch\n' + ''.join(f'COPY Dockerfile /{i}\n' for i in range(140)), name='deep')
    assert len(fresh_build.layers()) == 140
    message = fresh_build.fails('FROM scratch\n' + ''.join(f'COPY Dockerfile /{i}\n' for i in range(510)))
    assert message == 'isola: Dockerfile:503: more than 500 layers are too many\n'


# ------------------------------------------------------------------------ bad input


@pytest.mark.parametrize('file, message', [
    ('FROM busybox\n\nCOYP a b\n', "Dockerfile:3: unknown instruction 'COYP'; did you mean 'COPY'?"),
    ('FROM no-such-image\n', "Dockerfile:1: there is no image 'no-such-image'"),
    ('FROM busybox\nCOPY missing /\n', "Dockerfile:2: there is no 'missing' in the context"),
    ('FROM busybox\nRUN exit 3\n', "Dockerfile:2: the command 'exit 3' returned a non-zero code: 3"),
    ('FROM busybox\nRUN ["/no/such"]\n', 'Dockerfile:2: '),
    ('FROM busybox\nRUN --mount=type=cash,target=/x true\n', "Dockerfile:2: RUN --mount has no type 'cash'; did you mean 'cache'?"),
    ('FROM busybox\nRUN <<EOF\ntrue\n', "Dockerfile:2: the here-document 'EOF' is not ended"),
    ('FROM busybox\nADD --checksum=sha256:00 Dockerfile /\n', 'Dockerfile:2: ADD --checksum is for sources from the network'),
    ('FROM busybox\nCOPY --chmod=u~x Dockerfile /\n', 'Dockerfile:2: --chmod=u~x is no mode'),
    ('FROM busybox\nADD http://127.0.0.1:1/x /\n', "Dockerfile:2: cannot fetch 'http://127.0.0.1:1/x'"),
    ('FROM busybox\nADD http://127.0.0.1:1/x.git /\n', "Dockerfile:2: cannot ask 'http://127.0.0.1:1/x.git': git says: "),
    ('FROM busybox\nCOPY --from=nowhere /x /\n', 'Dockerfile:2: COPY --from=nowhere names no stage and no image'),
    ('FROM busybox\nCOPY Dockerfile Dockerfile /x\n', 'Dockerfile:2: COPY has several sources'),
    ('FROM busybox\nCOPY Dockerfile /etc/passwd/x\n', 'Dockerfile:2: '),
    ('FROM busybox\nUSER nobody-here\nRUN true\n', 'Dockerfile:3: '),
    ('FROM busybox\nEXPOSE http\n', "Dockerfile:2: 'http' is no port or range of ports"),
    ('FROM busybox\nENV A=${\n', 'Dockerfile:2: '),
    ('FROM scratch\nRUN true\n', 'Dockerfile:2: there is nothing to run yet: the image is empty'),
    ('', 'Dockerfile: the file is empty'),
])
def test_mistakes(build, file, message):
    before = build.layers(), build.isola.out('images', '-aq')
    said = build.fails(file)
    assert said.startswith(f'isola: {message}'), said
    assert (build.layers(), build.isola.out('images', '-aq')) == before
    assert build.isola.out('ps', '-aq') == ''


def test_bad_calls(build):
    assert 'cannot open the context' in build.isola('build', '/no/such/directory', code=1).stderr
    empty = build.directory / 'empty'
    empty.mkdir()
    assert 'there is no Dockerfile in' in build.isola('build', empty, code=1).stderr
    build.write('Dockerfile', 'FROM busybox\n')
    assert 'UPPER' in build.isola('build', '-t', 'UPPER', build.directory, code=1).stderr
    assert "no stage 'x'" in build.isola('build', '--target', 'x', build.directory, code=1).stderr
    assert 'has no name' in build.isola('build', '--build-arg', '=1', build.directory, code=1).stderr
    assert 'SOURCE_DATE_EPOCH' in build.isola('build', build.directory, code=1,
                                              env={'SOURCE_DATE_EPOCH': 'yesterday'}).stderr
    build.isola('build', code=None)


def test_special_files(build):
    build.write('f', 'x')
    os.mkfifo(build.directory / 'pipe')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(build.directory / 'socket'))
    out = build('FROM busybox\nCOPY . /all\nRUN test -f /all/socket -a ! -s /all/socket\n')
    assert "'pipe' is neither file, directory nor link" in out.stderr
    assert "'pipe' is neither a file nor a directory" in build.fails('FROM busybox\nCOPY pipe /\n')


# ---------------------------------------------------------------------------- faults


def test_failed_build_keeps_earlier_steps(build):
    file = 'FROM busybox\nRUN echo early > /early\nRUN {}\n'
    build.fails(file.format('exit 1'), '--no-cache')
    assert cached(build(file.format('true')))[1]


@pytest.mark.parametrize('with_what', [signal.SIGINT, signal.SIGTERM])
def test_interrupted(build, with_what):
    build.write('Dockerfile', 'FROM busybox\nRUN echo "st"arted; sleep 1000\n')
    before = build.layers()
    process = build.isola.start('build', '-t', 'never', build.directory)
    while b'started' not in process.stdout.readline():
        pass
    process.send_signal(with_what)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and b'Dockerfile:2: interrupted' in errors
    assert build.layers() == before and build.isola.out('ps', '-aq') == ''
    build.isola('image', 'inspect', 'never', code=1)


def test_killed(build):
    """Killed in the middle of a RUN: its processes end, and the next commands clear the rest away."""
    build.write('Dockerfile', 'FROM busybox\nRUN echo "st"arted; sleep 1000\n')
    before = build.layers()
    process = build.isola.start('build', '-t', 'never', build.directory)
    while b'started' not in process.stdout.readline():
        pass
    running = build.isola.out('ps', '-q', '--no-trunc').split()
    assert len(running) == 1
    pid = build.isola.pid(running[0])
    process.kill()
    process.communicate()
    wait_until(lambda: not os.path.exists(f'/proc/{pid}'), what='the end of what the build ran')
    wait_until(lambda: build.isola.out('ps', '-aq') == '', what='the removal of its container')
    build('FROM busybox\nRUN echo fine\n', '--no-cache')
    assert set(build.layers()) - set(before) <= {build.top().parent.name}, 'drafts were left'


def test_killed_anywhere(build):
    """Whatever moment it is killed at, the next build succeeds and no draft is left."""
    build.write('data', 'x' * 100_000)
    file = 'FROM busybox\nCOPY data /d\nRUN cp /d /e\nCOPY data /f\n'
    build.write('Dockerfile', file)
    for delay in range(0, 60, 4):
        process = build.isola.start('build', '--no-cache', '-t', 'never', build.directory)
        time.sleep(delay / 1000)
        process.kill()
        process.communicate()
    build(file, '--no-cache')
    assert build.isola.out('ps', '-aq') == ''
    assert not [name for name in build.layers() if name.startswith('.draft')]
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'wc', '-c', '/f').startswith('100000')


def test_dying_at_any_point_does_no_harm(fresh_build, rootfs_tar):
    """Killed at each fault point of a build in turn: the next one succeeds, and nothing is left."""
    isola = fresh_build.isola
    isola('image', 'import', rootfs_tar, 'busybox')
    file = 'FROM busybox\nCOPY data /d\nRUN cp /d /e\n'
    fresh_build.write('data', 'content')
    passed = fresh_build(file, '--no-cache', env={'ISOLA_FAULT': '?'}).stderr
    points = sorted(set(re.findall(r'fault point: ([\w.]+)', passed)))
    if not points:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert {'build.draft', 'build.container', 'build.recorded', 'build.image'} <= set(points)
    for point in points:
        isola('build', '--no-cache', '-t', 'never', fresh_build.directory, env={'ISOLA_FAULT': point}, code=None,
              timeout=30)
        fresh_build(file, '--no-cache')
        assert isola.out('ps', '-aq') == '', point
        assert not [name for name in fresh_build.layers() if name.startswith('.draft')], point
        wait_until(lambda: not leftovers(isola), what=f'{point}: the removal of {leftovers(isola)}', timeout=10)


def test_two_builds_at_once(build):
    build.write('data', 'x')
    build.write('Dockerfile', 'FROM busybox\nCOPY data /d\nRUN echo 1 > /e; ls /sys/class/net\n')
    running = [build.isola.start('build', '--no-cache', '-t', f'twin{i}', build.directory) for i in range(6)]
    for process in running:
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    for i in range(6):
        assert build.isola.out('run', '--rm', '--network', 'none', f'twin{i}', 'cat', '/e') == '1'


# ------------------------------------------------------------- nothing is done twice


def written(root):
    """Every file of the store with what changes when it is written anew."""
    places = [root / 'image-store', root / 'images', root / 'build-cache']
    return {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for place in places for path in place.rglob('*') if not path.is_dir()}


def test_a_build_that_changes_nothing_writes_nothing(fresh_build):
    root = pathlib.Path(fresh_build.isola.root)
    fresh_build.write('a/f', 'x')
    file = 'FROM scratch\nCOPY a /a/\nCMD ["x"]\n'
    time.sleep(0.1)  # the digests of files that have just been written are not remembered (filehash.h)
    for _ in range(2):
        fresh_build(file, name='same')
    before, image = written(root), image_id(fresh_build.isola, 'same')
    assert fresh_build(file, name='same').stdout.count('Using cache') == 1
    assert written(root) == before and image_id(fresh_build.isola, 'same') == image
    # What the store has lost is made again.
    config = root / 'image-store/blobs/sha256' / image.removeprefix('sha256:')
    index = root / 'image-store/index.json'
    for lose in (config.unlink, lambda: config.write_text('{}'), (root / 'images/names/same:latest').unlink,
                 (root / 'images' / f'{image.removeprefix("sha256:")}.json').unlink,
                 lambda: index.write_text('{"schemaVersion":2,"manifests":[]}')):
        lose()
        fresh_build(file, name='same')
        assert image_id(fresh_build.isola, 'same') == image
        fresh_build.isola('store', 'check')
        assert set(written(root)) == set(before)
    fresh_build('FROM scratch\nCOPY a /b/\n', name='same')
    assert image_id(fresh_build.isola, 'same') != image
    fresh_build(file, name='same')
    assert image_id(fresh_build.isola, 'same') == image
