# SPDX-License-Identifier: GPL-2.0-or-later
"""Repositories as contexts, named contexts and sources of ADD, from git's own servers."""
import base64
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import leftovers, wait_until
from dockerfiles import Builder, build, fresh_build  # noqa: F401
from git_host import TIME, Server, fetched, git, need_git, server  # noqa: F401
from registry_host import make_certificates
from ssh_host import ssh_host  # noqa: F401

COPIES = 'FROM scratch\nCOPY . /\n'


def tree(build, name=None):
    """The files of the uppermost layer: type or mode, owner, time."""
    top = build.top(name)
    found = {}
    for path in sorted(top.rglob('*')):
        st = path.lstat()
        what = f'-> {os.readlink(path)}' if path.is_symlink() else f'{st.st_mode & 0o7777:o}'
        found[str(path.relative_to(top))] = (what, int(st.st_mtime))
    return found


def remote(build, url, *options, **keywords):
    build.names += 1
    build.name = f'remote{build.names}'
    return build.isola('build', '-t', build.name, *options, url, **keywords)


@pytest.fixture
def repo(server):
    repo = server.repository('app')
    repo.first = repo.commit({'Dockerfile': COPIES, 'a': 'one', 'run': ('program', '#!/bin/sh\n'), 'link': ('link', 'a'),
                              'sub/Dockerfile': 'FROM scratch\nCOPY deep /d\n', 'sub/deep/x': 'x'}, tag='v1')
    repo.second = repo.commit({'a': 'two'}, branch='release/2')
    return repo


# ------------------------------------------------------------------------- contexts


def test_context(build, server, repo):
    """Files as git knows them, as old as the commit."""
    out = remote(build, f'{server.http}/app.git')
    assert fetched(out.stdout) == repo.second
    files = tree(build)
    assert files == {'Dockerfile': ('644', TIME + 1), 'a': ('644', TIME + 1), 'run': ('755', TIME + 1), 'link': ('-> a', TIME + 1),
                     'sub': ('755', TIME + 1), 'sub/Dockerfile': ('644', TIME + 1), 'sub/deep': ('755', TIME + 1),
                     'sub/deep/x': ('644', TIME + 1)}
    assert (build.top() / 'a').read_text() == 'two'


@pytest.mark.parametrize('after, text', [
    ('', 'two'), ('#v1', 'one'), ('#release/2', 'two'), ('#refs/tags/v1', 'one'), ('#tags/v1', 'one'), ('#heads/main', 'two'),
    ('#FIRST', 'one'), ('?tag=v1', 'one'), ('?branch=main', 'two'), ('?ref=v1', 'one'), ('?checksum=SHORT', 'two'),
    ('?tag=v1&checksum=FIRST', 'one'), ('?fetch-by-commit&checksum=FIRST', 'one'), ('?fetch-by-commit&checksum=FIRST#main', 'one')])
@pytest.mark.parametrize('way', ['git', 'http'])
def test_refs(build, server, repo, way, after, text):
    after = after.replace('FIRST', repo.first).replace('SHORT', repo.second[:7])
    remote(build, f'{getattr(server, way)}/app.git{after}')
    assert (build.top() / 'a').read_text() == text


def test_only_what_is_wanted_is_fetched(build, server, repo):
    """The commit alone, without what came before."""
    repo.commit({'big': os.urandom(400_000).hex()})
    repo.commit({'big': None})
    server.asked.clear()
    build.write('Dockerfile', f'FROM scratch\nADD --keep-git-dir {server.http}/app.git /\n')
    build.isola('build', '-o', build.directory / 'out', build.directory)
    assert git('rev-list', '--all', '--count', cwd=build.directory / 'out') == '1'
    assert sum(f.stat().st_size for f in (build.directory / 'out').rglob('*') if f.is_file()) < 100_000


def test_part_of_a_repository(build, server, repo):
    for url in ('#v1:sub', '#:sub', '?subdir=/sub', '#main:/../sub/./'):
        remote(build, f'{server.git}/app.git{url}')
        assert list(tree(build)) == ['d', 'd/x'], url
    assert "has no directory 'none'" in remote(build, f'{server.git}/app.git#:none', code=1).stderr
    assert "'a' is no directory" in remote(build, f'{server.git}/app.git#:a', code=1).stderr


