"""What a good guest never calls: nothing printed, no end of the process, no number read or written by the locale."""

import re

import sources

FORBIDDEN = {
    'prints': r'printf|puts|putchar|fputs|perror|vprintf|putc|fputc',
    'ends the process': r'exit|_exit|_Exit|quick_exit|abort|assert|__assert_fail|raise|kill|__builtin_trap|atexit',
    'changes the process': r'setlocale|uselocale|chdir|fchdir|signal|sigaction|umask|setenv|putenv|unsetenv|srand|'
                           r'feenableexcept|fesetround|fesetenv|omp_set_num_threads|omp_set_dynamic|alarm|setrlimit',
    'starts processes': r'system|popen|fork|vfork|execve?|execvp?',
    'reads numbers by the locale': r'strtod|strtof|strtold|atof|scanf|sscanf|fscanf',
    'is not safe in threads': r'strtok|strerror|rand|random|localtime|gmtime|asctime|ctime|setbuf|lgamma|fftwf?_cleanup',
    'allocates beside the heap': r'malloc|calloc|realloc|free|posix_memalign|aligned_alloc|alloca|strdup',
}
# file: names that it alone may call.
ALLOWED = {
    'src/core/heap.c': {'posix_memalign', 'free'},
    'src/fft/fft_vkfft.c': {'uselocale'},  # of this thread alone, put back: VkFFT writes numbers by the locale
    'src/io/ct_geometry.c': {'uselocale'}, # of this thread alone, put back: cJSON reads numbers by the locale
    'src/fft/fft_vkfft.c': {'uselocale'}, # the same: VkFFT writes numbers into programs by the locale
}
# Third parties hand out memory that they want back through these.
STREAMS = re.compile(r'\b(stdout|stderr|stdin)\b')
ENVIRONMENT = re.compile(r'\bgetenv\s*\(')
BY_LOCALE = re.compile(r'%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?l?[aefgAEFG]')
LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"')


def find(path, source):
    """What is wrong with one file's text."""
    problems = []

    def add(text, position, what):
        problems.append(f'{path}:{sources.line_of(text, position)}: {what}')

    code = sources.without_comments(source, literals=False)
    for why, names in FORBIDDEN.items():
        for match in re.finditer(rf'(?<![\w.>])({names})\s*\(', code):
            if match.group(1) not in ALLOWED.get(path, ()):
                add(code, match.start(), f'{match.group(1)} {why}')
    for match in STREAMS.finditer(code):
        add(code, match.start(), f'{match.group()} is the host\'s')
    if not path.startswith('src/context/'):
        for match in ENVIRONMENT.finditer(code):
            add(code, match.start(), 'the environment is read by the context alone')
    if path != 'src/core/number.c':
        text = sources.without_comments(source)
        for literal in LITERAL.finditer(text):
            if BY_LOCALE.search(literal.group().replace('%%', '')):
                add(text, literal.start(), f'{literal.group()} writes a number by the locale: use kvox_format_number')
    return problems


def main():
    problems = []
    for file in sources.c_files('src'):
        path = file.relative_to(sources.ROOT).as_posix()
        if not path.startswith('src/tool/'):
            problems += find(path, file.read_text())
    sources.finish(problems)


if __name__ == '__main__':
    main()
