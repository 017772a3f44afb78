# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of tests/integration that are run once more by an ordinary user (tests/conftest.py)."""

FILES = ['attach', 'build', 'build_context', 'build_parallel', 'check', 'cli', 'cp', 'dns', 'dockerfile', 'exec', 'format',
         'hardening', 'health', 'images', 'import', 'lab', 'lab_nodes', 'lifecycle', 'logs', 'monitor', 'network', 'options',
         'ports', 'ps', 'run', 'stats', 'stop', 'store', 'tty', 'update', 'volume']
# Where he has a service manager that gives him control groups.
WITH_MANAGER = [*FILES, 'limits']