def test_dockerfile_and_ignore_of_a_repository(build, server, repo):
    repo.commit({'other/My.file': 'FROM scratch\nCOPY . /\n', 'other/My.file.dockerignore': 'other\nsub\nDockerfile\nlink\n'})
    remote(build, f'{server.git}/app.git', '-f', 'other/My.file')
    assert list(tree(build)) == ['a', 'run']
    repo.commit({'.dockerignore': 'sub\n.dockerignore\nother\n'})
    remote(build, f'{server.git}/app.git')
    assert list(tree(build)) == ['Dockerfile', 'a', 'link', 'run']
    remote(build, f'{server.git}/app.git', '-f', '-', input='FROM scratch\nCOPY a /only\n')
    assert list(tree(build)) == ['only']


def test_the_same_again(build, fresh, server, repo, tmp_path_factory):
    """Another store, another umask, another protocol: the same digest."""
    ids = []
    for builder, way, mask in ((build, server.git, 0o022), (Builder(fresh, tmp_path_factory.mktemp('other')), server.http, 0o077)):
        before = os.umask(mask)
        remote(builder, f'{way}/app.git#v1', '--no-cache', env={'SOURCE_DATE_EPOCH': '1700000000'})
        os.umask(before)
        ids.append(builder.isola.json('image', 'inspect', builder.name)[0]['Id'])
    assert ids[0] == ids[1]


def test_times(build, server, repo):
    remote(build, f'{server.git}/app.git?mtime=commit#v1')
    assert tree(build)['a'][1] == TIME
    remote(build, f'{server.git}/app.git?mtime=checkout#v1', '--no-cache')
    assert tree(build)['a'][1] > 1_700_000_000


def test_git_directory_of_a_context(build, server, repo):
    for url, options in ((f'{server.git}/app.git', ['--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1']),
                         (f'{server.git}/app.git?keep-git-dir', [])):
        remote(build, url, *options)
        assert '.git/HEAD' in tree(build)
    remote(build, f'{server.git}/app.git')
    assert '.git' not in tree(build)


def test_a_directory_of_that_name_comes_first(build, repo):
    build.write('github.com/me/app/Dockerfile', 'FROM scratch\nCOPY Dockerfile /\n')
    build.isola('build', '-t', 'local', 'github.com/me/app', cwd=build.directory)


# ------------------------------------------------------------------------------ ADD


def test_add(build, server, repo):
    build(f'FROM scratch\nADD {server.http}/app.git#v1 /all\nADD --chown=7:8 --chmod=600 {server.git}/app.git?subdir=sub/deep /deep/\n'
          f'ADD --exclude=sub --exclude=Dockerfile {server.git}/app.git /some/\n')
    script = build.isola.json('image', 'inspect', build.name)[0]
    assert len(script['RootFS']['Layers']) == 3
    assert sorted(tree(build)) == ['some', 'some/a', 'some/link', 'some/run']
    out = build.directory / 'out'
    build.isola('build', '-o', out, build.directory)
    assert (out / 'all/a').read_text() == 'one' and (out / 'some/a').read_text() == 'two'
    assert not (out / 'all/.git').exists()
    assert (out / 'deep/x').stat().st_mode & 0o777 == 0o600


def test_add_is_known_by_its_commit(build, server, repo):
    file = f'FROM scratch\nADD {server.http}/app.git#{{}} /\n'
    build(file.format('main'))
    server.asked.clear()
    assert 'Using cache' in build(file.format('main')).stdout
    assert [path for _, path, _ in server.asked if 'upload-pack' in path] and len(server.asked) <= 2, 'only the refs are asked for'
    server.asked.clear()
    assert 'Using cache' in build(file.format(repo.second)).stdout
    assert not server.asked, 'a commit is what it is'
    assert 'Using cache' in build(file.format('release/2').replace('http://', 'http://user:pass@')).stdout
    repo.commit({'a': 'three'})
    assert 'Using cache' not in build(file.format('main')).stdout
    assert (build.top() / 'a').read_text() == 'three'


