# SPDX-License-Identifier: GPL-2.0-or-later
"""The language of Dockerfiles: here-documents, and the flags of COPY, ADD and RUN."""
import json
import shutil
import time

import pytest
from dockerfiles import Builder, build, fresh_build  # noqa: F401


def see(build, command):
    """What a command prints in the image that was built last."""
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


# ----------------------------------------------------------------- here-documents


def test_copy_of_here_documents(build):
    build.write('ordinary', 'file\n')
    build('FROM busybox\nENV WHO=world\nARG WHAT=hello\n'
          'COPY <<greeting <<"as-it-is" ordinary /to/\n'
          '$WHAT ${WHO:-nobody}, "quotes" stay, \\$5\n'
          '# no comment\n'
          'greeting\n'
          '$WHO \\$5\n'
          'as-it-is\n'
          'COPY --chmod=755 --chown=7:8 <<-EOF /run.sh\n'
          '\t#!/bin/sh\n\t\techo ran\n'
          '\tEOF\n')
    assert see(build, 'cat /to/greeting') == 'hello world, "quotes" stay, $5\n# no comment'
    assert see(build, 'cat /to/as-it-is') == '$WHO \\$5'
    assert see(build, 'cat /to/ordinary; stat -c %a /to/greeting') == 'file\n644'
    assert see(build, '/run.sh; stat -c "%a %u:%g" /run.sh') == 'ran\n755 7:8'


def test_add_of_a_here_document(build):
    build('FROM busybox\nADD <<EOF /etc/one.conf\nvalue = 1\nEOF\n')
    assert see(build, 'cat /etc/one.conf') == 'value = 1'


def test_run_of_a_here_document(build):
    out = build('FROM busybox\nENV A=env\n'
                'RUN <<EOF\n'
                'set -e\n'
                'B=shell\n'
                'echo "$A $B" > /out\n'
                '# a comment \\\n'
                'echo end >> /out\n'
                'EOF\n'
                'RUN cat <<ONE - <<\'TWO\' > /both\n'
                'unread\n'
                'ONE\n'
                '$A\n'
                'TWO\n', '--no-cache')
    assert see(build, 'cat /out') == 'env shell\nend'
    assert see(build, 'cat /both') == '$A'
    assert 'Step 3/4 : RUN <<EOF' in out.stdout


def test_run_of_a_here_document_that_is_a_program(build):
    build('FROM busybox\nRUN <<EOF\n#!/bin/cat\ntext\nEOF\n'
          'RUN <<-SCRIPT\n#!/bin/sh\n\techo "$0" > /name\n\tSCRIPT\n')
    assert see(build, 'cat /name; test ! -e /dev/pipes') == '/dev/pipes/SCRIPT'
    assert build.files() == ['name']


def test_here_document_is_part_of_the_key(build):
    file = 'FROM busybox\nRUN <<EOF\necho {} > /x\nEOF\nCOPY <<EOF /y\n{}\nEOF\n'
    build(file.format(1, 1), '--no-cache')
    assert build(file.format(1, 1)).stdout.count('Using cache') == 2
    assert 'Using cache' not in build(file.format(2, 1)).stdout.split('COPY')[0]
    assert see(build, 'cat /x /y') == '2\n1'


def test_here_document_in_a_trigger(build):
    build('FROM busybox\nONBUILD COPY <<EOF /from-trigger\n$WHAT\nEOF\n'
          'ONBUILD RUN <<EOF\ncat /from-trigger > /copy\nEOF\n', name='base')
    build('FROM base\n')
    assert see(build, 'cat /copy') == ''
    build('ARG WHAT=x\nFROM base\nARG WHAT\nRUN cat /from-trigger\n')


# ------------------------------------------------------------------- COPY and ADD


def test_link(build):
    """A layer that knows nothing of what is below: what the image has as a link is covered."""
    build.write('f', 'linked')
    build('FROM busybox\nRUN mkdir -m 700 /deep && ln -s /deep /short\nCOPY --link f /short/f\n')
    assert build.files() == ['short', 'short/f']
    assert see(build, 'cat /short/f; ls /deep') == 'linked'
    assert "there is no user 'user'" in build.fails('FROM busybox\nCOPY --link --chown=user f /x\n')
    build('FROM busybox\nCOPY --link --chown=5:6 f /x\n')
    assert see(build, 'stat -c %u:%g /x') == '5:6'


