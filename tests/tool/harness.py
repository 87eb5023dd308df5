"""Runs the kvox command as a user would, and reads and writes what the tests need, with nothing but Python.

Every test here is `NAME.py KVOX [unittest options]`, KVOX being the command."""

import array
import ast
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

COMMAND = None
# What numpy calls the types, and what the array module does.
CODES = {'<f4': 'f', '<f8': 'd', '|u1': 'B', '<u2': 'H', '<i2': 'h'}


class Array:
    """A dense array, C order."""

    def __init__(self, shape, values):
        self.shape, self.values = tuple(shape), values


def read_npy(path):
    with open(path, 'rb') as file:
        data = file.read()
    assert data[:6] == b'\x93NUMPY', path
    wide = data[6] > 1
    length = int.from_bytes(data[8:12 if wide else 10], 'little')
    start = (12 if wide else 10) + length
    header = ast.literal_eval(data[start - length:start].decode())
    assert not header['fortran_order'], path
    values = array.array(CODES[header['descr']])
    values.frombytes(data[start:])
    assert len(values) == math.prod(header['shape']), path
    return Array(header['shape'], values)


def write_npy(path, shape, values, descr='<f4'):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += ' ' * (-(len(header) + 11) % 64) + '\n'
    with open(path, 'wb') as file:
        file.write(b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header.encode())
        array.array(CODES[descr], values).tofile(file)


def crop(volume, begin, size):
    """A box [z, y, x] of a volume, begin and size as x, y, z."""
    _, height, width = volume.shape
    out = array.array(volume.values.typecode)
    for z in range(begin[2], begin[2] + size[2]):
        for y in range(begin[1], begin[1] + size[1]):
            row = (z * height + y) * width + begin[0]
            out += volume.values[row:row + size[0]]
    return Array((size[2], size[1], size[0]), out)


def write_geometry(path, views, columns, rows=1, pitch=1.0, start=0.0, step=None, offset=0.0):
    step = 180.0 / views if step is None else step
    with open(path, 'w') as file:
        json.dump({'beam': 'parallel', 'detector': {'columns': columns, 'rows': rows, 'column_pitch_mm': pitch,
                                                    'row_pitch_mm': pitch, 'column_offset_px': offset,
                                                    'row_offset_px': 0},
                   'angles_deg': {'start': start, 'step': step, 'count': views}}, file)


class Case(unittest.TestCase):
    """A folder of its own, and the command run in it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='kvox-test-')
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def exists(self, name):
        return os.path.exists(self.path(name))

    def read(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read()

    def call(self, *words, env=None):
        environment = {**os.environ, **(env or {})}
        return subprocess.run([COMMAND, *map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=300,
                              env=environment)

    def kvox(self, *words, env=None):
        """Runs it with --json and returns the object: success, one object, a silent standard error."""
        done = self.call(words[0], '--json', *words[1:], env=env)
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        self.assertEqual(done.stderr, '', words)
        return json.loads(done.stdout)

    def fails(self, code, *words, says=(), env=None):
        """Runs it: this exit status, one sentence that says all of this, nothing on standard output."""
        for given in (words, (words[0], '--json', *words[1:])):
            done = self.call(*given, env=env)
            self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
            self.assertEqual(done.stdout, '', words)
            self.assertEqual(done.stderr.count('\n'), 1, (words, done.stderr))
            self.assertTrue(done.stderr.startswith('kvox'), (words, done.stderr))
            for part in (says,) if isinstance(says, str) else says:
                self.assertIn(part, done.stderr, words)

    def phantom(self, name='shepp-logan', views=90, columns=65, output='p.npy', **options):
        words = [w for key, value in options.items() for w in (f'--{key.replace("_", "-")}', value)]
        return self.kvox('phantom', name, '--views', views, '--columns', columns, '-o', output, *words)


def main():
    global COMMAND
    COMMAND = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
