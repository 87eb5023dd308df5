"""Names and state of the libraries: names.py {core|io} SHARED STATIC ..."""

import re
import subprocess
import sys

import sources

DECLARED = re.compile(r'\bKVOX_API\b[^;{]*?\b(\w+)\s*\(')
SECTION_LINE = re.compile(r'^[0-9a-f]+ .{7} (\.\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$')
# The process-wide state that the design allows.
STATE = {
    'sentence',                               # the thread's error sentence
    'planner', 'provider', 'provider_once',   # FFTW's planner lock, and its name and version, asked once
    'opencl', 'opencl_once',                  # OpenCL's entry points, opened once: drivers cannot be closed
    'hdf5_lock',                              # HDF5 may not be built for threads
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def declared(component):
    """Functions that the public headers of a component promise."""
    names = set()
    for header in sources.c_files('include'):
        if (header.name in ('io.h', 'io_mri.h')) == (component == 'io'):
            text = sources.without_comments(header.read_text())
            names |= set(DECLARED.findall(re.sub(r'^[ \t]*#.*(?:\\\n.*)*', '', text, flags=re.M)))
    return names


def check_shared(component, library):
    """Exactly what the headers declare is exported, under the version node."""
    rows = [line.split() for line in run('nm', '-D', '--defined-only', library).splitlines()]
    exported = {row[-1].split('@')[0] for row in rows if row[-2] != 'A'}
    versions = {row[-1].split('@')[-1] for row in rows if row[-2] != 'A'}
    promised = declared(component)
    for name in sorted(exported - promised):
        yield f'{library}: exports {name}, which no public header declares'
    for name in sorted(promised - exported):
        yield f'{library}: does not export {name}, which a public header declares'
    if len(versions) != 1 or not all(v.startswith('KVOX_') for v in versions):
        yield f'{library}: symbol versions {sorted(versions)}, must be one, KVOX_...'


def check_static(library):
    """Names that cross files begin with kvox_, so that a static library cannot collide with its host's."""
    for line in run('nm', '-g', '--defined-only', library).splitlines():
        fields = line.split()
        if len(fields) == 3 and not fields[2].startswith(('kvox_', 'DW.ref.')):
            yield f'{library}: cross-file name {fields[2]}'


def check_state(library):
    """Writable data is state that all contexts share: only what is listed may exist."""
    for line in run('objdump', '-t', library).splitlines():
        match = SECTION_LINE.match(line)
        if not match or int(match.group(2), 16) == 0:
            continue
        section, name = match.group(1), match.group(3)
        writable = re.match(r'\.(t?data|t?bss)(?!\.rel\.ro)', section) is not None
        if writable and re.sub(r'\.\d+$', '', name) not in STATE:
            yield f'{library}: process-wide state {name} in {section}'


def main():
    problems = []
    arguments = sys.argv[1:]
    for component, shared, static in zip(arguments[0::3], arguments[1::3], arguments[2::3]):
        problems += [*check_shared(component, shared), *check_static(static), *check_state(static)]
    sources.finish(problems)


if __name__ == '__main__':
    main()
