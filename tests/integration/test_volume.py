# SPDX-License-Identifier: GPL-2.0-or-later
"""Named and anonymous volumes."""
import os


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
    assert (status.st_uid, status.st_gid) == (0, 0)


def test_half_removed_volume_still_goes_with_its_container(isola, image):
    isola('create', '--name', 'holder', '-v', '/somewhere', image, 'true')
    volume = os.path.join(isola.root, 'volumes', isola.inspect('holder')['Mounts'][0]['Name'])
    for entry in os.listdir(volume):  # what a removal that was killed has done so far
        path = os.path.join(volume, entry)
        (os.rmdir if os.path.isdir(path) else os.unlink)(path)
    isola('rm', '-v', 'holder')
    assert not os.path.exists(volume)
