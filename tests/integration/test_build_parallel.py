# SPDX-License-Identifier: GPL-2.0-or-later
"""Stages that do not need each other are built at the same time; many builds at once; builds that end badly."""
import os
import pathlib
import re
import signal
import time

import pytest
from conftest import wait_until
from dockerfiles import Builder, build, fresh_build  # noqa: F401


def see(build, command):
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


# Each waits for what the other one does: one after the other they would wait for ever.
MEET = ('FROM busybox AS {0}\nARG N\nRUN --network=none --mount=type=cache,id=meet,target=/c touch /c/$N-{0}; i=0; '
        'while [ ! -e /c/$N-{1} ]; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done; echo met > /{0}\n')


def test_stages_meet(build):
    out = build(MEET.format('one', 'two') + MEET.format('two', 'one') +
                'FROM busybox\nCOPY --from=one /one /\nCOPY --from=two /two /\n', '--build-arg', f'N={time.time()}')
    assert see(build, 'cat /one /two') == 'met\nmet'
    assert '[one] Step 1/9 : FROM busybox AS one' in out.stdout and '[two] Step 4/9 :' in out.stdout
    assert 'Step 9/9 : COPY --from=two /two /' in out.stdout.splitlines()


def test_what_stages_hand_on(build):
    build.write('f', 'text')
    file = ('FROM busybox AS base\nARG A=1\nENV E=$A\nWORKDIR /w\nCMD ["x"]\n'
            'FROM base AS left\nRUN echo $A$E > /left\n'
            'FROM base AS right\nARG B\nLABEL l=$B\nCOPY f .\n'
            'FROM right\nENTRYPOINT ["y"]\nCOPY --from=left /left /\n')
    out = build(file, '--build-arg', 'A=7', '--build-arg', 'B=8')
    assert 'was not used' not in out.stderr
    config = build.config()
    assert 'E=7' in config['Env'] and config['WorkingDir'] == '/w' and config['Labels'] == {'l': '8'}
    assert config['Entrypoint'] == ['y'] and not config['Cmd']
    build('FROM ' + build.name + '\nENTRYPOINT []\nCMD []\n')
    assert build.isola.out('run', '--rm', '--network', 'none', build.name, 'cat', '/left', '/w/f') == '77\ntext'
    assert build(file, '--build-arg', 'A=7', '--build-arg', 'B=8').stdout.count('Using cache') == 4


def test_one_that_fails_ends_the_others(build):
    started = time.monotonic()
    said = build.fails('FROM busybox AS slow\nRUN --network=none sleep 300\nFROM busybox AS bad\nRUN --network=none sleep 1; echo no >&2; exit 7\n'
                       'FROM busybox\nCOPY --from=slow /x /\nCOPY --from=bad /x /\n', '--no-cache')
    assert time.monotonic() - started < 60
    assert said.splitlines()[-1] == "isola: Dockerfile:4: the command 'sleep 1; echo no >&2; exit 7' returned a non-zero code: 7"
    assert '[bad] no' in said
    assert build.isola.out('ps', '-aq') == ''


@pytest.mark.parametrize('with_what', [signal.SIGTERM, signal.SIGKILL])
def test_interrupted(build, with_what):
    build.write('Dockerfile', 'FROM busybox AS a\nRUN sleep 301\nFROM busybox AS b\nRUN sleep 302\nFROM busybox\nCOPY --from=a /x /\nCOPY --from=b /x /\n')
    running = build.isola.start('build', '--no-cache', build.directory)
    try:
        wait_until(lambda: build.isola.out('ps', '-q').count('\n') == 1, what='two commands')
        running.send_signal(with_what)
        running.communicate(timeout=60)
        wait_until(lambda: build.isola.out('ps', '-q') == '', what='their end')
    finally:
        running.kill()
        running.wait()
    build('FROM busybox\n')
    assert build.isola.out('ps', '-aq') == ''
    build.isola('store', 'check')


def test_many_builds_and_removals_at_once(fresh_build, rootfs_tar):
    """Twenty-four builds of the same and of different things, while images come and go."""
    isola, directory = fresh_build.isola, fresh_build.directory
    isola('image', 'import', rootfs_tar, 'busybox')
    fresh_build.write('f', 'text')
    fresh_build.write('Dockerfile', 'FROM busybox\nARG N\nRUN --network=none echo $N > /n\nCOPY f /f\nRUN --network=none echo all > /all\n')
    fresh_build.write('Other', 'FROM scratch\nCOPY f /g\n')
    for wave in range(3):
        running = [isola.start('build', '-q', '-t', f'many:{n % 5}', '--build-arg', f'N={n % 5}', directory) for n in range(5)]
        running += [isola.start('build', '-q', '-t', f'other:{n}', '-f', directory / 'Other', directory) for n in range(3)]
        removing = [isola.start('rmi', '-f', f'many:{n}') for n in range(3)] + [isola.start('image', 'prune', '-f')]
        removing += [isola.start('builder', 'prune', '-f')] if wave else []
        for process in running:
            out, said = process.communicate(timeout=120)
            assert process.returncode == 0, said.decode()
        for process in removing:
            process.communicate(timeout=60)
        assert isola('store', 'check').returncode == 0
    for n in range(5):
        isola('build', '-q', '-t', f'many:{n}', '--build-arg', f'N={n}', directory)
        assert isola.out('run', '--rm', '--network', 'none', f'many:{n}', 'cat', '/n', '/f', '/all') == f'{n}\ntextall'
    isola('system', 'prune', '-af')
    assert fresh_build.layers() == []
