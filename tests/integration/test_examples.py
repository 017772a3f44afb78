# SPDX-License-Identifier: GPL-2.0-or-later
"""The example labs hold what they promise: each one's own tests."""
import pathlib

import pytest

LABS = pathlib.Path(__file__).resolve().parents[2] / 'examples/labs'
EXAMPLES = sorted(path for path in LABS.iterdir() if path.suffix == '.yml' or (path / 'lab.yml').exists())
# Those that run FRRouting or BIRD.
ROUTED = {'bgp', 'ospf'}


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
def test_example(isola, request, path):
    if path.stem in ROUTED:
        request.getfixturevalue('routers')
    done = isola('lab', 'test', '--up', path, code=None, timeout=300)
    assert done.returncode == 0, f'{done.stdout}{done.stderr}'
    assert ' 0 failed' in done.stdout.splitlines()[-1]
    assert isola.out('lab', 'ls', '-q') == ''


def test_there_are_ten():
    assert len(EXAMPLES) >= 10
