"""The checks find what they are there for."""

import pathlib
import unittest

import calls
import files
import includes
import kernels
import sources


class Includes(unittest.TestCase):
    def judge(self, path, name):
        return includes.judge(pathlib.PurePath(path), name)

    def test_allowed(self):
        for path, name in (('src/core/a.c', 'kvox/base.h'), ('src/cpu/a.c', 'core/fail.h'), ('src/ct/a.c', 'fft/fft.h'),
                           ('src/ct/a.c', 'ct/b.h'), ('src/phantom/a.c', 'context/context.h'), ('src/io/a.c', 'png.h'),
                           ('src/tool/a.c', 'kvox/io.h'), ('bench/a.c', 'fftw3.h'), ('src/fft/a.c', 'fftw3.h')):
            self.assertIsNone(self.judge(path, name), (path, name))

    def test_refused(self):
        for path, name in (('src/core/a.c', 'cpu/level.h'), ('src/cpu/a.c', 'context/context.h'),
                           ('src/ct/a.c', 'mri/b.h'), ('src/phantom/a.c', 'context/workspace.h'),
                           ('src/io/a.c', 'core/fail.h'), ('src/tool/a.c', 'ct/b.h'), ('bench/a.c', 'core/heap.h'),
                           ('examples/a.c', 'context/context.h'), ('src/ct/a.c', 'fftw3.h'), ('src/ct/a.c', 'strange.h'),
                           ('src/attic/a.c', 'core/fail.h'), ('include/kvox/a.h', 'stdio.h'),
                           ('src/fft/a.c', 'phantom/p.h'), ('src/context/a.c', 'ct/b.h')):
            self.assertIsNotNone(self.judge(path, name), (path, name))


class Calls(unittest.TestCase):
    def test_found(self):
        for line in ('printf("x");', 'exit (1);', 'a = strtod(t, &e);', 'fprintf(stderr, "x");', 'getenv("X");',
                     'kvox_fail(1, "is %.3g");', 'p = malloc(3);', 'assert(x);'):
            self.assertEqual(len(calls.find('src/ct/a.c', line)), 1, line)

    def test_left_alone(self):
        for line in ('snprintf(t, n, "%d %%f");', '/* printf("x") */', 's = "exit(1)";', 'plan->free(x);', 'kvox_exit(1);',
                     'x %= y; t = "%s";'):
            self.assertEqual(calls.find('src/ct/a.c', line), [], line)


class Files(unittest.TestCase):
    def test_found(self):
        path = pathlib.PurePath('src/a.c')
        for data in (b'a\0b\n', b'a\r\n', b'a \n', b'a', b'x\n' * 601):
            self.assertTrue(files.find(path, data), data[:10])
        self.assertEqual(files.find(path, b'x\n' * 600), [])


class Kernels(unittest.TestCase):
    def test_found(self):
        for line in ('double x;', 'float4 y = native_sin(x);', 'a = mad(b, c, d);', '#include "x.h"', 'half2 h;',
                     '# pragma OPENCL EXTENSION cl_khr_fp64 : enable', 'vstore_half(x, 0, p);', 'image2d_t i;',
                     'sub_group_reduce_add(x);', 'y = half_sqrt(x);', 'printf("%d", i);'):
            self.assertEqual(len(kernels.find('kernels/a.cl', line)), 1, line)

    def test_left_alone(self):
        for line in ('int half_bits = 3; /* double */', 'y = fma(a, b, c);', '#pragma OPENCL FP_CONTRACT OFF',
                     'i = mad24(a, b, c);', '// half a column', 'breakfast_time(x);'):
            self.assertEqual(kernels.find('kernels/a.cl', line), [], line)


class Sources(unittest.TestCase):
    def test_comments(self):
        text = 'a /* b\n */ "c /* d */" // e\nf'
        self.assertEqual(sources.without_comments(text), 'a  \n "c /* d */"  \nf')
        self.assertEqual(sources.without_comments(text, literals=False), 'a  \n ""  \nf')


if __name__ == '__main__':
    unittest.main()
