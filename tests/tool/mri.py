"""kvox mri and kvox info RAW: arrays against sums by hand, formats, options, real files, and what can be wrong."""

import array
import cmath
import json
import math
import os
import random
import struct
import unittest
import zlib

import harness
from harness import Case


def write_complex(path, shape, values):
    """A .npy of complex64."""
    header = f"{{'descr': '<c8', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += ' ' * (-(len(header) + 11) % 64) + '\n'
    flat = array.array('f', [part for value in values for part in (value.real, value.imag)])
    with open(path, 'wb') as file:
        file.write(b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header.encode())
        flat.tofile(file)


def write_cfl(path, dimensions, values):
    """BART's pair; `dimensions` are its own order, x first."""
    with open(path[:-4] + '.hdr', 'w') as file:
        file.write('# Dimensions\n' + ' '.join(map(str, list(dimensions) + [1] * (16 - len(dimensions)))) + '\n')
    with open(path, 'wb') as file:
        array.array('f', [part for value in values for part in (value.real, value.imag)]).tofile(file)


def read_complex(path):
    with open(path, 'rb') as file:
        data = file.read()
    length = int.from_bytes(data[8:10], 'little')
    header = data[10:10 + length].decode()
    assert "'<c8'" in header, header
    shape = tuple(int(n) for n in header.split('(')[1].split(')')[0].split(',') if n.strip())
    flat = array.array('f')
    flat.frombytes(data[10 + length:])
    return shape, [complex(a, b) for a, b in zip(flat[::2], flat[1::2])]