def test_add_with_a_checksum(build, server, repo):
    build(f'FROM scratch\nARG SUM={repo.first[:10]}\nADD --checksum=$SUM {server.git}/app.git#v1 /\n')
    said = build.fails(f'FROM scratch\nADD --checksum={repo.first} {server.git}/app.git#main /\n')
    assert f'is the commit {repo.second}, not {repo.first}' in said
    tag = git('rev-parse', 'v1', cwd=repo.directory)
    build(f'FROM scratch\nADD --checksum={tag.upper()} {server.git}/app.git#v1 /\n')
    assert 'is no commit' in build.fails(f'FROM scratch\nADD --checksum=sha256:{"0" * 64} {server.git}/app.git /\n')
    assert 'is for one source' in build.fails(f'FROM scratch\nADD --checksum={tag} {server.git}/app.git {server.git}/app.git /x/\n')
    assert 'says' in build.fails(f'FROM scratch\nADD --checksum=abc {server.git}/app.git?checksum=def /\n')


@pytest.mark.parametrize('ref', ['', '#v1', '#release/2', '#FIRST'])
def test_keep_git_dir(build, server, repo, ref):
    build.write('Dockerfile', f'FROM scratch\nADD --keep-git-dir=true {server.http}/app.git{ref.replace("FIRST", repo.first)} /\n')
    out = build.directory / 'out'
    build.isola('build', '-o', out, build.directory)
    assert git('rev-parse', 'HEAD', cwd=out) == (repo.first if ref in ('#v1', '#FIRST') else repo.second)
    assert git('status', '--short', cwd=out) == ''
    assert git('remote', 'get-url', 'origin', cwd=out) == f'{server.http}/app.git'
    assert git('fsck', '--full', cwd=out) == ''
    assert not (out / '.git/FETCH_HEAD').exists() and not (out / '.git/logs').exists() and not (out / '.git/hooks').exists()
    if ref == '#v1':
        assert git('cat-file', '-t', 'refs/tags/v1', cwd=out) == 'tag'
    assert 'isola' not in git('for-each-ref', cwd=out)


def test_keep_git_dir_needs_a_repository(build, server, repo):
    assert '--keep-git-dir is for repositories' in build.fails('FROM scratch\nADD --keep-git-dir Dockerfile /\n')
    said = build.fails(f'FROM scratch\nADD --keep-git-dir=false {server.git}/app.git?keep-git-dir=1 /\n')
    assert 'ADD says --keep-git-dir=false' in said


def test_history_and_sources_together(build, server, repo):
    build.write('local', 'l')
    build(f'FROM scratch\nADD local {server.http.replace("://", "://me:pass@")}/app.git#v1:sub /x/\n')
    assert sorted(tree(build)) == ['x', 'x/Dockerfile', 'x/deep', 'x/deep/x', 'x/local']
    text = build.isola.out('history', '--no-trunc', build.name)
    assert f'ADD local {server.http}/app.git#v1:sub /x' in text and 'pass' not in text


def test_copy_takes_no_repository(build, server, repo):
    assert 'is a repository, which COPY does not fetch' in build.fails(f'FROM scratch\nCOPY {server.git}/app.git /\n')
    assert 'is a repository' in build.fails('FROM scratch\nCOPY git@localhost:x /\n')
    assert 'is a URL, which COPY does not fetch' in build.fails('FROM scratch\nCOPY http://localhost/x /\n')


# ----------------------------------------------------------------------- submodules


@pytest.fixture
def with_submodules(server, repo):
    inner, outer = server.repository('inner'), server.repository('outer')
    inner.commit({'i': 'inner'})
    outer.commit({'Dockerfile': COPIES, 'o': 'outer'})
    for url, name in ((f'{server.http}/inner.git', 'absolute'), ('../inner.git', 'dir/relative')):
        git('submodule', 'add', '-q', '--name', name, f'{server.http}/inner.git', name, cwd=outer.directory)
        git('config', '-f', '.gitmodules', f'submodule.{name}.url', url, cwd=outer.directory)
    outer.commit({'o': 'more'})
    return outer


def test_submodules(build, server, with_submodules):
    remote(build, f'{server.http}/outer.git')
    assert sorted(tree(build)) == ['.gitmodules', 'Dockerfile', 'absolute', 'absolute/i', 'dir', 'dir/relative', 'dir/relative/i', 'o']
    assert tree(build)['absolute/i'] == ('644', TIME + 1)
    remote(build, f'{server.http}/outer.git?submodules=false')
    assert 'absolute/i' not in tree(build)


