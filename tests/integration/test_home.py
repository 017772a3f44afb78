# SPDX-License-Identifier: GPL-2.0-or-later
"""The directories of --root and --run-root: isola's alone, or nothing of isola's is done there."""
import subprocess

import pytest

from conftest import Isola


def listing(directory):
    return sorted((str(path.relative_to(directory)), path.read_text() if path.is_file() else None)
                  for path in directory.rglob('*'))


@pytest.fixture
def theirs(tmp_path):
    """A directory such as another engine's, whose names are isola's too."""
    directory = tmp_path / 'theirs'
    for file in (f'containers/{"ab" * 32}/config.v2.json', 'volumes/data/_data/table', f'containers/{"cd" * 32}.gone/x',
                 'layers/.new-1/file', 'networks/mine/config.json', 'registries.conf.d/a.conf'):
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).write_text('theirs')
    return directory


@pytest.mark.parametrize('option', ['root', 'run_root'])
@pytest.mark.parametrize('words', [('ps', '-a'), ('run', '--rm', 'image'), ('images',), ('network', 'ls'), ('rm', '-f', 'ab')])
def test_directory_of_other_things_is_refused_and_left_alone(tmp_path, theirs, option, words):
    isola = Isola(tmp_path)
    setattr(isola, option, str(theirs))
    before = listing(theirs)
    assert isola(*words, code=None).stderr == (f"isola: '{theirs}' holds other things than isola's\n"
                                            'hint: give --root and --run-root directories of their own\n')
    assert listing(theirs) == before


@pytest.mark.parametrize('mark, message', [
    ('isola 2\n', 'is kept in a format that this isola does not know'), ('3.2\n', "is not isola's"), ('', "is not isola's"),
    ('x' * 1000, "is not isola's"), (None, "is not isola's")])
def test_mark_of_another_program_or_format_is_refused(tmp_path, theirs, mark, message):
    isola = Isola(tmp_path)
    isola.root = str(theirs)
    (theirs / 'version').mkdir() if mark is None else (theirs / 'version').write_text(mark)
    before = listing(theirs)
    assert message in isola('ps', code=1).stderr
    assert listing(theirs) == before


def test_empty_directory_is_taken_by_many_at_once(tmp_path):
    isola = Isola(tmp_path)
    (tmp_path / 'data/lost+found').mkdir(mode=0o700, parents=True)
    many = [isola.start('ps') for _ in range(16)]
    assert [one.communicate(timeout=60)[1] for one in many] == [b''] * 16
    assert [one.returncode for one in many] == [0] * 16
    assert (tmp_path / 'data/version').read_text() == (tmp_path / 'run/version').read_text() == 'isola 1\n'


def test_run_directory_may_have_containers_of_the_oci_runtime(tmp_path):
    isola = Isola(tmp_path)
    isola('oci', 'list')
    assert (tmp_path / 'run/oci').is_dir()
    isola('ps')


def test_default_directories_are_taken_as_they_are(tmp_path):
    """They have isola's name, and may be older than the mark."""
    isola = Isola(tmp_path)
    for directory in ('data/isola/containers', 'run/isola/containers'):
        (tmp_path / directory).mkdir(parents=True)
    script = ('mount --bind "$1/data" /var/lib; mount --bind "$1/run" /run; exec "$2" ps -q')
    subprocess.run(['unshare', '--mount', 'sh', '-ec', script, 'sh', tmp_path, isola.binary], check=True)
    assert (tmp_path / 'data/isola/version').read_text() == 'isola 1\n'
