"""OpenCL C as every device has it, with the same bits on each: OpenCL 1.2 without its options, nothing of free precision."""

import re

import sources

FORBIDDEN = {
    'not every device has it': r'(?:double|half)(?:2|3|4|8|16)?|u?image[123]d_\w+|sampler_t|sub_group_\w+|read_pipe|'
                               r'write_pipe|atom_\w+|v(?:load|store)a?_?half\w*',
    'its precision is each device\'s own': r'native_\w+|fast_\w+|mad|'
                                           r'half_(?:cos|divide|exp\w*|log\w*|powr|recip|rsqrt|sin|sqrt|tan)',
    'prints': r'printf',
}
DIRECTIVE = re.compile(r'^[ \t]*#[ \t]*(include|pragma[ \t]+OPENCL[ \t]+EXTENSION)\b', re.M)


def find(path, source):
    """What is wrong with one program's text."""
    problems = []
    code = sources.without_comments(source, literals=False)
    for why, names in FORBIDDEN.items():
        for match in re.finditer(rf'\b(?:{names})\b', code):
            problems.append(f'{path}:{sources.line_of(code, match.start())}: {match.group()}: {why}')
    for match in DIRECTIVE.finditer(code):
        problems.append(f'{path}:{sources.line_of(code, match.start())}: #{match.group(1)}: programs stand alone')
    return problems


def main():
    problems = []
    for file in sorted((sources.ROOT / 'kernels').glob('*')):
        path = file.relative_to(sources.ROOT).as_posix()
        if file.suffix != '.cl':
            problems.append(f'{path}: is no OpenCL program')
        elif not re.fullmatch(r'[a-z][a-z0-9_]*', file.stem):
            problems.append(f'{path}: the name becomes a C name: small letters, digits and _')
        else:
            problems += find(path, file.read_text())
    sources.finish(problems)


if __name__ == '__main__':
    main()