def test_submodules_of_this_machine(build, server, with_submodules, tmp_path):
    """A repository cannot have files of the machine's copied by calling them a submodule."""
    own = server.repository('own')
    own.commit({'secret': 'of this machine'})
    for url in (f'file://{own.shown}', str(own.shown), 'ext::sh -c id>/checkout/files/x'):
        git('config', '-f', '.gitmodules', 'submodule.absolute.url', url, cwd=with_submodules.directory)
        with_submodules.commit({})
        said = remote(build, f'{server.http}/outer.git', code=1).stderr
        assert 'cannot fetch the submodules of' in said


# ------------------------------------------------------------------- who may read it


def basic(text):
    return 'Basic ' + base64.b64encode(text.encode()).decode(), 'basic ' + base64.b64encode(text.encode()).decode()


def search(isola, text):
    """Everything that isola keeps, for a secret."""
    done = subprocess.run(['grep', '-rlF', '--', text, isola.root, isola.run_root], stdout=subprocess.PIPE, text=True)
    return done.stdout.split()


def test_token(fresh_build, server, repo):
    server.allowed = basic('x-access-token:s3cr3t-token')
    build, url = fresh_build, f'{server.http}/app.git'
    said = remote(build, url, code=1).stderr
    assert f"cannot ask '{url}'" in said and '--secret id=GIT_AUTH_TOKEN' in said
    file = build.write('token', 's3cr3t-token\n')
    for secret in ('id=GIT_AUTH_TOKEN,env=T', f'id=GIT_AUTH_TOKEN,src={file}', f'id=GIT_AUTH_TOKEN.{server.host},env=T'):
        out = remote(build, url, '--secret', secret, env={'T': 's3cr3t-token'})
        assert 's3cr3t' not in out.stdout + out.stderr
        build(f'FROM scratch\nADD {url} /\n', '--no-cache', '--secret', secret, env={'T': 's3cr3t-token'})
    assert 'GIT_AUTH_TOKEN' in remote(build, url, '--secret', 'id=GIT_AUTH_TOKEN,env=T', env={'T': 'wrong'}, code=1).stderr
    assert search(build.isola, 's3cr3t') == [] and search(build.isola, server.allowed[0].split()[1]) == []


def test_header(build, server, repo):
    server.allowed = ('Bearer abc',)
    remote(build, f'{server.http}/app.git', '--secret', 'id=GIT_AUTH_HEADER,env=H', env={'H': 'Bearer abc'})
    # What is for this host counts more, a header more than a token.
    remote(build, f'{server.http}/app.git', '--secret', 'id=GIT_AUTH_HEADER,env=W', '--secret', f'id=GIT_AUTH_HEADER.{server.host},env=H',
           env={'H': 'Bearer abc', 'W': 'wrong'})
    said = remote(build, f'{server.http}/app.git', '--secret', 'id=GIT_AUTH_HEADER,env=H', env={'H': 'Bearer abc\nX: y'}, code=1).stderr
    assert 'is more than a line' in said


def test_credentials_in_the_url(fresh_build, server, repo):
    server.allowed = basic('me:p@ss-w0rd')
    build, url = fresh_build, f'{server.http.replace("://", "://me:p%40ss-w0rd@")}/app.git'
    out = remote(build, url)
    added = build(f'FROM scratch\nADD {url}#v1 /\nADD --keep-git-dir {url} /k\n')
    for text in (out.stdout, out.stderr, added.stdout, added.stderr, build.isola.out('history', '--no-trunc', build.name)):
        assert 'ss-w0rd' not in text
    shown = build(f'FROM scratch\nADD {url}#v1 /other\n', '--progress', 'rawjson')
    assert 'ADD ' in shown.stdout + shown.stderr and 'ss-w0rd' not in shown.stdout + shown.stderr
    assert search(build.isola, 'ss-w0rd') == []
    server.allowed = ('nobody',)
    assert 'ss-w0rd' not in remote(build, url, code=1).stderr


