# SPDX-License-Identifier: GPL-2.0-or-later
"""The front: finding commands, their help, what is said of mistakes, completion."""
import json
import os
import re
import shutil
import subprocess
import tempfile

import pytest


def commands(isola):
    return json.loads(isola('--introspect-cli').stdout)['commands']


def test_help_lists_every_command_once(isola):
    text = isola('--help').stdout
    assert text.startswith('Usage: isola [OPTION...] COMMAND')
    of_family = {family: isola(family, '--help').stdout for family in ('oci', 'lab', 'builder')}
    for command in commands(isola):
        words = command['name'].split()
        where = of_family[words[0]] if words[0] == 'oci' or len(words) > 2 else text
        assert sum(line.startswith(f'  {command["name"]}  ') for line in where.splitlines()) == 1, command['name']
        if len(words) > 2:
            folded = re.search(rf'  {words[0]} {words[1]} COMMAND +(.*(?:\n {{10,}}.*)*)', text)
            assert ' '.join(words[2:]) in re.split(r',\s+', ' '.join(folded[1].split())), command['name']
    assert isola().stdout == text
    assert isola('help').stdout == text


def test_help_of_each_command_fits_the_screen(isola):
    for command in commands(isola):
        text = isola(*command['name'].split(), '--help').stdout
        assert text.startswith(f'Usage: isola {command["name"]}')
        assert max(map(len, text.splitlines())) <= 80, command['name']
        assert isola('help', *command['name'].split()).stdout == text
        begins = {re.match(r' *-.*? {2,}(?=\S)', line[6:]).end() for line in text.splitlines()
                  if re.match(r' {2}(-\w| {2})[, ] --.* {2,}\S', line)}
        assert len(begins) <= 1, f'{text}\nhelp texts begin in different columns'
        assert not text.rstrip().endswith(':'), f'{text}\na heading of nothing'


def test_version(isola):
    assert isola('--version').stdout.startswith('isola version ')
    assert isola('-v').stdout == isola('--version').stdout


@pytest.mark.parametrize('typed, sentence', [
    (['rnu'], "unknown command 'rnu'; did you mean 'run'?"),
    (['netwrok', 'ls'], "unknown command 'netwrok'; did you mean 'network'?"),
    (['network', 'craete'], "unknown command 'network craete'; did you mean 'network create'?"),
    (['frobnicate'], "unknown command 'frobnicate'"),
])
def test_unknown_command(isola, typed, sentence):
    done = isola(*typed, code=1)
    assert done.stderr == f"isola: {sentence}\nhint: see 'isola --help'\n"
    assert done.stdout == ''


@pytest.mark.parametrize('typed, sentence', [
    (['run', '--nmae', 'x'], "unknown option '--nmae'; did you mean '--name'?"),
    (['ps', '--frobnicate'], "unknown option '--frobnicate'"),
    (['stop', '-x'], "unknown option '-x'"),
    (['run', '--name'], "option '--name' needs a value: --name NAME"),
    (['run', '--memory', 'much', 'x'], "option '--memory': 'much' is not a size such as 512m or 1.5g"),
    (['ps', '--last=x'], "option '--last': 'x' is not a whole number"),
])
def test_wrong_option_is_125_with_a_hint(isola, typed, sentence):
    done = isola(*typed, code=125)
    assert done.stderr == f"isola: {sentence}\nhint: see 'isola {typed[0]} --help'\n"


def test_wrong_number_of_operands(isola):
    assert isola('run', code=125).stderr.startswith("isola: 'isola run' needs at least 1 argument\nhint: usage: ")
    assert isola('stop', code=1).stderr.startswith("isola: 'isola stop' needs at least 1 argument")
    assert isola('ps', 'x', code=1).stderr.startswith("isola: 'isola ps' takes no arguments")
    assert isola('attach', 'a', 'b', code=1).stderr.startswith("isola: 'isola attach' needs exactly 1 argument")


def test_families_and_other_names(isola):
    assert isola('container', 'ls', '-q').stdout == isola('ps', '-q').stdout
    family = isola('network').stdout
    assert family.startswith('Usage: isola network COMMAND') and '  network create  ' in family
    assert isola('network', '--help').stdout == family
    images = isola('image').stdout
    assert '  image ls  ' in images and '  image import  ' in images and '  image rm  ' in images
    assert '  container exec  ' in isola('container', '--help').stdout


def test_wrong_global_options(isola):
    assert isola('--log-level', 'loud', 'ps', code=1).stderr.startswith("isola: log level 'loud' is not debug")
    assert isola('--log-format', 'xml', 'ps', code=1).stderr.startswith("isola: log format 'xml' is not text")
    assert isola('--rot', 'x', 'ps', code=125).stderr.startswith("isola: unknown option '--rot'; did you mean '--root'?")


def test_lost_output_is_no_success(isola):
    with open('/dev/full', 'w') as full:
        done = subprocess.run(isola.command('--help'), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == 'isola: cannot write the result: No space left on device\n'


def test_called_by_the_runtimes_name_it_is_the_runtime(isola, tmp_path):
    link = tmp_path / 'isola-oci'
    link.symlink_to(os.path.abspath(isola.binary))
    done = subprocess.run([link, '--root', tmp_path / 'root', 'list'], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split()[:2] == ['ID', 'PID']


def complete(isola, *words):
    return set(isola('__complete', '--', *words).stdout.split())


def test_completion_knows_commands_options_and_live_names(isola, image):
    isola('create', '--name', 'web', image, 'true')
    assert complete(isola, 'ru') == {'run'}
    assert isola('__complete', '--', 'contai').stdout == 'container\n'
    assert complete(isola, 'network', 'c') == {'create'}
    assert complete(isola, '--root', 'x', 'pau') == {'pause'}
    assert {'--name', '--network'} <= complete(isola, 'run', '--n')
    assert complete(isola, 'run', '--restart', 'al') == {'always'}
    assert complete(isola, 'run', '--restart=al') == {'--restart=always'}
    assert complete(isola, '--log-level=inf') == {'--log-level=info'}
    assert complete(isola, 'run', '--nosuch=x') == set()
    assert complete(isola, 'start', 'w') == {'web'}
    assert image in complete(isola, 'run', '')
    assert 'bridge' in complete(isola, 'run', '--network', '')


def test_escape_sequences_do_not_reach_a_terminal(isola):
    """Under `script`, stderr is a terminal."""
    name = 'a\x1b]0;title\x07b'
    line = ' '.join(f"'{word}'" for word in isola.command('start', name))
    done = subprocess.run(['script', '-qec', line, '/dev/null'], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert b'\x1b' not in done.stdout and b'a?]0;title?b' in done.stdout


@pytest.mark.parametrize('arguments, code, words', [
    (['ps'], 0, ''),
    (['run', '--rm', '@host', 'true'], 125, "isola: an ordinary user cannot have '/' for a layer: other file systems are mounted in it\nhint: root can\n"),
    (['--root', '/var/tmp', 'ps'], 1, "isola: '/var/tmp' belongs to user 0, not to you\nhint: isola needs root for this"),
])
def test_ordinary_user_is_told_what_is_missing(isola, arguments, code, words):
    with tempfile.TemporaryDirectory(dir='/var/tmp') as directory:
        os.chmod(directory, 0o777)
        shutil.copy(isola.binary, f'{directory}/isola')
        done = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', f'{directory}/isola',
                               *arguments], env={'PATH': os.environ['PATH'], 'HOME': f'{directory}/home'},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
