"""The include law: who may include whom (docs/architecture.md)."""

import re

import sources

GROUND = {'core', 'cpu', 'ocl'}
MIDDLE = {'fft', 'linalg', 'sample'}
UPPER = {'phantom', 'quality', 'picture'}
AREAS = {'ct', 'mri', 'mpr', 'render'}
BELOW_AREAS = GROUND | MIDDLE | UPPER | {'context'}
# Rooms see public headers, their own and these.
ROOMS = {
    'core': set(), 'cpu': {'core'}, 'ocl': {'core'},
    **{room: GROUND for room in MIDDLE},
    **{room: GROUND | MIDDLE for room in UPPER},
    'context': GROUND | MIDDLE | UPPER,
    **{area: BELOW_AREAS for area in AREAS},
    'io': set(), 'tool': set(),
}
# Public functions of these rooms take a context: they may see it, and nothing else above them.
SEES_CONTEXT = {'fft', 'phantom', 'quality', 'picture'}
CONTEXT = 'context/context.h'
# Headers of third parties, and the rooms that see each.
THIRD_PARTIES = {'fftw3.h': {'fft'}, 'kiss_fft': {'fft'}, 'kissfft/': {'fft'}, 'vkFFT': {'fft'}, 'CL/': {'ocl'},
                 'png.h': {'io'}, 'zlib.h': {'io'}, 'hdf5': {'io'}, 'H5': {'io'}, 'cjson/': {'io', 'tool'}, 'expat.h': {'io'},
                 'immintrin.h': {'cpu'}, 'xmmintrin.h': {'cpu'}, 'arm_neon.h': {'cpu'}, 'cpuid.h': {'cpu'},
                 'signal.h': {'tool'}, 'dlfcn.h': {'ocl'}, 'link.h': {'ocl'}, 'sys/mman.h': {'core'},
                 'omp.h': {'cpu', 'context'},
                 # What vkFFT.h stands on, and the way out of it.
                 'memory.h': {'fft'}, 'setjmp.h': {'fft'}}
SYSTEM = {'assert.h', 'complex.h', 'ctype.h', 'errno.h', 'fcntl.h', 'fenv.h', 'float.h', 'inttypes.h', 'limits.h',
          'locale.h', 'math.h', 'pthread.h', 'stdarg.h', 'stdatomic.h', 'stdbool.h', 'stddef.h', 'stdint.h',
          'stdio.h', 'stdlib.h', 'string.h', 'strings.h', 'sys/resource.h', 'sys/stat.h', 'sys/types.h', 'time.h',
          'unistd.h'}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def third_party_rooms(name):
    return next((rooms for start, rooms in THIRD_PARTIES.items() if name.startswith(start)), None)


def inside_source(room, name):
    """Why a file of a room may not include this, or None."""
    owners = third_party_rooms(name)
    if owners is not None:
        return None if room in owners else f'only {" and ".join(sorted(owners))} may see {name}'
    if name.startswith('kvox/') or name in SYSTEM:
        return None
    if '/' not in name:
        return f'{name} is no header that the law knows'
    other = name.split('/')[0]
    if other == room or other in ROOMS[room] or (room in SEES_CONTEXT and name == CONTEXT):
        return None
    return f'src/{room} may not see {name}'


def outside_source(name):
    """Why bench, examples or bindings may not include this, or None."""
    return f'{name} is no public header' if name.split('/')[0] in ROOMS else None


def public_header(name):
    plain = {'stddef.h', 'stdint.h'}
    return None if name.startswith('kvox/') or name in plain else f'a public header may not see {name}'


def judge(path, name):
    """Why the file at `path` (from the root) may not include this, or None."""
    beside = '/' not in name and (sources.ROOT / path).parent.joinpath(name).exists()
    if path.parts[0] == 'include':
        return public_header(name)
    if path.parts[0] != 'src':
        return outside_source(name)
    if path.parts[1] not in ROOMS:
        return f'src/{path.parts[1]} is no room that the law knows'
    return None if beside else inside_source(path.parts[1], name)


def main():
    problems = []
    for file in sources.c_files('include', 'src', 'bench', 'examples', 'bindings'):
        path = file.relative_to(sources.ROOT)
        text = sources.without_comments(file.read_text())
        for match in INCLUDE.finditer(text):
            why = judge(path, match.group(2))
            if why:
                problems.append(f'{path}:{sources.line_of(text, match.start())}: {why}')
    sources.finish(problems)


if __name__ == '__main__':
    main()
