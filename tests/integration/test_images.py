# SPDX-License-Identifier: GPL-2.0-or-later
"""images, tag, rmi, history, image inspect, and the store as other tools see it."""
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile

import pytest


def tar_with(text):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        entry = tarfile.TarInfo('file')
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()


def make(isola, name, text=None, *arguments):
    done = isola('image', 'import', *arguments, '-', name, input=tar_with(text or name.encode()), text=False)
    return done.stdout.decode().strip()


def names(isola, *arguments):
    return set(isola('images', '--format', '{{.Repository}}:{{.Tag}}', *arguments).stdout.split())


def test_the_table_has_dockers_columns(fresh):
    image = make(fresh, 'team/web:v1')
    heading, row = fresh('images').stdout.splitlines()
    assert heading.split() == ['REPOSITORY', 'TAG', 'IMAGE', 'ID', 'CREATED', 'SIZE']
    assert row.split()[:3] == ['team/web', 'v1', image[7:19]]
    assert fresh.out('images', '-q') == image[7:19]
    assert fresh.out('images', '-q', '--no-trunc') == image
    assert 'DIGEST' in fresh('images', '--digests').stdout
    assert json.loads(fresh.out('images', '--format', 'json'))['Repository'] == 'team/web'
    assert fresh.out('image', 'ls', '-q') == fresh.out('image', 'list', '-q') == image[7:19]


def test_an_empty_store(fresh):
    assert fresh('images').stdout.split() == ['REPOSITORY', 'TAG', 'IMAGE', 'ID', 'CREATED', 'SIZE']
    done = fresh('image', 'inspect', 'x', code=1)
    assert done.stderr.splitlines()[0] == "isola: there is no image 'x'"


def test_filters(fresh):
    make(fresh, 'old', None, '-c', 'LABEL tier=db')
    make(fresh, 'team/web:v1', None, '-c', 'LABEL tier=web')
    fresh('tag', 'team/web:v1', 'team/web:v2')
    make(fresh, 'moved', b'first')
    make(fresh, 'moved', b'second')
    assert names(fresh, 'team/web') == {'team/web:v1', 'team/web:v2'}
    assert names(fresh, 'team/web:v2') == {'team/web:v2'}
    assert names(fresh, '-f', 'reference=team/*') == {'team/web:v1', 'team/web:v2'}
    assert names(fresh, '-f', 'label=tier=db') == {'old:latest'}
    assert names(fresh, '-f', 'label=tier') == {'old:latest', 'team/web:v1', 'team/web:v2'}
    assert names(fresh, '-f', 'dangling=true') == {'<none>:<none>'}
    assert '<none>:<none>' not in names(fresh, '-f', 'dangling=false')
    assert names(fresh, '-f', 'before=team/web:v1') == {'old:latest'}
    assert 'old:latest' not in names(fresh, '-f', 'since=old')
    for wrong in ('x=1', 'dangling', 'dangling=maybe', 'before=nothing'):
        assert fresh('images', '-f', wrong, code=1).stderr.startswith('isola: ')


def test_tag_and_wrong_names(fresh):
    image = make(fresh, 'web')
    fresh('tag', 'web', 'registry.local:5000/web:2')
    fresh('image', 'tag', image[7:15], 'again')
    assert names(fresh) == {'web:latest', 'registry.local:5000/web:2', 'again:latest'}
    assert 'must be lower case' in fresh('tag', 'web', 'Web', code=1).stderr
    assert 'empty tag' in fresh('tag', 'web', 'web:', code=1).stderr
    done = fresh('tag', 'wbe', 'x', code=1)
    assert done.stderr.splitlines() == ["isola: there is no image 'wbe'", "hint: did you mean 'web:latest'?"]


def test_rmi_says_what_it_did(fresh):
    image = make(fresh, 'web')
    fresh('tag', 'web', 'other:1')
    assert fresh.out('rmi', 'other:1') == 'Untagged: other:1'
    lines = fresh('image', 'rm', 'web').stdout.splitlines()
    assert lines[0] == 'Untagged: web:latest' and lines[1] == f'Deleted: {image}'
    root = pathlib.Path(fresh.root)
    assert [entry.name for entry in (root / 'layers').iterdir() if entry.name != '.lock'] == []
    assert list((root / 'image-store/blobs/sha256').iterdir()) == []
    assert [entry.name for entry in (root / 'images').iterdir()] == ['names']
    assert fresh('rmi', 'web', code=1).stderr.splitlines()[0] == "isola: there is no image 'web'"


def test_rmi_by_id_of_several_names_needs_force(fresh):
    image = make(fresh, 'web')
    fresh('tag', 'web', 'two')
    assert 'has 2 names' in fresh('rmi', image[7:19], code=1).stderr
    fresh('rmi', '-f', image[7:19])
    assert names(fresh) == set()


def test_rmi_goes_on_after_a_failure(fresh):
    make(fresh, 'a')
    make(fresh, 'b')
    assert "there is no image 'nothing'" in fresh('rmi', 'a', 'nothing', 'b', code=1).stderr
    assert names(fresh) == set()


