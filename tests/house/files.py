"""The files themselves: plain text that ends its lines as Unix does, none too long to be read in one go."""

import subprocess

import sources

MOST_LINES = 600
LIMITED = ('src', 'include', 'kernels', 'tests', 'bench', 'bindings')
# Inputs of tests, of any bytes.
BINARY_FOLDERS = {'seeds'}
BINARY_SUFFIXES = {'.png', '.npy', '.h5'}
SKIPPED_FOLDERS = {'.git', 'build', 'out', '.venv', '__pycache__', '.pytest_cache', 'dist'}


def repository_files():
    """What git tracks or would; everything but build products where there is no git."""
    try:
        names = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], check=True,
                               cwd=sources.ROOT, capture_output=True).stdout.decode().split('\0')
        return [sources.ROOT / name for name in sorted(names) if name and (sources.ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        return [p for p in sorted(sources.ROOT.rglob('*')) if p.is_file() and not SKIPPED_FOLDERS & set(p.parts)]


def find(path, data):
    """What is wrong with one file's bytes."""
    problems = []
    if b'\0' in data:
        return [f'{path}: a zero byte']
    if b'\r' in data:
        problems.append(f'{path}: a carriage return')
    if data and not data.endswith(b'\n'):
        problems.append(f'{path}: no newline at the end')
    lines = data.split(b'\n')
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            problems.append(f'{path}:{number}: space at the end of the line')
    count = data.count(b'\n')
    if path.parts[0] in LIMITED and count > MOST_LINES:
        problems.append(f'{path}: {count} lines, may have {MOST_LINES}')
    return problems


def main():
    problems = []
    for file in repository_files():
        path = file.relative_to(sources.ROOT)
        if path.suffix in BINARY_SUFFIXES or BINARY_FOLDERS & set(path.parts):
            continue
        problems += find(path, file.read_bytes())
    sources.finish(problems)


if __name__ == '__main__':
    main()