@pytest.mark.needs_root('its context has files that only root may read')
def test_link_is_used_again_above_other_layers(build):
    build.write('d/sub/f', 'linked')
    build.write('d/g', '', mode=0o4711)
    (build.directory / 'd/l').symlink_to('g')
    copy = 'COPY --link --chown=5:6 d /deep/d\n'

    def layers():
        return build.isola.json('image', 'inspect', build.name)[0]['RootFS']['Layers']

    build('FROM busybox\nRUN echo 1 > /one\n' + copy, '--no-cache', name='one')
    first, top = layers()[-1], build.top()
    assert build('FROM busybox\nRUN echo 2 > /two\n' + copy, name='two').stdout.count('Using cache') == 1
    assert layers()[-1] == first and layers()[-2] not in (first, build.isola.json('image', 'inspect', 'one')[0]['RootFS']['Layers'][-2])
    # Nothing was written a second time, and the first image may go.
    assert (top / 'deep/d/sub/f').stat().st_nlink == 2
    build.isola('rmi', 'one')
    assert not top.exists()
    script = 'cat /two /deep/d/sub/f; readlink /deep/d/l; stat -c "%a %u:%g" /deep /deep/d /deep/d/g; test ! -e /one'
    assert see(build, script) == '2\nlinkedg\n755 5:6\n755 5:6\n4711 5:6'
    build.isola('store', 'check')
    # Above itself, on nothing, and without --link, which depends on what is below.
    assert build('FROM two\n' + copy).stdout.count('Using cache') == 1
    assert layers()[-2:] == [first, first]
    assert build('FROM scratch\n' + copy).stdout.count('Using cache') == 1
    assert layers() == [first]
    build('FROM busybox\nCOPY d /deep/d\n')
    assert 'Using cache' not in build('FROM two\nCOPY d /deep/d\n').stdout
    build.write('d/g', 'changed', mode=0o4711)
    assert 'Using cache' not in build('FROM busybox\n' + copy).stdout


def test_parents(build):
    for path in ('a/b/c.txt', 'a/b/d.bin', 'a/e.txt'):
        build.write(path, path)
    build('FROM busybox\nCOPY --parents a/b/c.txt /one/\nCOPY --parents a/./b/*.txt /two/\n'
          'COPY --parents **/*.txt /three/\nCOPY --parents --exclude=**/*.txt a /four/\n')
    assert see(build, 'cd /; find one two three four -type f | sort') == (
        'four/a/b/d.bin\none/a/b/c.txt\nthree/a/b/c.txt\nthree/a/e.txt\ntwo/b/c.txt')


def test_parents_from_a_stage(build):
    build('FROM busybox AS made\nRUN mkdir -p /a/b && chmod 750 /a && chown 3:4 /a/b && echo 1 > /a/b/c.txt && echo 2 > /a/e.txt\n'
          'FROM busybox\nCOPY --from=made --parents /a/b/c.txt /one/\nCOPY --from=made --parents /a/./**/*.txt /two/\n')
    assert see(build, 'cd /; find one two -type f | sort') == 'one/a/b/c.txt\ntwo/b/c.txt\ntwo/e.txt'
    assert see(build, 'stat -c "%a %u:%g" /one/a /one/a/b') == '750 0:0\n755 3:4'


def test_exclude(build):
    for path in ('dir/a.c', 'dir/a.o', 'dir/sub/b.o', 'dir/keep.o', 'x.o', 'x.c'):
        build.write(path, path)
    build('FROM busybox AS first\nARG WHAT=*.o\nCOPY --exclude=**/$WHAT --exclude=!keep.o dir /d/\nCOPY --exclude=x.o x.* /x/\n'
          'FROM busybox\nCOPY --from=first --exclude=*.c /d /e/\nCOPY --from=first /x /x/\n')
    assert see(build, 'cd /; find e x -type f | sort') == 'e/keep.o\nx/x.c'


@pytest.mark.needs_root('its context has files that only root may read')
def test_symbolic_modes(build):
    build.write('dir/run', 'x', 0o640)
    build('FROM busybox\nCOPY --chmod=u=rwX,go=rX dir /d/\nCOPY --chmod=a+x dir/run /r\nADD --chmod=4711 dir/run /s\n')
    assert see(build, 'stat -c %a /d/run /r /s') == '644\n751\n4711'