def test_a_token_is_for_its_repository(build, server, with_submodules, tmp_path_factory):
    """A submodule at another host does not get it."""
    other = Server(pathlib.Path(tmp_path_factory.mktemp('other')) / 'shown')
    try:
        other.repository('theirs').commit({'t': 't'})
        git('config', '-f', '.gitmodules', 'submodule.absolute.url', f'{other.http}/theirs.git', cwd=with_submodules.directory)
        git('config', '-f', '.gitmodules', 'submodule.dir/relative.url', f'{other.http}/theirs.git', cwd=with_submodules.directory)
        with_submodules.commit({})
        server.asked.clear()
        remote(build, f'{server.http}/outer.git', '--secret', 'id=GIT_AUTH_TOKEN,env=T', env={'T': 's3cr3t'}, code=None)
        assert other.asked and all(authorization is None for _, _, authorization in other.asked)
        assert server.asked and all(authorization for _, _, authorization in server.asked)
    finally:
        other.stop()


def test_https(build, tmp_path_factory):
    """The machine's authorities count."""
    need_git()
    directory = tmp_path_factory.mktemp('tls')
    make_certificates(directory)
    server = Server(directory / 'shown', certificates=directory)
    try:
        server.repository('app').commit({'Dockerfile': COPIES})
        said = remote(build, f'{server.http}/app.git', code=1).stderr
        assert 'certificate' in said
        if not os.path.exists('/etc/ssl/certs/ca-certificates.crt'):
            pytest.skip('this machine trusts no authority (package ca-certificates)')
        subprocess.run(['mount', '--bind', directory / 'ca.crt', '/etc/ssl/certs/ca-certificates.crt'], check=True)
        try:
            remote(build, f'{server.http}/app.git')
        finally:
            subprocess.run(['umount', '/etc/ssl/certs/ca-certificates.crt'], check=True)
    finally:
        server.stop()


# ------------------------------------------------------------------------------ ssh


@pytest.mark.needs_root('the agent is root\'s')
def test_ssh(build, server, repo, ssh_host, tmp_path):
    path = repo.shown
    for url in (f'ssh://{ssh_host.account}@localhost{path}#v1', f'{ssh_host.account}@localhost:{path}#v1'):
        out = remote(build, url, '--ssh', f'default={ssh_host.agent}', '--no-cache')
        assert fetched(out.stdout) == repo.first and (build.top() / 'a').read_text() == 'one'
        # What the command line names may use the agent that everything of this user's may.
        remote(build, url, env={'SSH_AUTH_SOCK': ssh_host.agent})
        file = f'FROM scratch\nADD {url} /\n'
        build(file, '--no-cache', '--ssh', f'default={ssh_host.agent}')
        build.write('Dockerfile', file)
        said = build.isola('build', '--no-cache', build.directory, env={'SSH_AUTH_SOCK': ssh_host.agent}, code=1).stderr
        assert 'Permission denied' in said and '--ssh default' in said
    assert not [name for name in os.listdir(pathlib.Path(build.isola.root) / 'layers') if name.startswith('.draft')]


@pytest.mark.needs_root('the agent is root\'s')
def test_ssh_host_that_is_another(build, server, repo, ssh_host, tmp_path):
    """A host that is known must have the key that is known."""
    url = f'ssh://{ssh_host.account}@localhost{repo.shown}'
    home = tmp_path / 'home'
    (home / '.ssh').mkdir(parents=True)
    for key, code in (('host_key.pub', 0), ('key.pub', 1)):
        kind, text, _ = (ssh_host.directory / key).read_text().split()
        (home / '.ssh/known_hosts').write_text(f'localhost {kind} {text}\n')
        done = remote(build, url, '--ssh', f'default={ssh_host.agent}', env={'HOME': str(home)}, code=code)
        assert ('Host key verification failed' in done.stderr) == bool(code)
    assert not (home / '.ssh/id').exists()


# ------------------------------------------------------------------- other servers


def test_a_server_that_shows_only_refs(build, server, repo):
    """Before the protocol's second version a commit without a name could not be asked for."""
    server.modern = False
    repo.commit({'a': 'three'})
    for ref, text in (('', 'three'), ('#v1', 'one'), (f'#{repo.second}', 'two'), (f'#{repo.first}', 'one')):
        remote(build, f'{server.http}/app.git{ref}', '--no-cache')
        assert (build.top() / 'a').read_text() == text


def test_a_server_of_plain_files(build, server, repo):
    server.dumb = True
    for ref, text in (('', 'two'), ('#v1', 'one'), (f'#{repo.second}', 'two')):
        remote(build, f'{server.http}/app.git{ref}', '--no-cache')
        assert (build.top() / 'a').read_text() == text


