# SPDX-License-Identifier: GPL-2.0-or-later
"""RUN --mount: binds, caches, tmpfs, secrets and SSH agents."""
import os
import pathlib
import shutil
import socket
import subprocess
import threading

import pytest
from dockerfiles import build, fresh_build  # noqa: F401


def see(build, command):
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


def test_bind_of_the_context(build):
    build.write('dir/a', 'hello')
    build.write('dir/ignored', 'x')
    build.write('.dockerignore', '**/ignored\n')
    build('FROM busybox\nWORKDIR /w\n'
          'RUN --mount=target=in,source=dir cat in/a > /out; ls in >> /out; stat -c %u:%g in/a >> /out; ! touch in/b 2>/dev/null\n'
          'RUN --mount=source=dir/a,target=/file,rw echo more >> /file && cat /file >> /out\n')
    assert see(build, 'cat /out') == 'helloa\n0:0\nhellomore'
    assert build.files() == ['out']
    assert (build.directory / 'dir/a').read_text() == 'hello'
    assert see(build, 'ls -A /w') == ''


def test_bind_is_keyed_by_content(build):
    file = 'FROM busybox\nRUN --mount=target=/in,source=dir cat /in/a > /out\n'
    build.write('dir/a', 'one')
    build(file, '--no-cache')
    os.utime(build.directory / 'dir/a', (0, 0))
    assert 'Using cache' in build(file).stdout
    build.write('dir/a', 'two')
    assert 'Using cache' not in build(file).stdout
    assert see(build, 'cat /out') == 'two'


@pytest.mark.parametrize('layers', [1, 2])
def test_bind_of_a_stage(build, layers):
    build.write('f', 'made')
    build(f'FROM scratch AS one\nCOPY f /deep/f\n{"COPY f /deep/g" if layers == 2 else ""}\n'
          'FROM busybox\n'
          'RUN --mount=from=one,target=/in cat /in/deep/f > /out; ! touch /in/x 2>/dev/null\n'
          'RUN --mount=from=one,source=/deep/f,target=/one cat /one >> /out\n'
          'RUN --mount=from=one,source=deep,target=/d,rw echo x > /d/h && ls /d >> /out\n')
    assert see(build, 'cat /out').startswith('mademadef\n')
    assert build.files() == ['out']


def test_bind_of_an_image(build):
    build('FROM busybox\nRUN --mount=from=busybox,target=/other,source=/bin test -x /other/sh && echo yes > /out\n')
    assert see(build, 'cat /out') == 'yes'


def test_bind_stays_inside(build, tmp_path_factory):
    secret = tmp_path_factory.mktemp('outside') / 'secret'
    secret.write_text('what is in it')
    os.symlink(secret.parent, build.directory / 'out')
    os.symlink('/', build.directory / 'root')
    for source in ('out/secret', '../secret', 'root/' + str(secret)):
        said = build.fails(f'FROM busybox\nRUN --mount=source={source},target=/x cat /x\n')
        assert 'what is in it' not in said and said.startswith('isola: Dockerfile:2: '), said
    said = build.fails(f'FROM busybox AS s\nRUN ln -s {secret.parent} /link\n'
                       'FROM busybox\nRUN --mount=from=s,source=/link,target=/x ls /x\n')
    assert 'Dockerfile:4' in said


def test_caches(fresh_build, rootfs_tar):
    build = fresh_build
    build.isola('image', 'import', rootfs_tar, 'busybox')
    file = ('FROM busybox\nARG N\n'
            'RUN --mount=type=cache,target=/cache,mode=0711,uid=3 echo $N >> /cache/log; stat -c %a:%u /cache >> /out; cat /cache/log >> /out\n')
    build(file, '--build-arg', 'N=1')
    build(file, '--build-arg', 'N=2')
    assert see(build, 'cat /out') == '711:3\n1\n2'
    build('FROM busybox\nRUN --mount=type=cache,id=/cache,target=/other,ro cp /other/log /out; ! touch /other/x 2>/dev/null\n')
    assert see(build, 'cat /out') == '1\n2'
    assert build.files() == ['out']


def test_cache_begins_with_what_a_stage_holds(build):
    build.write('f', 'seed')
    file = ('FROM scratch AS seed\nCOPY f /in/f\nFROM busybox\n'
            'RUN --mount=type=cache,target=/seeded,from=seed,source=/in cat /seeded/f > /out; echo later > /seeded/f\n')
    build(file)
    assert see(build, 'cat /out') == 'seed'
    build(file, '--no-cache')
    assert see(build, 'cat /out') == 'later'


def test_locked_cache_is_one_build_at_a_time(build):
    """Both count up without a lock of their own."""
    count = 'n=$(cat /c/n 2>/dev/null || echo 0); sleep 0.3; echo $((n+1)) > /c/n'
    build.write('Dockerfile', f'FROM busybox\nARG N\nRUN --mount=type=cache,sharing=locked,id=count,target=/c {count}\n')
    running = [build.isola.start('build', '--build-arg', f'N={n}', build.directory) for n in range(3)]
    for process in running:
        assert process.wait(60) == 0
        process.stdout.close()
        process.stderr.close()
    build('FROM busybox\nRUN --mount=type=cache,id=count,target=/c cp /c/n /n\n', '--no-cache')
    assert see(build, 'cat /n') == '3'


