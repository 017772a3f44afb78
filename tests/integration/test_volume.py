# SPDX-License-Identifier: GPL-2.0-or-later
"""Named and anonymous volumes."""
import json
import os

import pytest


def test_new_volume_begins_with_what_the_image_has_there(isola, image):
    run = ('run', '--rm', '--network', 'none')
    isola(*run, '-v', 'begun:/home/user', image, 'true')
    listed = isola.out(*run, '-v', 'begun:/v', image, 'stat', '-c', '%u:%g', '/v')
    assert listed == '1000:1000'
    isola(*run, '-v', 'page:/var/www', image, 'sh', '-c', 'echo changed > /var/www/index.html')
    # What is in it already stays.
    assert isola.out(*run, '-v', 'page:/var/www', image, 'cat', '/var/www/index.html') == 'changed'
    assert isola.out(*run, '-v', 'page:/v', image, 'ls', '/v') == 'index.html'


def test_nocopy_leaves_a_volume_empty(isola, image):
    assert isola.out('run', '--rm', '--network', 'none', '--mount', 'type=volume,source=bare,target=/var/www,volume-nocopy',
                     image, 'ls', '/var/www') == ''


def test_anonymous_volume_goes_with_its_container(isola, image):
    volumes = os.path.join(isola.root, 'volumes')
    before = set(os.listdir(volumes)) if os.path.isdir(volumes) else set()
    isola('run', '--rm', '--network', 'none', '-v', '/somewhere', image, 'touch', '/somewhere/file')
    assert set(os.listdir(volumes)) == before


def test_written_files_belong_to_root_outside(isola, image, tmp_path):
    isola('run', '--rm', '--network', 'none', '-v', f'{tmp_path}:/out', image, 'sh', '-c', 'echo x > /out/file')
    status = os.stat(tmp_path / 'file')
    owner = os.stat(isola.root).st_uid
    assert (status.st_uid, status.st_gid) == (owner, owner)


def test_half_removed_volume_still_goes_with_its_container(isola, image):
    isola('create', '--name', 'holder', '-v', '/somewhere', image, 'true')
    volume = os.path.join(isola.root, 'volumes', isola.inspect('holder')['Mounts'][0]['Name'])
    for entry in os.listdir(volume):  # what a removal that was killed has done so far
        path = os.path.join(volume, entry)
        (os.rmdir if os.path.isdir(path) else os.unlink)(path)
    isola('rm', '-v', 'holder')
    assert not os.path.exists(volume)


def names(isola, *arguments):
    return isola.out('volume', 'ls', '-q', *arguments).split()


def test_volume_verbs(isola, image):
    assert isola.out('volume', 'create', '--label', 'team=net', 'made') == 'made'
    assert isola.out('volume', 'create', '--label', 'team=net', 'made') == 'made'
    other = isola('volume', 'create', '--label', 'team=other', 'made', code=None)
    assert other.returncode == 1
    assert other.stderr == "isola: there is already a volume 'made', with other labels\n"
    assert names(isola, '--filter', 'label=team') == names(isola, '--filter', 'name=mad') == ['made']
    assert names(isola, '--filter', 'label=team=x') == []

    shown = json.loads(isola.out('volume', 'inspect', 'made'))[0]
    assert shown['Name'] == 'made' and shown['Driver'] == 'local' and shown['Labels'] == {'team': 'net'}
    isola('run', '--rm', '--network', 'none', '-v', 'made:/v', image, 'sh', '-c', 'echo kept >/v/file')
    with open(os.path.join(shown['Mountpoint'], 'file')) as file:
        assert file.read() == 'kept\n'
    assert json.loads(isola.out('inspect', '--type', 'volume', 'made'))[0] == shown

    assert isola.out('volume', 'rm', 'made') == 'made'
    gone = isola('volume', 'rm', 'made', code=None)
    assert gone.returncode == 1
    assert gone.stderr == "isola: there is no volume 'made'\nhint: 'isola volume ls' lists the ones there are\n"
    assert isola.out('volume', 'rm', '--force', 'made') == 'made'
    assert not os.path.exists(shown['Mountpoint'])