def test_pattern_that_matches_nothing(build):
    build.write('there', 'x')
    build('FROM busybox\nCOPY there *.none /d/\nCOPY *.none /e/\n')
    assert see(build, 'ls /d /e') == '/d:\nthere\n\n/e:'


def test_add_without_unpacking(build, rootfs_tar):
    shutil.copy(rootfs_tar, build.directory / 'root.tar')
    build('FROM busybox\nADD --unpack=false root.tar /x/\n')
    assert see(build, 'ls /x') == 'root.tar'


# -------------------------------------------------------------------------- print


def test_print_ast(build):
    build.write('Dockerfile', '# escape=`\nFROM busybox AS a\n# why\nRUN <<EOF\nx\nEOF\n')
    tree = json.loads(build.isola.out('build', '--print-ast', build.directory))
    assert tree['escape'] == '`'
    assert [node['instruction'] for node in tree['instructions']] == ['FROM', 'RUN']
    run = tree['instructions'][1]
    assert (run['startLine'], run['endLine'], run['comments']) == (4, 6, ['why'])
    assert run['heredocs'][0]['content'] == 'x\n'
    build.write('Dockerfile', 'FROM a\nCOYP b\n')
    assert 'Dockerfile:2' in build.isola('build', '--print-ast', build.directory, code=1).stderr


# -------------------------------------------------------------------------- check


def test_check(build):
    build.write('Dockerfile', 'FROM busybox\nRUN true\nCMD echo $HOME\nLABEL a=$NO_SUCH\n')
    done = build.isola('build', '--check', build.directory, code=1)
    assert done.stdout.startswith('Check complete, 2 warnings have been found!\n')
    assert 'WARNING: JSONArgsRecommended' in done.stdout and '   3 | >>> CMD echo $HOME' in done.stdout
    assert "Usage of undefined variable '$NO_SUCH'" in done.stdout
    report = json.loads(build.isola('build', '--check', '--progress', 'rawjson', build.directory, code=1).stdout)
    assert [(w['ruleName'], w['startLine']) for w in report['warnings']] == [('JSONArgsRecommended', 3), ('UndefinedVar', 4)]
    build.write('Dockerfile', 'FROM busybox\nCMD ["sh"]\n')
    assert build.isola.out('build', '--check', build.directory) == 'Check complete, no warnings found.'


def test_check_that_fails_the_build(build):
    said = build.fails('# check=error=true\nFROM busybox\nCMD sh\n')
    assert said.startswith('isola: Dockerfile:3: JSONArgsRecommended: ')
    build('# check=error=true;skip=JSONArgsRecommended\nFROM busybox\nCMD sh\n')


# ----------------------------------------------------------------- the same again


@pytest.mark.needs_root('its context has files that only root may read')
def test_the_same_on_another_day_and_machine(build, fresh, rootfs_tar, tmp_path_factory):
    """Stages at the same time, here-documents, mounts and copies of all kinds give the same image in another store."""
    file = ('FROM {0} AS one\nRUN --mount=type=cache,target=/c --mount=target=/in echo one > /one; cp /in/a/f /g; echo $RANDOM > /c/x\n'
            'FROM {0} AS two\nCOPY --parents a/f /\nCOPY --chmod=u=rw,go= <<EOF /here\ntext\nEOF\n'
            'FROM scratch\nCOPY --from=one /one /g /d/\nCOPY --link --from=two / /two/\nADD --chown=3:4 a /a/\nWORKDIR /deep/er\nLABEL x=1\n')
    ids, epoch = [], {'SOURCE_DATE_EPOCH': '1234567890'}
    for n, isola in enumerate((build.isola, fresh)):
        builder = Builder(isola, tmp_path_factory.mktemp(f'machine{n}'))
        builder.write('a/f', 'text')
        isola('image', 'import', rootfs_tar, f'base{n}', env=epoch)
        builder(file.format(f'base{n}'), '--no-cache', env=epoch, name='same')
        ids.append(isola.json('image', 'inspect', 'same')[0]['Id'])
        time.sleep(1.1)
    assert ids[0] == ids[1]


# -------------------------------------------------------------- rules, one by one