def test_rmi_of_an_image_in_use(isola, rootfs_tar):
    isola('image', 'import', rootfs_tar, 'used:1')
    isola('create', '--name', 'user', 'used:1', 'true')
    done = isola('rmi', 'used:1', code=1)
    assert "is used by container 'user'" in done.stderr
    assert isola.out('rmi', '-f', 'used:1') == 'Untagged: used:1'
    isola('start', '-a', 'user')
    isola('rm', 'user')
    dangling = isola.out('images', '-q', '-f', 'dangling=true')
    isola('rmi', '-f', *dangling.split())


def test_history_and_inspect(fresh):
    image = make(fresh, 'web', b'x', '-c', 'CMD ["x"]', '-m', 'by hand')
    heading, row = fresh('history', 'web').stdout.splitlines()
    assert heading.split() == ['IMAGE', 'CREATED', 'CREATED', 'BY', 'SIZE', 'COMMENT']
    assert row.startswith(image[7:19]) and row.endswith('by hand')
    assert fresh.out('history', '-q', '--no-trunc', 'web') == image
    document = fresh.json('image', 'inspect', 'web')[0]
    assert document['Id'] == image and document['RepoTags'] == ['web:latest']
    assert document['Config']['Cmd'] == ['x'] and document['RootFS']['Type'] == 'layers'
    assert document['Architecture'] and document['Os'] == 'linux' and document['Comment'] == 'by hand'
    assert fresh.out('image', 'inspect', '-f', '{{.Id}}', 'web') == image


def test_the_store_is_an_image_layout(fresh):
    image = make(fresh, 'team/web:v1')
    store = pathlib.Path(fresh.root) / 'image-store'
    assert json.loads((store / 'oci-layout').read_text()) == {'imageLayoutVersion': '1.0.0'}
    index = json.loads((store / 'index.json').read_text())
    entry, = index['manifests']
    assert entry['annotations'] == {'org.opencontainers.image.ref.name': 'team/web:v1', 'org.isola.image.id': image}
    for blob in (store / 'blobs/sha256').iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    manifest = json.loads((store / 'blobs/sha256' / entry['digest'][7:]).read_text())
    assert manifest['config']['digest'] == image and len(manifest['layers']) == 1
    config = json.loads((store / 'blobs/sha256' / image[7:]).read_text())
    assert config['rootfs']['diff_ids'] == [layer['digest'] for layer in manifest['layers']]


@pytest.mark.skipif(not shutil.which('skopeo'), reason='skopeo is not installed')
@pytest.mark.parametrize('name', ['sistema:latest', 'team/web:v1', 'localhost:5000/a/b:2'])
def test_skopeo_reads_the_store(fresh, name):
    make(fresh, name)
    done = subprocess.run(['skopeo', 'inspect', f'oci:{fresh.root}/image-store:{name}'], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    entry = json.loads((pathlib.Path(fresh.root) / 'image-store/index.json').read_text())['manifests'][0]
    assert json.loads(done.stdout)['Digest'] == entry['digest']


def test_the_cache_may_be_lost(fresh):
    image = make(fresh, 'web')
    shutil.rmtree(pathlib.Path(fresh.root) / 'images')
    assert fresh.out('image', 'inspect', '-f', '{{.Id}}', 'web') == image
    assert names(fresh) == {'web:latest'}


def test_a_damaged_index_is_said(fresh):
    make(fresh, 'web')
    index = pathlib.Path(fresh.root) / 'image-store/index.json'
    index.write_text('{"manifests": 3')
    assert 'the image store is damaged' in fresh('images', code=1).stderr


def test_a_damaged_blob_is_not_used(fresh):
    image = make(fresh, 'web')
    blob = pathlib.Path(fresh.root) / 'image-store/blobs/sha256' / image[7:]
    blob.write_text(blob.read_text().replace('linux', 'minix'))
    assert fresh('images', '-q').stdout == ''


def test_concurrent_imports_all_arrive(fresh, tmp_path):
    processes = []
    for i in range(12):
        path = tmp_path / f'{i}.tar'
        path.write_bytes(tar_with(b'%d' % (i % 4)))
        processes.append(fresh.start('image', 'import', str(path), f'image{i}'))
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert len(names(fresh)) == 12


def test_builds_runs_and_removals_side_by_side(fresh, rootfs_tar, tmp_path):
    """Three loops of build, run and rmi of nearly the same layers: nobody takes another's away."""
    fresh('image', 'import', rootfs_tar, 'base')
    script = ('for i in 1 2 3 4 5 6; do '
              'printf "FROM base\\nRUN touch /x$((i % 2))\\nCMD ls\\n" > {d}/Dockerfile && '
              '{isola} build -q -t t{k} {d} >/dev/null && {isola} run --rm --network none t{k} ls /x$((i % 2)) && '
              '{isola} rmi t{k} >/dev/null || exit 1; done')
    processes = []
    for k in range(3):
        directory = tmp_path / str(k)
        directory.mkdir()
        text = script.format(d=directory, k=k, isola=' '.join(fresh.command()))
        processes.append(subprocess.Popen(['sh', '-c', text], env=fresh.environment, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, text=True))
    for process in processes:
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    assert names(fresh) == {'base:latest'}


def test_a_list_beside_runs_takes_nothing_away(isola, image):
    lists = [isola.start('ps', '-a') for _ in range(3)]
    for i in range(30):
        lists.append(isola.start('ps', '-a'))
        isola('run', '--rm', '--network', 'none', image, 'true')
    for process in lists:
        process.communicate(timeout=60)
        assert process.returncode == 0