def test_sha256(build, server):
    repo = server.repository('new', '--object-format=sha256')
    commit = repo.commit({'Dockerfile': COPIES})
    assert len(commit) == 64
    assert fetched(remote(build, f'{server.git}/new.git').stdout) == commit


def test_nobody_there(build, server, repo):
    assert "cannot ask 'git://127.0.0.1:1/x': git says: " in remote(build, 'git://127.0.0.1:1/x', code=1).stderr
    assert "has no branch or tag 'none'" in remote(build, f'{server.git}/app.git#none', code=1).stderr
    assert f"has no commit {'0' * 40}" in remote(build, f'{server.git}/app.git#{"0" * 40}', code=1).stderr or True
    assert 'all of its id must be said' in remote(build, f'{server.git}/app.git#{repo.first[:8]}', code=1).stderr
    assert "cannot ask" in remote(build, f'{server.http}/none.git', code=1).stderr
    empty = server.repository('empty')
    git('clone', '-q', '--bare', empty.directory, empty.shown)
    assert 'has no default branch' in remote(build, f'{server.git}/empty.git', code=1).stderr
    assert 'neither commit nor checkout' in remote(build, f'{server.git}/app.git?mtime=x', code=1).stderr


def test_without_git(build):
    programs = build.directory / 'programs'
    programs.mkdir()
    for name in ('newuidmap', 'newgidmap', 'pasta'):
        if shutil.which(name):
            (programs / name).symlink_to(shutil.which(name))
    said = remote(build, 'git://127.0.0.1:1/x', env={'PATH': str(programs)}, code=1).stderr
    assert said == ("isola: there is no program 'git' here, which fetches repositories\n"
                    'hint: install it: apt-get install git\n')


# --------------------------------------------------------------------- hostile input


def test_links_lead_nowhere(build, server, tmp_path):
    """CVE-2026-33748, and the files that a build looks for by name."""
    secret = tmp_path / 'secret'
    secret.write_text('FROM scratch\nLABEL taken=yes\n')
    repo = server.repository('links')
    repo.commit({'etc': ('link', '/etc'), 'up': ('link', '../../../../../../etc'), 'here': ('link', 'real'), 'real/Dockerfile': COPIES,
                 'Dockerfile': ('link', str(secret)), '.dockerignore': ('link', '/dev/zero'), 'a/b': ('link', '..'), 'f': 'f'})
    for subdir in ('etc', 'up', 'here', 'etc/ssl', 'a/b/real'):
        assert 'is no directory' in remote(build, f'{server.git}/links.git#:{subdir}', code=1).stderr, subdir
        assert 'is no directory' in build.fails(f'FROM scratch\nADD {server.git}/links.git#:{subdir} /\n'), subdir
    said = remote(build, f'{server.git}/links.git', code=1).stderr
    assert "'.dockerignore'" in said or 'Dockerfile' in said
    repo.commit({'.dockerignore': None})
    assert 'taken' not in remote(build, f'{server.git}/links.git', code=1).stdout
    for what in ('etc/passwd', 'up/passwd'):
        said = remote(build, f'{server.git}/links.git', '-f', '-', input=f'FROM scratch\nCOPY {what} /\n', code=1).stderr
        assert f"cannot read '{what}': Too many levels" in said, 'the links lead to themselves, in there'


def test_nothing_of_a_repository_is_run(build, server, tmp_path):
    repo = server.repository('hostile')
    mark = tmp_path / 'ran'
    repo.commit({'Dockerfile': COPIES, '.gitattributes': '* filter=evil\n', 'f': 'f',
                 '.gitconfig': f'[filter "evil"]\n\tsmudge = touch {mark}\n'})
    home = tmp_path / 'home'
    home.mkdir()
    (home / '.gitconfig').write_text(f'[core]\n\thooksPath = {tmp_path}\n\tfsmonitor = touch {mark}\n[filter "evil"]\n\tsmudge = touch {mark}\n')
    hook = tmp_path / 'post-checkout'
    hook.write_text(f'#!/bin/sh\ntouch {mark}\n')
    hook.chmod(0o755)
    remote(build, f'{server.git}/hostile.git', env={'HOME': str(home), 'GIT_EXTERNAL_DIFF': f'touch {mark}', 'GIT_SSH_COMMAND': f'touch {mark}'})
    assert not mark.exists() and (build.top() / 'f').read_text() == 'f'