@pytest.mark.parametrize('file, message', [
    ('FROM scratch AS a\nCOPY --from=b f /\nFROM a AS b\n', 'Dockerfile:2: COPY --from=b is a stage that comes later'),
    ('FROM scratch AS a\nCOPY --from=A f /\n', 'Dockerfile:2: COPY --from=A is the stage itself'),
    ('FROM scratch\nCOPY --from=7 f /\n', 'Dockerfile:2: COPY --from=7: there are 1 stages, counted from 0'),
    ('FROM busybox AS a\nRUN --mount=from=a,target=/x true\n', 'Dockerfile:2: RUN --mount: from=a is the stage itself'),
    ('FROM --platform=$NOTHING scratch\n', 'Dockerfile:1: FROM --platform=$NOTHING is empty'),
    ('FROM scratch\nEXPOSE localhost:1:2\n', "Dockerfile:2: 'localhost' of port 'localhost:1:2' is no address"),
    ('FROM scratch\nEXPOSE 1-3:5-6\n', "Dockerfile:2: the ranges of port '1-3:5-6' are not of the same size"),
    ('FROM scratch\nMAINTAINER --boo me\n', "Dockerfile:2: MAINTAINER has no flag '--boo'"),
    ('FROM scratch\nONBUILD ONBUILD RUN x\n', 'Dockerfile:2: ONBUILD is not allowed as an ONBUILD trigger'),
    ('FROM scratch\nONBUILD MAINTAINER me\n', 'Dockerfile:2: MAINTAINER is not allowed as an ONBUILD trigger'),
    ('FROM scratch\nENV =x\n', "Dockerfile:2: '=x' has no name before the '='"),
    ('FROM scratch\nCOPY Dockerfile <<E\nx\nE\n', 'Dockerfile:2: COPY: a here-document cannot be the destination'),
    ('FROM scratch\nHEALTHCHECK --interval=50ns CMD x\n', 'Dockerfile:2: --interval=50ns is no span of at least 1ms'),
    ('FROM scratch\nHEALTHCHECK --retries=-1 CMD x\n', 'Dockerfile:2: --retries=-1 is no number'),
    ('FROM scratch\nCOPY --chmod=10777 Dockerfile /\n', 'Dockerfile:2: --chmod=10777 is no mode'),
    ('FROM scratch\nWORKDIR $NOTHING\n', "Dockerfile:2: WORKDIR '$NOTHING' is an empty path"),
    ('FROM scratch\nVOLUME [""]\n', "Dockerfile:2: VOLUME '' is an empty path"),
    ('FROM scratch\nCMD [1]\n', 'Dockerfile:2: the JSON list holds something else than strings'),
    ('FROM scratch AS 1a\n', "Dockerfile:1: '1a' is no name for a stage"),
    ('FROM scratch\nCOPY --exclude Dockerfile /\n', 'Dockerfile:2: COPY --exclude needs a value'),
    ('FROM busybox\nRUN --network=host true\n', 'Dockerfile:2: RUN --network=host is not allowed'),
    ('FROM busybox\nRUN --network=elsewhere true\n', 'Dockerfile:2: --network=elsewhere is none of default, none, host'),
])
def test_what_is_refused(build, file, message):
    said = build.fails(file)
    assert said.startswith(f'isola: {message}'), said


def test_the_machines_network_has_to_be_allowed(build):
    file = 'FROM busybox\nRUN --network=host ip link > /links\n'
    for options in (['--allow', 'network.host'], ['--network', 'host']):
        build(file, '--no-cache', *options)
        assert 'lo:' in (build.top() / 'links').read_text() and ' eth0@' not in (build.top() / 'links').read_text()


def test_dockerfile_from_a_pipe(build):
    """Read from the descriptor, which may be another user's to open again."""
    build.write('f', 'x')
    build.isola('build', '-t', 'piped', '-f', '-', build.directory, input='FROM scratch\nCOPY f /f\n')
    assert build.files('piped') == ['f']