def test_tmpfs(build):
    build('FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m df -k /t | tail -n 1 > /out; stat -c %a /t >> /out; echo x > /t/x\n')
    assert see(build, 'cat /out').split()[0] == 'tmpfs'
    assert see(build, 'cat /out').split()[1] == '1024' and see(build, 'tail -n 1 /out') == '1777'
    assert build.files() == ['out']


def test_secrets(build, tmp_path_factory):
    secret = tmp_path_factory.mktemp('secret') / 'token'
    secret.write_text('very-secret-file')
    options = ['--secret', f'id=token,src={secret}', '--secret', 'id=word,env=WORD']
    file = ('FROM busybox\nUSER user\n'
            'RUN --mount=type=secret,id=token,uid=1000 --mount=type=secret,id=word,env=WORD,target=/w,mode=0444 '
            'sha1sum < /run/secrets/token > /tmp/a; echo "$WORD" | sha1sum > /tmp/b; sha1sum < /w > /tmp/c; stat -c %a:%u /run/secrets/token > /tmp/d\n'
            'RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent\n')
    build(file, *options, env={'WORD': 'very-secret-word'})
    import hashlib
    assert see(build, 'cut -c1-40 /tmp/a /tmp/b /tmp/c; cat /tmp/d').split() == [
        hashlib.sha1(b'very-secret-file').hexdigest(), hashlib.sha1(b'very-secret-word\n').hexdigest(),
        hashlib.sha1(b'very-secret-word').hexdigest(), '400:1000']
    for directory in (build.isola.root, build.isola.run_root):
        for path in pathlib.Path(directory).rglob('*'):
            assert not path.is_file() or b'very-secret' not in path.read_bytes(), path
    secret.write_text('another')
    assert build(file, *options, env={'WORD': 'x'}).stdout.count('Using cache') == 2
    said = build.fails('FROM busybox\nRUN --mount=type=secret,id=none,required true\n')
    assert "the secret 'none', which is required, was not given" in said and '--secret id=none' in said


CLIENT = r'''
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char answer[100];
        ssize_t n;

        strcpy(to.sun_path, getenv("SSH_AUTH_SOCK"));
        if (connect(fd, (struct sockaddr *) &to, sizeof to) < 0 || write(fd, "hello", 5) != 5)
                return perror(to.sun_path), 1;
        n = read(fd, answer, sizeof answer);
        return n < 0 || write(1, answer, n) != n;
}
'''


@pytest.mark.skipif(not shutil.which('gcc'), reason='there is no compiler for a client')
def test_ssh_agent(build, tmp_path_factory):
    (build.directory / 'client.c').write_text(CLIENT)
    subprocess.run(['gcc', '-static', '-o', 'client', 'client.c'], cwd=build.directory, check=True)
    path = tmp_path_factory.mktemp('agent') / 'socket'
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(path))
        agent.listen(4)

        def answer():
            client, _ = agent.accept()
            with client:
                client.sendall(b'you said ' + client.recv(100))
        agent.settimeout(20)
        thread = threading.Thread(target=answer)
        thread.start()
        build('FROM busybox\nRUN --mount=type=ssh --mount=target=/client echo $SSH_AUTH_SOCK > /out; /client/client >> /out\n',
              '--ssh', f'default={path}', '--no-cache')
        thread.join(20)
    assert see(build, 'cat /out') == '/run/buildkit/ssh_agent.0\nyou said hello'
    assert build.files() == ['out']
    said = build.fails('FROM busybox\nRUN --mount=type=ssh,required true\n')
    assert "the SSH agent 'default', which is required, was not given" in said


def test_named_contexts(build, tmp_path_factory):
    other = tmp_path_factory.mktemp('other')
    (other / 'f').write_text('other')
    (other / 'no').write_text('x')
    (other / '.dockerignore').write_text('no\n')
    build('FROM base\nCOPY --from=more f /f\nRUN --mount=from=more,target=/m ls -A /m > /ls\n',
          '--build-context', f'more={other}', '--build-context', 'base=docker-image://busybox')
    assert see(build, 'cat /f /ls') == 'other.dockerignore\nf'
    build('FROM more\nCOPY --from=more f /g\n', '--build-context', f'more={other}')
    assert build.files() == ['g']
    assert "'x' is no context" in build.isola('build', '--build-context', 'x', build.directory, code=1).stderr


def test_mistakes(build):
    for flag, message in (('target=/x,source=nowhere', "there is no 'nowhere' in the context"),
                          ('from=nowhere,target=/x', 'RUN --mount: from=nowhere names no stage and no image'),
                          ('from=busybox,target=/x,source=/nowhere', "'/nowhere'"),
                          ('type=cache', "RUN --mount: nothing can be mounted at '/'"),
                          ('target=/x,type=bind,mode=1', "a mount of type bind has no 'mode'")):
        said = build.fails(f'FROM busybox\nRUN --mount={flag} true\n')
        assert said.startswith('isola: Dockerfile:2: ') and message in said, said