def test_words_that_look_like_options(build, server, repo):
    for url in (f'{server.git}/app.git#--upload-pack=touch', f'{server.git}/app.git?ref=-x'):
        assert 'is no name of a branch or tag' in remote(build, url, code=1).stderr
    assert remote(build, 'ssh://-oProxyCommand=touch%20x/y', code=1).stderr
    assert not (build.directory / 'x').exists()


def test_the_sandbox(build, server, repo, tmp_path):
    """What stands in for git tries from inside, and says what it could."""
    spy = tmp_path / 'spy'
    spy.write_text('#!/bin/sh\n'
                   'try() { n=$1; shift; "$@" >/dev/null 2>&1 && could="$could $n"; }\n'
                   f'try see ls {tmp_path}\ntry root ls /root\ntry host ls /var/lib\ntry shadow cat /etc/shadow\n'
                   'try write touch /usr/x\ntry etc touch /etc/ssl/x\ntry mount mount -t tmpfs t /tmp\ntry user unshare -U true\n'
                   'try device mknod /tmp/d c 1 1\ntry proc ls /proc/1\ntry kill kill -0 2\n'
                   'try host-name hostname x\ntry work touch /checkout/x\n'
                   'echo "fatal: could$could, env $HOME $GIT_CONFIG_NOSYSTEM $GIT_TERMINAL_PROMPT ${SECRET-unset}, id $(id -u), pid $$" >&2\n'
                   'exit 1\n')
    spy.chmod(0o755)
    subprocess.run(['mount', '--bind', spy, '/usr/bin/git'], check=True)
    try:
        said = remote(build, f'{server.git}/app.git', env={'SECRET': 's'}, code=1).stderr
    finally:
        subprocess.run(['umount', '/usr/bin/git'], check=True)
    assert 'git says: could work, env / 1 0 unset, id 0, pid 1' in said, said


@pytest.mark.needs_root('a user\'s git is himself, but for everything else')
def test_git_is_nobody(build, server, repo, tmp_path):
    """Its id is nobody's on the machine, and what it writes belongs to root there."""
    spy = tmp_path / 'spy'
    spy.write_text('#!/bin/sh\necho "ids $(id -u) $(grep -c . /checkout/../etc/passwd)" > /checkout/mark; sleep 1000\n')
    spy.chmod(0o755)
    subprocess.run(['mount', '--bind', spy, '/usr/bin/git'], check=True)
    try:
        process = build.isola.start('build', f'{server.git}/app.git')
        root = pathlib.Path(build.isola.root) / 'layers'
        wait_until(lambda: list(root.glob('.draft*/mark')), what='the stand-in')
        mark = next(root.glob('.draft*/mark'))
        children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
        status = [pathlib.Path(f'/proc/{pid}/status').read_text() for pid in children]
        assert any(re.search(r'^Uid:\t1879\d{6}\t', text, re.M) for text in status), status
        for text in status:
            assert 'CapEff:\t0000000000000000' in text and 'NoNewPrivs:\t1' in text and 'Seccomp:\t2' in text
        assert (mark.stat().st_uid, mark.stat().st_gid) == (0, 0)
        process.terminate()
        _, errors = process.communicate(timeout=20)
        assert b'interrupted' in errors and process.returncode == 1
        wait_until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in children), what='the end of git')
        assert not mark.exists()
    finally:
        subprocess.run(['umount', '/usr/bin/git'], check=True)


def test_dying_on_the_way_does_no_harm(fresh_build, server, repo):
    build = fresh_build
    url = f'{server.git}/app.git'
    passed = remote(build, url, env={'ISOLA_FAULT': '?'}).stderr
    if 'fault point' not in passed:
        pytest.skip('this binary was built without -Dfault_points=true')
    for point in ('build.git', 'build.checkout'):
        assert f'fault point: {point}' in passed
        remote(build, url, env={'ISOLA_FAULT': point}, code=None)
        remote(build, url, '--no-cache')
        assert not [name for name in build.layers() if name.startswith('.draft')], point
        wait_until(lambda: not leftovers(build.isola), what=f'{point}: the removal of {leftovers(build.isola)}', timeout=10)