def test_working_directory_is_its_users(build):
    """BuildKit's rule; of somebody whom the image does not know it is root's."""
    build('FROM busybox\nUSER user\nWORKDIR /w/x\nWORKDIR /etc\nUSER 12:34\nWORKDIR /n\nUSER nobody-here\nWORKDIR /r\nUSER root\n'
          'RUN stat -c "%n %U:%G" /w /w/x /etc > /owners; stat -c "%n %u:%g" /n /r >> /owners\n')
    group = see(build, 'id -gn user')
    assert see(build, 'cat /owners').split('\n') == [f'/w user:{group}', f'/w/x user:{group}', '/etc root:root', '/n 12:34', '/r 0:0']
    build('FROM scratch\nUSER app\nWORKDIR /app\n')
    assert build.files() == ['app']


def test_root_needs_no_accounts(build):
    build.write('f', 'x')
    build('FROM scratch\nCOPY --chown=root:root f /f\n')
    assert "there is no user 'app'" in build.fails('FROM scratch\nCOPY --chown=app f /f\n')


def test_target_stage(build):
    file = ('FROM busybox AS first\nARG TARGETSTAGE\nRUN echo $TARGETSTAGE > /stage\n'
            'FROM busybox AS Last\nARG TARGETSTAGE\nRUN echo $TARGETSTAGE > /stage\n')
    for options, name in (([], 'last'), (['--target', 'first'], 'first'), (['--build-arg', 'TARGETSTAGE=mine'], 'mine')):
        build(file, *options)
        assert see(build, 'cat /stage') == name
    build('FROM busybox\nARG TARGETSTAGE TARGETOSVERSION\nRUN echo "$TARGETSTAGE<$TARGETOSVERSION>" > /stage\n')
    assert see(build, 'cat /stage') == 'default<>'
    assert build.fails('FROM no-image-of-$TARGETSTAGE AS x\n').startswith("isola: Dockerfile:1: there is no image 'no-image-of-x'")


def test_words_for_the_builder(build):
    """--build-arg BUILDKIT_…: what it does, and no warning that no ARG declares it."""
    file = 'FROM busybox\nRUN cat /proc/sys/kernel/hostname /etc/hostname > /name\n'
    out = build(file, '--no-cache')
    assert see(build, 'cat /name') == 'buildkitsandbox\nbuildkitsandbox'
    out = build(file, '--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=mine')
    assert see(build, 'cat /name') == 'mine\nmine' and out.stderr == ''
    cache = 'FROM busybox\nRUN --mount=type=cache,target=/c,id=words echo -n x >> /c/x; cat /c/x > /got\n'
    for options, text in (([], 'x'), (['--build-arg', 'BUILDKIT_CACHE_MOUNT_NS=mine'], 'x'), ([], 'xx')):
        build(cache, '--no-cache', *options)
        assert see(build, 'cat /got') == text
    assert "syntax 'evil/x' is not built in" in build.fails('FROM scratch\n', '--build-arg', 'BUILDKIT_SYNTAX=evil/x')
    build('FROM scratch\n', '--build-arg', 'BUILDKIT_SYNTAX=docker/dockerfile:1')
    build.write('Dockerfile', '# check=skip=all\nFROM scratch\nCMD a\n')
    build.isola('build', '--check', build.directory)
    build.isola('build', '--check', '--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=skip=StageNameCasing', build.directory, code=1)


def test_epoch_as_a_build_argument(build):
    """As docker passes the variable on: both mean the same, and an ARG may ask for it."""
    build.write('f', 'x')
    file = 'FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY f /f\nLABEL at=$SOURCE_DATE_EPOCH\n'
    found = set()
    for options, env in ((['--build-arg', 'SOURCE_DATE_EPOCH=1600000000'], {}), ([], {'SOURCE_DATE_EPOCH': '1600000000'}),
                         (['--build-arg', 'SOURCE_DATE_EPOCH=1600000000'], {'SOURCE_DATE_EPOCH': '5'}),
                         (['--build-arg', 'SOURCE_DATE_EPOCH'], {'SOURCE_DATE_EPOCH': '1600000000'})):
        build(file, '--no-cache', *options, env=env)
        document = build.isola.json('image', 'inspect', build.name)[0]
        found.add(document['Id'])
        assert document['Created'].startswith('2020-09-13T12:26:40') and document['Config']['Labels']['at'] == '1600000000'
    assert len(found) == 1
    assert 'SOURCE_DATE_EPOCH' in build.fails(file, '--build-arg', 'SOURCE_DATE_EPOCH=never')
