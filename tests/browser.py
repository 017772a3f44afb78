# SPDX-License-Identifier: GPL-2.0-or-later
"""A page in a real browser: Chromium without a window, driven over its DevTools protocol.

The protocol's messages go through two pipes (--remote-debugging-pipe), so no port is opened and no
package is needed but Chromium itself.
"""
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
PATIENCE = 60 * float(os.environ.get('ISOLA_TEST_SLOWNESS', '1'))
START = 'import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])'
WIDTH, HEIGHT = 1280, 800


class Browser:
    """One window.  Of the page it shows, `errors` has what scripts threw, `requests` what was asked for."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix='isola-browser-')
        self.errors, self.requests = [], []
        self.number, self.session, self.rest = 0, None, b''
        reads, self.writes = os.pipe()
        self.reads, writes = os.pipe()
        # It reads from descriptor 3 and writes to 4, which may be taken here.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (reads, writes)]
        command = [PROGRAM, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
                   '--disable-extensions', '--disable-background-networking', '--hide-scrollbars',
                   f'--window-size={WIDTH},{HEIGHT}', f'--user-data-dir={self.directory}',
                   '--remote-debugging-pipe', 'about:blank']
        self.process = subprocess.Popen([sys.executable, '-c', START, *map(str, high), *command], pass_fds=high,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True, env={**os.environ, 'HOME': self.directory})
        for fd in (reads, writes, *high):
            os.close(fd)
        try:
            self.open()
        except BaseException:
            self.__exit__()
            raise

    def open(self):
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Runtime', 'Network', 'Page', 'Log'):
            self.call(f'{domain}.enable')
        self.call('Emulation.setDeviceMetricsOverride', width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False)

    def show(self, path):
        """Opens a file anew."""
        self.call('Page.navigate', url='about:blank')
        self.wait('document.readyState === "complete" && location.href === "about:blank"')
        self.call('Emulation.setEmulatedMedia', features=[])
        self.errors, self.requests = [], []
        self.call('Page.navigate', url=f'file://{path}')
        self.wait('document.readyState === "complete" && location.protocol === "file:"')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.writes)  # its end closes the browser
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, 9)  # what it started
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.reads)
        end = time.monotonic() + PATIENCE
        while os.path.exists(self.directory) and time.monotonic() < end:
            shutil.rmtree(self.directory, ignore_errors=True)  # what is being killed may still write

    def receive(self):
        """The next message, an answer or an event."""
        end = time.monotonic() + PATIENCE
        while b'\0' not in self.rest:
            ready, _, _ = select.select([self.reads], [], [], max(0, end - time.monotonic()))
            assert ready, 'the browser does not answer'
            piece = os.read(self.reads, 1 << 20)
            assert piece, 'the browser has ended'
            self.rest += piece
        text, self.rest = self.rest.split(b'\0', 1)
        message = json.loads(text)
        method, details = message.get('method'), message.get('params', {})
        if method == 'Runtime.exceptionThrown':
            self.errors.append(details['exceptionDetails'])
        elif method == 'Log.entryAdded' and details['entry']['level'] == 'error':
            self.errors.append(details['entry'])
        elif method == 'Network.requestWillBeSent':
            self.requests.append(details['request']['url'])
        return message

    def call(self, method, **parameters):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.writes, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.receive()
            if answer.get('id') == self.number:
                assert 'error' not in answer, answer
                return answer['result']

    def __call__(self, expression):
        """The value of an expression of JavaScript."""
        result = self.call('Runtime.evaluate', expression=expression, returnByValue=True)
        assert 'exceptionDetails' not in result, result
        return result['result'].get('value')

    def wait(self, expression):
        end = time.monotonic() + PATIENCE
        while not self(expression):
            assert time.monotonic() < end, f'never so: {expression}'
            time.sleep(0.02)

    def middle(self, selector):
        """Where on the screen an element's middle is."""
        return self(f'(r => [r.x + r.width / 2, r.y + r.height / 2])'
                    f'(document.querySelector({json.dumps(selector)}).getBoundingClientRect())')

    def mouse(self, kind, x, y, **more):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def drag(self, start, end):
        held = {'button': 'left', 'buttons': 1, 'clickCount': 1}
        self.mouse('mousePressed', *start, **held)
        for share in (0.3, 0.6, 1):
            self.mouse('mouseMoved', *(a + (b - a) * share for a, b in zip(start, end)), **held)
        self.mouse('mouseReleased', *end, **held)

    def click(self, x, y):
        self.mouse('mousePressed', x, y, button='left', clickCount=1)
        self.mouse('mouseReleased', x, y, button='left', clickCount=1)

    def type(self, text):
        self.call('Input.insertText', text=text)

    def key(self, key, code):
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, windowsVirtualKeyCode=code)
