"""What the checks of the sources share: where they are, and their text without comments and literals."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

_TOKENS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def c_files(*folders):
    """The .c and .h files below these folders, in order."""
    return [p for f in folders for p in sorted((ROOT / f).rglob('*.[ch]'))]


def without_comments(text, literals=True):
    """C source with comments blanked and, unless `literals`, strings emptied; lines keep their numbers."""

    def replace(match):
        token = match.group()
        if token[0] == '/':
            return ' ' + '\n' * token.count('\n')
        return token if literals else token[0] * 2

    return _TOKENS.sub(replace, text)


def line_of(text, position):
    return text.count('\n', 0, position) + 1


def finish(problems):
    """Prints what was found and ends the check."""
    for problem in problems:
        print(problem)
    print(f'{len(problems)} problems')
    sys.exit(1 if problems else 0)
