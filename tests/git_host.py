# SPDX-License-Identifier: GPL-2.0-or-later
"""Repositories on loopback for tests: git's own daemon and its http-backend behind a small server.

Repository makes commits; Server shows the bare repositories of a directory by git:// and by http://, the
latter for everybody or for whom `allowed` knows, and notes what it is asked for.
"""
import http.server
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from conftest import wait_until
from registry_host import free_port

TIME = 1_500_000_000  # of the first commit, in seconds; each later one is a second later
NAMES = {f'GIT_{who}_{what}': value for who in ('AUTHOR', 'COMMITTER') for what, value in (('NAME', 'x'), ('EMAIL', 'x@y'))}
QUIET = {'GIT_CONFIG_NOSYSTEM': '1', 'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_TERMINAL_PROMPT': '0'}


def git(*arguments, cwd=None, env=None, **options):
    done = subprocess.run(['git', '-c', 'protocol.file.allow=always', '-c', 'safe.directory=*', *map(str, arguments)], cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **QUIET, **NAMES, **(env or {})}, **options)
    assert done.returncode == 0, f'git {arguments}: {done.stderr}'
    return done.stdout.strip()


class Repository:
    """A repository whose commits are the same on every day, and its bare twin that is shown."""

    def __init__(self, directory, shown, *options):
        self.directory, self.shown, self.time = directory, shown, TIME
        git('init', '-q', '-b', 'main', *options, directory)

    def commit(self, files, *, tag=None, branch=None):
        """Files by name: text, None to remove, ('link', target), ('program', text); returns the commit."""
        for name, what in files.items():
            path = self.directory / name
            if what is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(what, tuple) and what[0] == 'link':
                path.symlink_to(what[1])
            else:
                path.write_text(what if isinstance(what, str) else what[1])
                path.chmod(0o644 if isinstance(what, str) else 0o755)
        when = {'GIT_AUTHOR_DATE': f'{self.time} +0000', 'GIT_COMMITTER_DATE': f'{self.time} +0000'}
        self.time += 1
        git('add', '-A', cwd=self.directory)
        git('commit', '-q', '--allow-empty', '-m', 'x', cwd=self.directory, env=when)
        if tag:
            git('tag', '-a', '-m', tag, tag, cwd=self.directory, env=when)
        if branch:
            git('branch', branch, cwd=self.directory)
        self.publish()
        return git('rev-parse', 'HEAD', cwd=self.directory)

    def publish(self):
        if not self.shown.exists():
            git('clone', '-q', '--bare', self.directory, self.shown)
            git('config', 'http.receivepack', 'false', cwd=self.shown)
        git('push', '-q', '--mirror', '--force', self.shown, cwd=self.directory)
        git('update-server-info', cwd=self.shown)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *arguments):
        pass

    def refuse(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def answer(self, body):
        path, _, query = self.path.partition('?')
        host = self.server.host
        host.asked.append((self.command, self.path, self.headers.get('Authorization')))
        if host.allowed is not None and self.headers.get('Authorization') not in host.allowed:
            return self.refuse(401, WWW_Authenticate='Basic realm="x"')
        if host.dumb:
            return self.send_file(path)
        environment = {'PATH': os.environ['PATH'], **QUIET, 'GIT_PROJECT_ROOT': str(host.directory), 'GIT_HTTP_EXPORT_ALL': '1',
                       'REQUEST_METHOD': self.command, 'PATH_INFO': path, 'QUERY_STRING': query,
                       'CONTENT_TYPE': self.headers.get('Content-Type', ''), 'CONTENT_LENGTH': str(len(body)),
                       'HTTP_CONTENT_ENCODING': self.headers.get('Content-Encoding', ''), 'HOME': '/nonexistent',
                       'GIT_PROTOCOL': self.headers.get('Git-Protocol', '') if host.modern else ''}
        done = subprocess.run(['git', '-c', 'safe.directory=*', 'http-backend'], input=body, stdout=subprocess.PIPE, env=environment)
        head, _, content = done.stdout.partition(b'\r\n\r\n')
        headers = dict(line.split(': ', 1) for line in head.decode().split('\r\n') if ': ' in line)
        self.send_response(int(headers.pop('Status', '200 OK').split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_file(self, path):
        file = self.server.host.directory / path.lstrip('/')
        if not file.is_file():
            return self.refuse(404)
        self.send_response(200)
        self.send_header('Content-Length', str(file.stat().st_size))
        self.end_headers()
        self.wfile.write(file.read_bytes())

    def do_GET(self):
        self.answer(b'')

    def do_POST(self):
        if 'chunked' in self.headers.get('Transfer-Encoding', ''):
            body = b''
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get('Content-Length', '0')))
        self.answer(body)


class Server:
    """Shows `directory`; .http and .git are what URLs begin with."""

    def __init__(self, directory, certificates=None):
        directory.mkdir()
        self.directory, self.allowed, self.asked = directory, None, []
        self.dumb = False  # only files, as any web server has them
        self.modern = True  # the protocol's second version, in which any commit may be asked for
        self.web = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.web.host = self
        self.host = f'localhost:{self.web.server_port}'
        self.http = f'http://{self.host}'
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / 'server.crt', certificates / 'server.key')
            self.web.socket = context.wrap_socket(self.web.socket, server_side=True)
            self.http = f'https://{self.host}'
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        port = free_port()
        self.git = f'git://127.0.0.1:{port}'
        self.daemon = subprocess.Popen(['git', '-c', 'safe.directory=*', 'daemon', '--export-all', f'--base-path={directory}',
                                        '--listen=127.0.0.1', f'--port={port}', '--reuseaddr', directory],
                                       env={**os.environ, **QUIET, 'HOME': '/nonexistent'}, start_new_session=True,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(('127.0.0.1', port)) == 0
        wait_until(listens, what='the git daemon')

    def repository(self, name, *options):
        return Repository(self.directory.parent / f'{self.directory.name}-work-{name}', self.directory / f'{name}.git', *options)

    def stop(self):
        self.web.shutdown()
        self.web.server_close()
        os.killpg(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()


def need_git():
    if not shutil.which('git'):
        pytest.skip('git is not installed')


@pytest.fixture
def server(tmp_path_factory):
    need_git()
    server = Server(pathlib.Path(tmp_path_factory.mktemp('repositories')) / 'shown')
    yield server
    server.stop()


def fetched(out):
    """The commit that `build` of a repository says it took."""
    return re.search(r'^ ---> ([0-9a-f]{40,64})$', out, re.M).group(1)