def test_volume_in_use_stays(isola, image):
    isola('create', '--name', 'user', '-v', 'used:/v', image, 'true')
    busy = isola('volume', 'rm', 'used', code=None)
    assert busy.returncode == 1
    assert busy.stderr == ("isola: volume 'used' is used by container 'user'\n"
                           'hint: remove that one first\n')
    assert 'used' in names(isola) and 'used' not in names(isola, '--filter', 'dangling=true')
    isola('rm', 'user')
    assert 'used' in names(isola, '--filter', 'dangling=true')
    isola('volume', 'rm', 'used')


def test_volume_mounted_by_its_digits_stays_with_its_owner(isola, image):
    isola('create', '--name', 'owner', '-v', '/somewhere', image, 'true')
    volume = isola.inspect('owner')['Mounts'][0]['Name']
    isola('run', '--rm', '--network', 'none', '-v', f'{volume}:/rescue', image, 'touch', '/rescue/file')
    assert volume in names(isola)
    # Nor does it go with its owner while another container has it.
    isola('create', '--name', 'guest', '-v', f'{volume}:/v', image, 'true')
    isola('rm', '-v', 'owner')
    assert volume in names(isola)
    isola('rm', '-v', 'guest')
    assert volume in names(isola)
    isola('volume', 'rm', volume)


def test_prune_takes_only_what_nobody_uses(isola, image):
    for name in ('left', 'held'):
        isola('create', '--name', name, '-v', '/somewhere', image, 'true')
    left, held = (isola.inspect(name)['Mounts'][0]['Name'] for name in ('left', 'held'))
    isola('volume', 'create', 'named')
    isola('volume', 'create', '--label', 'keep', 'kept')
    isola('rm', 'left')
    assert isola('volume', 'prune', input='n\n').stdout == '' and left in names(isola)
    pruned = isola.out('volume', 'prune', input='y\n').splitlines()
    assert left in pruned and pruned[-1].startswith('Total reclaimed space: ')
    assert {held, 'named', 'kept'} <= set(names(isola)) and left not in names(isola)
    isola('volume', 'prune', '--all', '--force', '--filter', 'label!=keep')
    assert {held, 'kept'} <= set(names(isola)) and 'named' not in names(isola)
    isola('rm', '-v', 'held')
    isola('volume', 'rm', 'kept')


@pytest.mark.parametrize('point', ['volume.record', 'volume.hidden'])
def test_killed_volume_verb_leaves_all_or_nothing(isola, image, point):
    """A volume is there whole or not at all, and what is left of it goes with the next removal."""
    verb = 'create' if point == 'volume.record' else 'rm'
    if verb == 'rm':
        isola('volume', 'create', 'broken')
    isola('volume', verb, 'broken', env={'ISOLA_FAULT': point}, code=-9)
    assert 'broken' not in names(isola)
    isola('volume', 'create', 'broken')
    isola('volume', 'rm', 'broken')
    assert not [entry for entry in os.listdir(os.path.join(isola.root, 'volumes')) if entry.startswith('.')]


def test_volumes_from_another_container(isola, image, tmp_path):
    (tmp_path / 'own').write_text('own')
    isola('create', '--name', 'holder', '-v', 'kept:/kept', '-v', '/made', '-v', f'{tmp_path}:/bound:ro', '--tmpfs', '/mem', image, 'true')
    isola('run', '--rm', '--volumes-from', 'holder', image, 'sh', '-c', 'echo a >/kept/file; echo b >/made/file')
    done = isola('run', '--rm', '--volumes-from', 'holder:ro', '-v', '/kept', image, 'sh', '-c',
                 'cat /made/file /bound/own; ls /kept; test -e /mem || echo none; touch /made/x', code=1)
    assert done.stdout == 'b\nownnone\n' and 'Read-only file system' in done.stderr
    holder = isola.inspect('holder')
    made = next(m['Name'] for m in holder['Mounts'] if m['Destination'] == '/made')
    isola('create', '--name', 'heir', '--volumes-from', 'holder', image, 'true')
    assert isola.inspect('heir')['HostConfig']['VolumesFrom'] == ['holder']
    isola('rm', '-v', 'heir')
    assert made in names(isola)      # it is the holder's
    isola('rm', '-v', 'holder')
    assert made not in names(isola) and 'kept' in names(isola)
    assert "'x' is no option" in isola('create', '--volumes-from', 'holder:x', image, 'true', code=125).stderr
    assert "no container 'holder'" in isola('create', '--volumes-from', 'holder', image, 'true', code=125).stderr
    isola('volume', 'rm', 'kept')
