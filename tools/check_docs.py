#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fails where a command lacks its man page, help, completion or integration test.

usage: check_docs.py ISOLA
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
isola = sys.argv[1]
HELP_WIDTH = 80
faults = []


def run(*arguments):
    with tempfile.TemporaryDirectory() as directory:
        return subprocess.run([isola, '--root', f'{directory}/data', '--run-root', f'{directory}/run', *arguments],
                              stdout=subprocess.PIPE, text=True, check=False)


def check_help(command):
    name = command['name'] if command else ''
    done = run(*name.split(), '--help')
    if done.returncode != 0 or not done.stdout.startswith('Usage: isola'):
        faults.append(f'isola {name} --help: does not print a usage')
    for line in done.stdout.splitlines():
        if len(line) > HELP_WIDTH:
            faults.append(f'isola {name} --help: {len(line)} columns: {line}')
        if line != line.rstrip():
            faults.append(f'isola {name} --help: blanks at the end of: {line}')


def check_page(command):
    name = 'isola-' + command['name'].replace(' ', '-')
    path = root / 'man' / f'{name}.1.md'
    if not path.exists():
        faults.append(f'man/{path.name}: missing')
        return
    text = path.read_text()
    if f"'{name}'" not in (root / 'man/meson.build').read_text():
        faults.append(f'man/meson.build: does not name {name}')
    for section in ('DESCRIPTION', 'EXAMPLES'):
        if f'## {section}' not in text:
            faults.append(f'man/{path.name}: has no section {section}')
    known = {'--' + option['long'] for option in command['options'] if 'long' in option}
    for option in re.findall(r'^### (.*)$', text, re.M):
        if option not in known:
            faults.append(f'man/{path.name}: there is no option {option}')


def check_stanza(command):
    name = command['name']
    for word in ('group', 'summary'):
        if not command.get(word):
            faults.append(f'isola {name}: has no {word}')
    if command['summary'].endswith('.'):
        faults.append(f'isola {name}: the summary ends in a full stop')
    seen = set()
    for option in command['options']:
        for key in (option.get('long'), option.get('short')):
            if key in seen:
                faults.append(f'isola {name}: option {key} is there twice')
            if key:
                seen.add(key)
        if option['kind'] != 'flag' and not option.get('value'):
            faults.append(f'isola {name}: option {option.get("long")} does not name its value')


def check_completion(command):
    words = command['name'].split()
    if words[-1] not in run('__complete', '--', *words).stdout.split():
        faults.append(f'isola {command["name"]}: is not completed')


def check_test(command, tests):
    words = [f"'{word}'" for word in command['name'].split()]
    pattern = r',\s*'.join(words)
    if not re.search(r'[(\[,]\s*' + pattern, tests):
        faults.append(f'isola {command["name"]}: no integration test calls it')


def main():
    program = json.loads(subprocess.run([isola, '--introspect-cli'], stdout=subprocess.PIPE, check=True).stdout)
    tests = '\n'.join(path.read_text() for path in (root / 'tests/integration').glob('*.py'))
    check_help(None)
    for command in program['commands']:
        check_help(command)
        check_page(command)
        check_stanza(command)
        check_completion(command)
        check_test(command, tests)
    for name in ('isola.bash', '_isola', 'isola.fish'):
        if '__complete' not in (root / 'completions' / name).read_text():
            faults.append(f'completions/{name}: does not ask the program')
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