def to_image(kspace, ny, nx):
    """The centred, unitary transform of one coil by its sum."""
    image = []
    for y in range(ny):
        for x in range(nx):
            total = 0
            for ky in range(ny):
                for kx in range(nx):
                    turns = (ky - ny // 2) * (y - ny // 2) / ny + (kx - nx // 2) * (x - nx // 2) / nx
                    total += kspace[ky * nx + kx] * cmath.exp(2j * math.pi * turns)
            image.append(total / math.sqrt(nx * ny))
    return image


def to_kspace(image, ny, nx):
    """The adjoint: conjugated, transformed, conjugated."""
    return [v.conjugate() for v in to_image([v.conjugate() for v in image], ny, nx)]


def read_png(path):
    """The rows of an 8-bit grey picture."""
    with open(path, 'rb') as file:
        data = file.read()
    width, height = (int.from_bytes(data[at:at + 4], 'big') for at in (16, 20))
    packed, at = b'', 8
    while at < len(data):
        length = int.from_bytes(data[at:at + 4], 'big')
        if data[at + 4:at + 8] == b'IDAT':
            packed += data[at + 8:at + 8 + length]
        at += length + 12
    raw, rows, above = zlib.decompress(packed), [], bytes(width)
    for y in range(height):
        kind, row = raw[y * (width + 1)], bytearray(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
        for x in range(width):
            left, corner = (row[x - 1], above[x - 1]) if x > 0 else (0, 0)
            near = min((abs(above[x] - corner), 0, left), (abs(left - corner), 1, above[x]),
                       (abs(left + above[x] - 2 * corner), 2, corner))[2]
            row[x] = (row[x] + (0, left, above[x], (left + above[x]) // 2, near)[kind]) % 256
        rows.append(bytes(row))
        above = row
    return rows


COILS, NY, NX = 3, 7, 6


class Arrays(Case):
    def setUp(self):
        super().setUp()
        random.seed(1)
        size = COILS * NY * NX
        self.kspace = [complex(random.gauss(0, 1), random.gauss(0, 1)) for _ in range(size)]
        self.images = []
        for c in range(COILS):
            self.images += to_image(self.kspace[c * NY * NX:(c + 1) * NY * NX], NY, NX)
        self.magnitude = [math.sqrt(sum(abs(self.images[c * NY * NX + i]) ** 2 for c in range(COILS)))
                          for i in range(NY * NX)]
        write_complex(self.path('k.npy'), (COILS, NY, NX), self.kspace)

    def assert_close(self, got, wanted, tolerance=2e-6):
        self.assertEqual(len(got), len(wanted))
        scale = max(map(abs, wanted))
        self.assertLess(max(abs(a - b) for a, b in zip(got, wanted)), tolerance * scale)

    def test_sums_by_hand(self):
        self.kvox('mri', 'k.npy', '-o', 'm.npy')
        got = harness.read_npy(self.path('m.npy'))
        self.assertEqual(got.shape, (1, NY, NX))
        self.assert_close(got.values, self.magnitude)
        self.kvox('mri', 'k.npy', '--combine', 'separate', '--image', 'complex', '-o', 'c.npy')
        shape, values = read_complex(self.path('c.npy'))
        self.assertEqual(shape, (COILS, 1, NY, NX))
        self.assert_close(values, self.images)
        self.kvox('mri', 'k.npy', '--combine', 'separate', '--image', 'phase', '-o', 'p.npy')
        phase = harness.read_npy(self.path('p.npy')).values
        self.assertLess(max(abs(cmath.exp(1j * p) - v / abs(v)) for p, v in zip(phase, self.images)), 1e-4)

    def test_axes_and_formats_of_the_same_data(self):
        self.kvox('mri', 'k.npy', '-o', 'm.npy')
        wanted = self.read('m.npy')
        turned = [self.kspace[c * NY * NX + y * NX + x] for y in range(NY) for x in range(NX) for c in range(COILS)]
        write_complex(self.path('t.npy'), (NY, NX, COILS), turned)
        self.kvox('mri', 't.npy', '--axes', 'y,x,coil', '-o', 'n.npy')
        self.assertEqual(self.read('n.npy'), wanted)
        write_cfl(self.path('k.cfl'), (NX, NY, 1, COILS), self.kspace)
        self.kvox('mri', 'k.cfl', '-o', 'n.npy')
        self.assertEqual(self.read('n.npy'), wanted)
        write_complex(self.path('s.npy'), (1, COILS, 1, NY, NX), self.kspace)
        self.kvox('mri', 's.npy', '-o', 'n.npy')
        self.assertEqual(self.read('n.npy'), wanted)
        self.kvox('mri', 'k.npy', '-o', 'n.cfl')
        flat = array.array('f')
        flat.frombytes(self.read('n.cfl'))
        self.assert_close(flat[::2], self.magnitude)
        self.assertEqual(set(flat[1::2]), {0.0})

    def test_the_report(self):
        told = self.kvox('mri', 'k.npy', '--fov', '120,140,5', '--threads', '2', '-o', 'm.mha')
        for key in ('seconds', 'backend', 'cpu_level', 'threads', 'statistics', 'peak_memory_bytes', 'provenance'):
            self.assertIn(key, told)
        self.assertEqual(set(told['seconds']), {'read', 'compute', 'write', 'total', 'stages'})
        self.assertIn('fourier', told['seconds']['stages'])
        self.assertEqual(told['size'], [NX, NY, 1])
        self.assertEqual(told['spacing_mm'], [20, 20, 5])
        self.assertEqual(told['readouts'], {'image': NY})
        self.assertEqual(told['protocol']['coils'], COILS)
        self.assertAlmostEqual(told['statistics']['max'], max(self.magnitude), delta=1e-5)
        self.assertIn(b'ElementSpacing = 20 20 5', self.read('m.mha'))

    def test_lines_of_zeros_were_not_measured(self):
        holes = list(self.kspace)
        for c in range(COILS):
            for y in (1, 4):
                holes[(c * NY + y) * NX:(c * NY + y + 1) * NX] = [0j] * NX
        write_complex(self.path('h.npy'), (COILS, NY, NX), holes)
        told = self.kvox('mri', 'h.npy', '--combine', 'separate', '--image', 'complex', '-o', 'c.npy')
        self.assertEqual(told['readouts'], {'image': NY - 2, 'not_measured': 2})
        wanted = []
        for c in range(COILS):
            wanted += to_image(holes[c * NY * NX:(c + 1) * NY * NX], NY, NX)
        self.assert_close(read_complex(self.path('c.npy'))[1], wanted)

    def test_size_fills_with_zeros_and_keeps_the_intensity(self):
        told = self.kvox('mri', 'k.npy', '--size', f'{3 * NX},{3 * NY},0', '-o', 'm.npy')
        self.assertEqual(told['size'], [3 * NX, 3 * NY, 1])
        large = harness.read_npy(self.path('m.npy'))
        at = [large.values[(3 * NY // 2 + 3 * (y - NY // 2)) * 3 * NX + 3 * NX // 2 + 3 * (x - NX // 2)]
              for y in range(NY) for x in range(NX)]
        self.assert_close(at, self.magnitude, 1e-5)

    def test_frames_and_slices(self):
        write_complex(self.path('f.npy'), (2, COILS, NY, NX), self.kspace + [2 * v for v in self.kspace])
        for axes in ('repetition,coil,y,x', 'echo,coil,y,x', 'set,coil,y,x'):
            told = self.kvox('mri', 'f.npy', '--axes', axes, '-o', 'm.npy')
            self.assertEqual(told['frames'], 2)
            got = harness.read_npy(self.path('m.npy'))
            self.assertEqual(got.shape, (2, 1, NY, NX))
            self.assert_close(got.values, self.magnitude + [2 * v for v in self.magnitude])
        self.kvox('mri', 'f.npy', '--axes', 'slice,coil,y,x', '-o', 'm.npy')
        self.assertEqual(harness.read_npy(self.path('m.npy')).shape, (2, NY, NX))
        self.kvox('mri', 'f.npy', '--axes', 'average,coil,y,x', '-o', 'm.npy')
        self.assert_close(harness.read_npy(self.path('m.npy')).values, [1.5 * v for v in self.magnitude])
        self.fails(1, 'mri', 'f.npy', '--axes', 'echo,coil,y,x', '-o', 'm.mha', says=('m.mha', '--frame'))
        self.kvox('mri', 'f.npy', '--axes', 'echo,coil,y,x', '--frame', 1, '-o', 'm.mha')
        self.kvox('mri', 'f.npy', '--axes', 'echo,coil,y,x', '-o', 'm.png')
        # Two tiles beside each other with a gap of 2; small ones are drawn larger, each pixel a square of several.
        fold = -(-192 // max(NX, NY))
        self.assertEqual(self.read('m.png')[16:24],
                         (2 * fold * NX + 2).to_bytes(4, 'big') + (fold * NY).to_bytes(4, 'big'))
        rows = read_png(self.path('m.png'))
        for y in range(0, fold * NY, fold):
            self.assertEqual(rows[y:y + fold], [rows[y]] * fold)
            for x in range(0, fold * NX, fold):
                self.assertEqual(len(set(rows[y][x:x + fold])), 1)

    def test_pixels_that_are_not_square_are_shown_so(self):
        self.kvox('mri', 'k.npy', '--fov', f'{NX},{2 * NY},1', '-o', 'm.png')
        fold = -(-192 // max(NX, 2 * NY))
        self.assertEqual(self.read('m.png')[16:24],
                         (fold * NX).to_bytes(4, 'big') + (2 * fold * NY).to_bytes(4, 'big'))

    def test_threads_and_memory_change_nothing(self):
        self.kvox('mri', 'k.npy', '--combine', 'adaptive', '-o', 'a.npy', '--threads', 1)
        self.kvox('mri', 'k.npy', '--combine', 'adaptive', '-o', 'b.npy', '--threads', 3)
        self.assertEqual(self.read('a.npy'), self.read('b.npy'))

    def test_noise_of_a_file_whitens(self):
        random.seed(2)
        # The second coil is twice the first plus noise of its own: whitening takes that off.
        one = [complex(random.gauss(0, 1), random.gauss(0, 1)) for _ in range(4000)]
        two = [2 * a + complex(random.gauss(0, 1), random.gauss(0, 1)) for a in one]
        write_complex(self.path('n.npy'), (2, 4000), one + two)
        pair = one[:NY * NX] + two[:NY * NX]
        write_complex(self.path('k2.npy'), (2, NY, NX), pair)
        self.kvox('mri', 'k2.npy', '--noise-file', 'n.npy', '--combine', 'separate', '--image', 'complex', '--quiet',
                  '-o', 'c.npy')
        _, values = read_complex(self.path('c.npy'))
        power = [sum(abs(v) ** 2 for v in values[c * NY * NX:(c + 1) * NY * NX]) / (NY * NX) for c in (0, 1)]
        cross = sum(a * b.conjugate() for a, b in zip(values[:NY * NX], values[NY * NX:])) / (NY * NX)
        # 42 samples: each deviates by 1 / sqrt(42) = 15 %.
        self.assertLess(max(abs(power[0] - 1), abs(power[1] - 1), abs(cross)), 0.5)
        self.fails(1, 'mri', 'k.npy', '--noise-file', 'n.npy', '-o', 'm.npy', says='coils')

    def test_partial_fourier_is_seen_in_the_zeros(self):
        ny, nx = 20, 16
        image = [cmath.exp(0.1j * (i % nx)) * (1 + (i // nx > 9)) if 4 < i // nx < 15 and 3 < i % nx < 11 else 0j
                 for i in range(ny * nx)]
        whole = to_kspace(image, ny, nx)
        for lost in (lambda i: i // nx < 6, lambda i: i % nx > 11):
            part = [0j if lost(i) else v for i, v in enumerate(whole)]
            write_complex(self.path('p.npy'), (ny, nx), part)
            errors = {}
            for method in ('zero-fill', 'pocs', 'homodyne'):
                self.kvox('mri', 'p.npy', '--partial', method, '--combine', 'separate', '--image', 'complex', '-o',
                          'c.npy')
                errors[method] = math.sqrt(
                    sum(abs(a - b) ** 2 for a, b in zip(read_complex(self.path('c.npy'))[1], image)))
            self.assertLess(errors['pocs'], 0.5 * errors['zero-fill'])
            self.assertLess(errors['homodyne'], 0.5 * errors['zero-fill'])

    def test_maps_of_echoes(self):
        times, t2star = (4, 6, 8), 20.0
        field = [30 * (i % NX - 2) for i in range(NY * NX)]  # Hz; the steps of 2 ms tell +-250
        values = []
        for time in times:
            for c in range(2):
                image = [(1 + c + i / 40) * cmath.exp(1j * c) * math.exp(-time / t2star) *
                         cmath.exp(2e-3j * math.pi * field[i] * time) for i in range(NY * NX)]
                values += to_kspace(image, NY, NX)
        write_complex(self.path('e.npy'), (3, 2, NY, NX), values)
        words = ('mri', 'e.npy', '--axes', 'echo,coil,y,x', '-o', 'm.npy', '--b0', 'b.mha', '--t2star', 't.npy')
        told = self.kvox(*words, '--echo-times', '4,6,8')
        self.assertEqual(told['frames'], 3)
        self.assertIn('field', told['seconds']['stages'])
        got = array.array('f')
        got.frombytes(self.read('b.mha')[-4 * NY * NX:])
        self.assertLess(max(abs(a - b) for a, b in zip(got, field)), 0.01)
        map_ = harness.read_npy(self.path('t.npy'))
        self.assertEqual(map_.shape, (1, NY, NX))
        self.assertLess(max(abs(v - t2star) for v in map_.values), 0.001)
        self.fails(1, *words, says=('--b0', '--echo-times'))
        self.fails(1, *words, '--echo-times', '4,8,6', says='do not rise')
        self.fails(2, *words, '--echo-times', '4,x', says='--echo-times')
        self.fails(1, *words[:-4], '--b0', 'm.npy', '--echo-times', '4,6,8', says='--b0 m.npy')

    def test_what_can_be_wrong(self):
        fails = self.fails
        fails(2, 'mri', 'k.npy', says='-o')
        fails(1, 'mri', 'k.npy', '-o', 'm.h5', says=('-o m.h5', '.npy'))
        fails(1, 'mri', 'k.npy', '-o', 'k.npy', says='overwrite')
        fails(1, 'mri', 'none.npy', '-o', 'm.npy', says='none.npy')
        fails(1, 'mri', 'none.dat', '-o', 'm.npy', says='none.dat')
        fails(1, 'mri', 'none.h5', '-o', 'm.npy', says='none.h5')
        fails(1, 'mri', 'none', '-o', 'm.npy', says=('none', 'no such file'))
        fails(1, 'mri', '.', '-o', 'm.npy', says='folder')
        for name in ('e.h5', 'e.dat', 'e.npy'):
            with open(self.path(name), 'wb'):
                pass
            fails(1, 'mri', name, '-o', 'm.npy', says=(name, 'empty'))
            fails(1, 'info', name, says=(name, 'empty'))
        with open(self.path('e.hdr'), 'w') as file:
            file.write('# Dimensions')
        fails(1, 'mri', 'e.hdr', '-o', 'm.npy', says=('e.hdr', '.cfl'))
        os.link(self.path('k.npy'), self.path('k.tiff'))
        fails(1, 'mri', 'k.tiff', '-o', 'm.npy', says=('k.tiff', '.h5'))
        fails(1, 'mri', 'k.npy', '--axes', 'coil,y', '-o', 'm.npy', says=('--axes', 'too few'))
        fails(1, 'mri', 'k.npy', '--axes', 'coil,y,time', '-o', 'm.npy', says=('--axes', 'unknown'))
        fails(1, 'mri', 'k.npy', '--axes', 'y,y,x', '-o', 'm.npy', says=('--axes', 'twice'))
        fails(1, 'mri', 'k.npy', '--axes', '1,y,x', '-o', 'm.npy', says=('--axes', 'no name'))
        fails(2, 'mri', 'k.npy', '--combine', 'rss', '--image', 'phase', '-o', 'm.npy', says='--combine')
        fails(1, 'mri', 'k.npy', '--image', 'complex', '-o', 'm.png', says=('m.png', '.npy'))
        fails(1, 'mri', 'k.npy', '--frame', 3, '-o', 'm.npy', says='--frame')
        fails(1, 'mri', 'k.npy', '--slice', 3, '-o', 'm.png', says='--slice')
        fails(2, 'mri', 'k.npy', '--slice', 0, '-o', 'm.npy', says='.png')
        fails(1, 'mri', 'k.npy', '--snr', '-o', 'm.npy', says=('noise', '--noise edges', '--noise-file'))
        fails(1, 'mri', 'k.npy', '--b0', 'b.npy', '-o', 'm.npy', says=('--b0', 'echo'))
        fails(2, 'mri', 'k.npy', '--snr', '--partial', 'pocs', '-o', 'm.npy', says=('--snr', 'homodyne'))
        fails(2, 'mri', 'k.npy', '--unwrap', '-o', 'm.npy', says='--unwrap')
        fails(2, 'mri', 'k.npy', '--oversampling', 20, '-o', 'm.npy', says='--oversampling')
        harness.write_npy(self.path('f32.npy'), (3, 4), [0.0] * 12)
        fails(1, 'mri', 'f32.npy', '-o', 'm.npy', says=('f32.npy', 'complex64'))
        write_complex(self.path('six.npy'), (1,) * 6, [1j])
        fails(1, 'mri', 'six.npy', '-o', 'm.npy', says=('six.npy', '--axes'))
        write_complex(self.path('zero.npy'), (2, 3, 4), [0j] * 24)
        fails(1, 'mri', 'zero.npy', '-o', 'm.npy', says=('zero.npy', 'zeros'))
        self.assertFalse(self.exists('m.npy') or self.exists('m.png'))

    def test_samples_that_are_no_numbers(self):
        for bad in (math.nan, math.inf):
            for place in (0, 60, len(self.kspace) - 1):
                values = list(self.kspace)
                values[place] = complex(0, bad)
                write_complex(self.path('n.npy'), (COILS, NY, NX), values)
                self.fails(1, 'mri', 'n.npy', '-o', 'm.npy', says=('n.npy', 'NaN or infinite'))
        self.assertFalse(self.exists('m.npy'))

    def test_truncated_arrays(self):
        write_cfl(self.path('k.cfl'), (NX, NY, 1, COILS), self.kspace)
        os.link(self.path('k.hdr'), self.path('cut.hdr'))
        for name in ('k.npy', 'k.cfl'):
            data = self.read(name)
            for length in (0, 7, 100, len(data) - 1):
                cut = 'cut' + name[1:]
                with open(self.path(cut), 'wb') as file:
                    file.write(data[:length])
                self.fails(1, 'mri', cut, '-o', 'm.npy', says='cut')
        self.assertFalse(self.exists('m.npy'))


DATA = os.environ.get('KVOX_DATA', '')


@unittest.skipUnless(DATA and os.path.isdir(os.path.join(DATA, 'mri')), 'skipped: KVOX_DATA has no mri')
class Scans(Case):
    def file(self, name):
        return os.path.join(DATA, 'mri', name)

    def test_the_same_scan_from_both_formats(self):
        self.kvox('mri', self.file('gre_phantom_2ch.h5'), '-o', 'h5.npy')
        self.kvox('mri', self.file('siemens_ve_gre.dat'), '-o', 'dat.npy')
        one, other = (harness.read_npy(self.path(name)) for name in ('h5.npy', 'dat.npy'))
        self.assertEqual(one.shape, (1, 160, 160))
        self.assertEqual(one.values, other.values)

    def test_pictures_are_turned_as_the_scan_lay(self):
        # The .h5 was written with axes x, y, z; the .dat tells that lines ran from posterior to anterior.
        told = self.kvox('mri', self.file('siemens_ve_gre.dat'), '-o', 'm.mha')
        self.assertGreater(told['axes'][0][0], 0.99)
        self.assertLess(told['axes'][1][1], -0.99)
        self.kvox('mri', self.file('siemens_ve_gre.dat'), '-o', 'dat.png')
        self.kvox('mri', self.file('gre_phantom_2ch.h5'), '-o', 'h5.png')
        rows = read_png(self.path('h5.png'))
        self.assertEqual(len(rows), 2 * 160)
        self.assertEqual(read_png(self.path('dat.png')), rows[::-1])

    def test_a_few_bad_readouts_do_not_cost_the_scan(self):
        nan = struct.pack('<f', float('nan'))
        with open(self.file('gre_phantom_2ch.h5'), 'rb') as file:
            whole = file.read()
        one = bytearray(whole)
        one[-40000:-39996] = nan
        with open(self.path('one.h5'), 'wb') as file:
            file.write(one)
        done = self.call('mri', '--json', 'one.h5', '-o', 'one.npy')
        self.assertEqual(done.returncode, 0)
        self.assertIn('readouts left out: 1 of 160, the first because: readout of line', done.stderr)
        self.assertEqual(json.loads(done.stdout)['lines'], {'measured': 159, 'announced': 160, 'refused': 1})
        # Of the .dat each readout takes 192 + 2 (32 + 8 320) bytes: one sample of every fourth.
        with open(self.file('siemens_ve_gre.dat'), 'rb') as file:
            many = bytearray(file.read())
        for i in range(40):
            at = len(many) - 100000 - i * 4 * 5376
            many[at // 4 * 4:at // 4 * 4 + 4] = nan
        with open(self.path('many.dat'), 'wb') as file:
            file.write(many)
        self.fails(1, 'mri', 'many.dat', '-o', 'many.npy',
                   says=('many.dat', 'of 160, the first because', 'that cannot be used', 'NaN or infinite'))

    def test_info(self):
        told = self.kvox('info', self.file('siemens_ve_epi.dat'))
        self.assertEqual(told['readouts'], {'image': 80, 'phase_correction': 3})
        self.assertEqual(told['protocol']['trajectory'], 'epi')
        self.assertEqual(told['protocol']['image_size'], [80, 80, 1])
        self.assertEqual(told['protocol']['echo_ms'], [27])
        self.assertEqual(told['reversed_readouts'], 42)

    def test_a_counter_that_announces_too_much(self):
        # Of one readout: slice and repetition at bytes 4 and 12 of the counters, which begin at byte 52 of its header.
        with open(self.file('siemens_ve_gre.dat'), 'rb') as file:
            data = bytearray(file.read())
        begin = int.from_bytes(data[16:24], 'little')
        begin += int.from_bytes(data[begin:begin + 4], 'little')
        for at in (4, 12):
            data[begin + 52 + at:begin + 54 + at] = (60000).to_bytes(2, 'little')
        with open(self.path('much.dat'), 'wb') as file:
            file.write(data)
        self.fails(1, 'mri', 'much.dat', '-o', 'm.npy', says=('much.dat: the memory limit is ', '--memory'))

    def test_broken_files(self):
        random.seed(3)
        for name in ('gre_phantom_2ch.h5', 'siemens_ve_gre.dat', 'epi_phantom_2ch.h5', 'siemens_ve_epi.dat'):
            with open(self.file(name), 'rb') as file:
                data = file.read()
            bad = 'bad' + os.path.splitext(name)[1]
            for length in (0, 1, 100, 10300, len(data) // 2):
                with open(self.path(bad), 'wb') as file:
                    file.write(data[:length])
                self.fails(1, 'mri', bad, '-o', 'm.npy', says=bad)
                self.fails(1, 'info', bad, says=bad)
            for _ in range(8):
                wrong = bytearray(data)
                for _ in range(20):
                    wrong[random.randrange(len(wrong) if random.random() < 0.5 else 20000)] = random.randrange(256)
                with open(self.path(bad), 'wb') as file:
                    file.write(wrong)
                done = self.call('mri', bad, '--json', '-o', 'm.npy')
                self.assertIn(done.returncode, (0, 1), done.stderr)
                if done.returncode == 0:
                    json.loads(done.stdout)
                else:
                    self.assertTrue(done.stderr.startswith(f'kvox mri: {bad}'), done.stderr)
                    self.assertEqual(done.stderr.count('\n'), 1, done.stderr)


if __name__ == '__main__':
    harness.main()
