#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the man pages.

usage: gen_man.py ISOLA SOURCE-DIR OUTPUT-DIR PAGE...

Prose and examples are in man/PAGE.md.  What the program knows by itself (name,
synopsis, options) comes from `isola --introspect-cli`, so that it is never
wrong.  The Markdown is a small part of it: `## SECTION`, `### --option` for
more about an option, paragraphs, indented examples, `- ` lists, `code`,
**bold**, *italic*.
"""
import json
import pathlib
import re
import subprocess
import sys


def escape(text):
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return '\\&' + text if text[:1] in ('.', "'") else text


def inline(text):
    """Markdown's inline marks to roff's fonts."""
    out = []
    for part in re.split(r'(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*)', text):
        if part.startswith('`'):
            out.append(f'\\fB{escape(part[1:-1])}\\fR')
        elif part.startswith('**'):
            out.append(f'\\fB{escape(part[2:-2])}\\fR')
        elif len(part) > 2 and part.startswith('*') and part.endswith('*'):
            out.append(f'\\fI{escape(part[1:-1])}\\fR')
        else:
            out.append(escape(part))
    line = ''.join(out)
    return '\\&' + line if line[:1] in ('.', "'") else line


def blocks(text):
    """Splits at blank lines."""
    return [block for block in re.split(r'\n\s*\n', text.strip('\n')) if block.strip()]


def body(text):
    roff = []
    for block in blocks(text):
        lines = block.split('\n')
        if all(line.startswith('    ') for line in lines):
            roff += ['.PP', '.nf', '.RS 4', *(escape(line[4:]) for line in lines), '.RE', '.fi']
        elif lines[0].startswith('- '):
            for item in re.split(r'\n(?=- )', block):
                roff += ['.IP \\(bu 2', inline(' '.join(line.strip() for line in item[2:].split('\n')))]
        else:
            roff += ['.PP', inline(' '.join(line.strip() for line in lines))]
    return roff


def sections(text, mark):
    """Splits at headings; the text before the first has the name ''."""
    parts = re.split(rf'^{mark} (.*)$', text, flags=re.M)
    return [('', parts[0])] + list(zip(parts[1::2], parts[2::2]))


def option_roff(option, more):
    names = [f'\\fB\\-{option["short"]}\\fR'] if 'short' in option else []
    names += [f'\\fB\\-\\-{escape(option["long"])}\\fR'] if 'long' in option else []
    value = option.get('value')
    title = ', '.join(names)
    if value and option['kind'] == 'flag':
        title += f'[={escape(value)}]'
    elif value:
        title += f' \\fI{escape(value)}\\fR'
    help_text = option['help']
    roff = ['.TP', title, inline(help_text + ('' if help_text.endswith('.') else '.'))]
    return roff + (['.RS', *body(more), '.RE'] if more.strip() else [])


def options_roff(options, extra):
    roff, group = [], None
    for option in options:
        if option.get('group') != group:
            group = option.get('group')
            roff += [f'.SS {escape(group)}']
        roff += option_roff(option, extra.pop('--' + option.get('long', ''), ''))
    if extra:
        raise SystemExit(f'there is no option {", ".join(extra)}')
    return roff


def commands_roff(program, family, noun):
    """The commands of a family or a noun, or all that are in no family."""
    families = [entry['name'] for entry in program['families']]
    roff, group = [], None
    for command in program['commands']:
        first = command['name'].split()[0]
        if (first in families and first) != (family['name'] if family else False) or (noun and first != noun):
            continue
        if command['group'] != group:
            group = command['group']
            roff += [f'.SS {escape(group)}']
        roff += ['.TP', f'\\fBisola\\-{escape(command["name"].replace(" ", "-"))}\\fR(1)',
                 escape(command['summary']) + '.']
    return roff


def page(program, name, text):
    command = next((c for c in program['commands'] if 'isola-' + c['name'].replace(' ', '-') == name), None)
    family = next((f for f in program['families'] if 'isola-' + f['name'] == name), None)
    about = command or family
    # The noun of several commands, as "lab": its page says its summary itself.
    noun = next((c['name'].split()[0] for c in program['commands'] if c['name'].startswith(name[6:] + ' ')), None)
    if not about and not noun and name != 'isola':
        raise SystemExit(f'man/{name}.1.md: there is no such command')
    parts = dict(sections(text, '##'))
    parts.pop('')
    summary = about['summary'] if about else parts.pop('NAME').strip()
    synopsis = (f'{about["name"]} {about["synopsis"]}' if about else
                f'{noun} COMMAND [OPTION...] [ARGUMENT...]' if noun else '[OPTION...] COMMAND [ARGUMENT...]')
    options = about['options'] if about else [] if noun else program['options']

    roff = [f'.TH {name.upper()} 1 "" "isola {program["version"]}" "isola"', '.SH NAME',
            f'{escape(name)} \\- {escape(summary[0].lower() + summary[1:])}',
            '.SH SYNOPSIS', f'\\fBisola\\fR {escape(synopsis)}']
    if family:
        roff += ['.br', f'\\fBisola\\-{family["name"]}\\fR {escape(family["synopsis"])}']
    options_text = parts.pop('OPTIONS', '')
    roff += ['.SH DESCRIPTION', *body(parts.pop('DESCRIPTION'))]
    if not command:
        roff += ['.SH COMMANDS', *commands_roff(program, family, noun)]
    if options:
        extra = dict(sections(options_text, '###'))
        roff += ['.SH OPTIONS', *body(extra.pop('')), *options_roff(options, extra)]
    for title, prose in parts.items():
        roff += [f'.SH {escape(title)}', *body(prose)]
    if command and command['aliases']:
        roff += ['.SH ALSO CALLED', ', '.join(f'\\fBisola {escape(a)}\\fR' for a in command['aliases'])]
    return '\n'.join(roff) + '\n'


def format_page(program, name, text):
    """A page of section 5: prose only, whose first section is NAME."""
    roff = [f'.TH {name.upper()} 5 "" "isola {program["version"]}" "isola"']
    for title, prose in sections(text, '##'):
        if title:
            roff += [f'.SH {escape(title)}', *body(prose)]
    return '\n'.join(roff) + '\n'


def main():
    isola, source, output, *names = sys.argv[1:]
    program = json.loads(subprocess.run([isola, '--introspect-cli'], stdout=subprocess.PIPE, check=True).stdout)
    for name in names:
        file = name if name.endswith('.5') else f'{name}.1'
        text = (pathlib.Path(source) / f'{file}.md').read_text()
        roff = format_page(program, name[:-2], text) if file == name else page(program, name, text)
        (pathlib.Path(output) / file).write_text(roff)


if __name__ == '__main__':
    main()
