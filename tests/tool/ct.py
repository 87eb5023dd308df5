"""From phantom to picture and back to the truth, through the command alone."""

import array
import hashlib
import json
import math
import os
import signal
import subprocess
import time

import harness
from harness import Case, crop, read_npy, write_geometry, write_npy


def mean_within(volume, radius, center=None):
    """Mean of the middle slice's voxels whose centre is within `radius` voxels of the middle."""
    depth, height, width = volume.shape
    start = depth // 2 * height * width
    x0, y0 = center or ((width - 1) / 2, (height - 1) / 2)
    inside = [volume.values[start + y * width + x] for y in range(height) for x in range(width)
              if math.hypot(x - x0, y - y0) <= radius]
    return math.fsum(inside) / len(inside)


class RoundTrip(Case):
    def test_shepp_logan_against_the_truth(self):
        # Odd width, exact sinogram, truth averaged over the voxels. scikit-image 0.26's iradon, on the same sinogram and
        # circle, has an error of 0.028638: at most half a percent more.
        made = self.phantom(views=201, columns=129, truth='t.mha', write_geometry='g.json', pitch='0.5')
        self.assertEqual(made['projections'], [201, 1, 129])
        done = self.kvox('ct', 'p.npy', '--geometry', 'g.json', '-o', 'v.mha')
        self.assertEqual((done['size'], done['spacing_mm'], done['unit']), ([129, 129, 1], [0.5] * 3, '1/mm'))
        found = self.kvox('compare', 'v.mha', 't.mha', '--mask-radius', 0.95 * 32, '--peak', 1)
        self.assertLess(found['rmse'], 1.005 * 0.028638)
        self.assertAlmostEqual(found['ssim'], 0.77201, delta=1e-4)  # scikit-image's of the two
        self.assertAlmostEqual(found['psnr_db'], -20 * math.log10(found['rmse']), places=6)
        found = self.kvox('compare', 't.mha', 't.mha')
        self.assertEqual((found['rmse'], found['psnr_db'], found['ssim'], found['peak']), (0, None, 1, 1))

    def test_the_scale_is_absolute(self):
        # A water cylinder of radius 0.8 R, in 1/mm and in HU, at two pixel sizes: the mean within 0.9 of it, half a
        # percent, and nothing in the air beside it.
        for pitch in (1, 0.25):
            self.phantom('cylinder', 180, 101, pitch=pitch, density='0.02', radius=50 * pitch)
            self.kvox('ct', 'p.npy', '--pitch', pitch, '-o', 'v.npy')
            volume = read_npy(self.path('v.npy'))
            self.assertAlmostEqual(mean_within(volume, 36), 0.02, delta=0.0001)
            self.assertAlmostEqual(mean_within(volume, 3, (4, 50)), 0, delta=0.0002)
            done = self.kvox('ct', 'p.npy', '--pitch', pitch, '--hu', '0.02', '-o', 'h.npy')
            self.assertEqual(done['unit'], 'HU')
            self.assertAlmostEqual(mean_within(read_npy(self.path('h.npy')), 36), 0, delta=5)

    def test_without_a_pitch_values_are_in_one_per_pixel(self):
        self.phantom('cylinder', 180, 101, pitch='0.25', density='0.08', radius='12.5')
        done = self.kvox('ct', 'p.npy', '-o', 'v.npy')
        self.assertEqual((done['unit'], done['spacing_px']), ('1/pixel', [1, 1, 1]))
        self.assertAlmostEqual(mean_within(read_npy(self.path('v.npy')), 36), 0.02, delta=0.0001)

    def test_windows_smooth_in_their_order(self):
        self.phantom('cylinder', 90, 65, noise='10000', density='0.01')
        deviation = []
        for name in ('ramp', 'shepp-logan', 'cosine', 'hamming', 'hann'):
            self.kvox('ct', 'p.npy', '--filter', name, '-o', 'v.npy')
            volume = read_npy(self.path('v.npy'))
            values = crop(volume, (26, 26, 0), (13, 13, 1)).values
            mean = math.fsum(values) / len(values)
            deviation.append(math.fsum((v - mean) ** 2 for v in values))
        self.assertEqual(deviation, sorted(deviation, reverse=True))
        self.kvox('ct', 'p.npy', '--filter', 'hann', '--cutoff', '0.5', '-o', 'c.npy')
        values = crop(read_npy(self.path('c.npy')), (26, 26, 0), (13, 13, 1)).values
        mean = math.fsum(values) / len(values)
        self.assertLess(math.fsum((v - mean) ** 2 for v in values), deviation[-1])


class Center(Case):
    def test_found_to_a_tenth_of_a_pixel(self):
        for offset in (-6.3, 0.45, 4.8):
            self.phantom('discs', 180, 129, center_offset=offset, density='0.02', noise='20000')
            done = self.kvox('ct', 'p.npy', '--center', 'auto', '-o', 'v.npy')
            self.assertEqual(done['center_from'], 'data')
            self.assertAlmostEqual(done['center_px'], 64 + offset, delta=0.1)
            self.assertGreater(done['seconds']['stages']['center'], 0)

    def test_given_as_a_column_or_in_the_geometry(self):
        self.phantom('discs', 60, 65, center_offset='3.25', write_geometry='g.json', pitch='1')
        a = self.kvox('ct', 'p.npy', '--pitch', 1, '--center', '35.25', '-o', 'a.npy')
        b = self.kvox('ct', 'p.npy', '--geometry', 'g.json', '-o', 'b.npy')
        write_geometry(self.path('middle.json'), 60, 65)
        self.kvox('ct', 'p.npy', '--geometry', 'middle.json', '--center', '35.25', '-o', 'c.npy')
        self.assertEqual((a['center_px'], a['center_from']), (35.25, 'option'))
        self.assertEqual((b['center_px'], b['center_from']), (35.25, 'geometry'))
        self.assertEqual(self.read('a.npy'), self.read('b.npy'))
        self.assertEqual(self.read('a.npy'), self.read('c.npy'))


class Grid(Case):
    def test_size_spacing_and_place(self):
        self.phantom('discs', 60, 65, rows='3', pitch='0.5')
        base = ('ct', 'p.npy', '--pitch', '0.5', '-o', 'v.npy')
        done = self.kvox(*base, '--size', 20, '--spacing', '0.25')
        self.assertEqual((done['size'], done['spacing_mm']), ([20, 20, 3], [0.25, 0.25, 0.5]))
        self.assertEqual(done['origin_mm'], [-2.375, -2.375, -0.5])
        done = self.kvox(*base, '--size', '4,5,2', '--spacing', '1,2,0.5', '--grid-center', '3,-4,0.25')
        self.assertEqual((done['size'], done['origin_mm']), ([4, 5, 2], [1.5, -8, 0]))
        done = self.kvox(*base, '--size', '4,5,1', '--origin', '1,2,-0.5')
        self.assertEqual(done['origin_mm'], [1, 2, -0.5])
        self.assertEqual(read_npy(self.path('v.npy')).shape, (1, 5, 4))

    def test_a_region_is_a_crop_bit_for_bit(self):
        self.phantom('shepp-logan-3d', 60, 65, rows='5', noise='100000', density='0.02')
        self.kvox('ct', 'p.npy', '--center', '31.7', '-o', 'whole.npy')
        whole = read_npy(self.path('whole.npy'))
        for begin, size in (((0, 0, 0), (65, 65, 5)), ((3, 17, 1), (29, 8, 3)), ((64, 64, 4), (1, 1, 1))):
            box = ','.join(map(str, begin + size))
            done = self.kvox('ct', 'p.npy', '--center', '31.7', '--region', box, '-o', 'part.npy')
            self.assertEqual(done['size'], list(size))
            part = read_npy(self.path('part.npy'))
            self.assertEqual(part.values.tobytes(), crop(whole, begin, size).values.tobytes(), box)

    def test_threads_and_memory_leave_the_bits(self):
        self.phantom('shepp-logan-3d', 90, 129, rows='9', noise='100000', density='0.02')
        words = ('ct', 'p.npy', '--filter', 'hann')
        self.kvox(*words, '--threads', 1, '-o', 'v.npy')
        want = self.read('v.npy')
        for extra in (('--threads', 2), ('--threads', 7), ('--memory', '64MiB'), ('--memory', '6MiB', '--threads', 3)):
            done = self.kvox(*words, *extra, '-o', 'w.npy')
            self.assertEqual(self.read('w.npy'), want, extra)
            if '--memory' in extra:
                limit = 64 << 20 if '64MiB' in extra else 6 << 20
                self.assertLessEqual(done['memory']['plan_bytes'] + done['memory']['workspace_bytes'], limit)


class Angles(Case):
    def test_every_way_to_say_them_is_the_same(self):
        self.phantom('discs', 45, 33)
        self.kvox('phantom', 'discs', '--views', 45, '--columns', 33, '-o', 'p.h5')
        angles = [4.0 * i for i in range(45)]
        write_npy(self.path('a.npy'), (45,), angles, '<f8')
        write_npy(self.path('f.npy'), (45,), angles, '<f4')
        with open(self.path('a.txt'), 'w') as file:
            file.write('\n ' + ', '.join(map(str, angles[:20])) + '\n' + '\n'.join(map(str, angles[20:])) + '\n')
        self.kvox('ct', 'p.npy', '-o', 'v.npy')
        want = self.read('v.npy')
        for extra in (('p.npy', '--angles', '0,4'), ('p.npy', '--angles', 'a.npy'), ('p.npy', '--angles', 'f.npy'),
                      ('p.npy', '--angles', 'a.txt'), ('p.h5',), ('p.h5', '--angles=0,4')):
            self.kvox('ct', *extra, '-o', 'w.npy')
            self.assertEqual(self.read('w.npy'), want, extra)
        self.kvox('ct', 'p.npy', '--angles', '90,4', '-o', 'w.npy')
        self.assertNotEqual(self.read('w.npy'), want)


class Counts(Case):
    def make_counts(self, dead=()):
        """Counts as a camera gives them: 60 000 above a dark level of 100, u16, two frames of each field."""
        self.phantom('discs', 60, 65, density='0.01')
        lines = read_npy(self.path('p.npy')).values
        counts = [100 + round(60000 * math.exp(-p)) for p in lines]
        flat = [60100 + d for d in (-1, 1) for _ in range(65)]
        for column in dead:
            counts[column::65] = [0] * 60
        write_npy(self.path('c.npy'), (60, 1, 65), counts, '<u2')
        write_npy(self.path('flat.npy'), (2, 1, 65), flat, '<u2')
        write_npy(self.path('dark.npy'), (1, 65), [100] * 65, '<u2')

    def test_corrected_counts_are_the_line_integrals(self):
        self.make_counts()
        self.kvox('ct', 'p.npy', '-o', 'v.npy')
        done = self.kvox('ct', 'c.npy', '--flat', 'flat.npy', '--dark', 'dark.npy', '-o', 'w.npy')
        self.assertEqual((done['corrected'], done['bad_pixels'], done['samples']), (True, 0, 'u16'))
        # Half a count of 60000 exp(-0.6) at worst: 1.5e-5 a sample, uncorrelated; filtered, less than twice that.
        self.assertLess(self.kvox('compare', 'w.npy', 'v.npy')['rmse'], 3e-5)

    def test_bad_pixels_are_bridged(self):
        self.make_counts(dead=(20,))
        mask = [0] * 65
        mask[20] = 1
        write_npy(self.path('mask.npy'), (1, 65), mask, '|u1')
        self.kvox('ct', 'p.npy', '-o', 'v.npy')
        words = ('ct', 'c.npy', '--flat', 'flat.npy', '--dark', 'dark.npy', '-o', 'w.npy')
        self.kvox(*words)
        without = self.kvox('compare', 'w.npy', 'v.npy')['rmse']
        self.assertEqual(self.kvox(*words, '--bad-pixels', 'mask.npy')['bad_pixels'], 1)
        self.assertLess(self.kvox('compare', 'w.npy', 'v.npy')['rmse'], 0.02 * without)

    def test_integers_without_a_flat_field_are_noted(self):
        self.make_counts()
        done = self.call('ct', 'c.npy', '-o', 'v.npy')
        self.assertEqual(done.returncode, 0)
        self.assertIn('note: c.npy holds u16 and no flat field', done.stderr)
        self.assertEqual(self.call('ct', 'c.npy', '-o', 'v.npy', '--quiet').stderr, '')


class Outputs(Case):
    def test_formats(self):
        self.phantom(columns=33, views=30, rows='2', pitch='0.5')
        for name, first in (('v.npy', b'\x93NUMPY'), ('v.mha', b'ObjectType'), ('v.png', b'\x89PNG'),
                            ('v.mhd', b'ObjectType')):
            self.kvox('ct', 'p.npy', '--pitch', '0.5', '-o', name)
            self.assertTrue(self.read(name).startswith(first), name)
        header = self.read('v.mha').split(b'ElementDataFile')[0]
        self.assertIn(b'ElementSpacing = 0.5 0.5 0.5', header)
        self.kvox('ct', 'p.npy', '--pitch', '0.5', '--compress', '-o', 'z.mha')
        self.assertLess(len(self.read('z.mha')), len(self.read('v.mha')))
        for other in ('z.mha', 'v.mhd', 'v.npy'):
            self.assertEqual(self.kvox('compare', other, 'v.mha')['rmse'], 0)

    def test_a_hash_of_the_projections_on_request(self):
        self.phantom(columns=33, views=30)
        samples = self.read('p.npy')
        start = 10 + int.from_bytes(samples[8:10], 'little')
        want = hashlib.sha256(b'f32 30 1 33\n' + samples[start:]).hexdigest()
        report = self.kvox('ct', 'p.npy', '--hash', '-o', 'v.mha')
        self.assertEqual(report['provenance']['projections_sha256'], want)
        self.assertIn(want.encode(), self.read('v.mha'))
        self.assertNotIn('projections_sha256', self.kvox('ct', 'p.npy', '-o', 'v.mha')['provenance'])

    def test_a_picture_is_one_slice_and_its_window(self):
        self.phantom(columns=33, views=30, rows='2')
        self.kvox('ct', 'p.npy', '--window', '0.5,1', '--slice', 0, '-o', 'a.png')
        self.kvox('ct', 'p.npy', '--window', '0.5,1', '--bits', 16, '-o', 'b.png')
        # IHDR: width, height, bits.
        self.assertEqual(self.read('a.png')[16:25], b'\0\0\0\x21\0\0\0\x21\x08')
        self.assertEqual(self.read('b.png')[24], 16)
        self.fails(1, 'ct', 'p.npy', '--slice', 2, '-o', 'c.png', says=('--slice is 2', 'slices 0 to 1'))

    def test_the_report_is_whole(self):
        self.phantom(columns=33, views=30)
        done = self.kvox('ct', 'p.npy', '-o', 'v.npy')
        for key in ('verb', 'input', 'projections', 'center_px', 'output', 'size', 'statistics', 'gups', 'memory',
                    'seconds', 'peak_memory_bytes', 'backend', 'cpu_level', 'device', 'threads', 'provenance', 'fft'):
            self.assertIn(key, done)
        self.assertEqual(sorted(done['seconds']), ['compute', 'read', 'stages', 'total', 'write'])
        for key in ('read', 'compute', 'write', 'total'):
            self.assertGreater(done['seconds'][key], 0)
        values = read_npy(self.path('v.npy')).values
        self.assertEqual(done['statistics']['count'], len(values))
        self.assertEqual(done['statistics']['finite'], len(values))
        mean = math.fsum(values) / len(values)
        self.assertAlmostEqual(done['statistics']['mean'], mean, delta=1e-12)
        # The same floats: the JSON numbers may lack a double's last digits.
        extremes = [done['statistics']['min'], done['statistics']['max']]
        self.assertEqual(array.array('f', extremes), array.array('f', [min(values), max(values)]))
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        self.assertAlmostEqual(done['statistics']['std'], deviation, delta=1e-12)

    def test_phantoms(self):
        made = self.phantom('cylinder', 30, 33, truth='t.npy', density='0.5')
        truth = read_npy(self.path('t.npy'))
        self.assertEqual(truth.shape, (1, 33, 33))
        # The area of a disc of radius 0.8 R, counted in voxels: 16 x 16 points a voxel of its edge leave 1e-3.
        area = math.pi * (0.8 * made['radius_mm']) ** 2
        self.assertAlmostEqual(math.fsum(truth.values) / (0.5 * area), 1, delta=1e-3)
        self.kvox('phantom', 'cylinder', '--views', 30, '--columns', 33, '--density', '0.5', '--volume', '-o', 'u.npy')
        self.assertEqual(self.read('u.npy'), self.read('t.npy'))
        # Through the middle: the chord is a diameter.
        self.assertAlmostEqual(read_npy(self.path('p.npy')).values[16], 0.8 * made['radius_mm'], delta=1e-5)

    def test_fan_and_cone(self):
        # The source is 200 mm from the axis, the detector 400: the middle ray of a cylinder of 0.8 R is a diameter, and
        # the rays to the middles of the outermost columns touch the circle of R / 0.95.
        for beam in ('fan', 'cone'):
            with open(self.path('g.json'), 'w') as file:
                json.dump({'beam': beam, 'source_to_axis_mm': 200, 'source_to_detector_mm': 400,
                           'detector': {'columns': 101, 'rows': 3, 'column_pitch_mm': 1},
                           'angles_deg': {'start': 0, 'step': 45, 'count': 8}}, file)
            made = self.kvox('phantom', 'cylinder', '--geometry', 'g.json', '--write-geometry', 'h.json', '-o', 'p.npy')
            self.assertAlmostEqual(made['radius_mm'], 0.95 * 200 * math.sin(math.atan(50 / 400)), delta=1e-9)
            projections = read_npy(self.path('p.npy'))
            self.assertEqual(projections.shape, (8, 3, 101))
            climb = [math.hypot(400, z) / 400 if beam == 'cone' else 1 for z in (-1, 0, 1)]
            for row in range(3):
                chord = 1.6 * made['radius_mm'] * climb[row]
                self.assertAlmostEqual(projections.values[101 * row + 50], chord, delta=1e-5)
            self.kvox('phantom', 'cylinder', '--geometry', 'h.json', '-o', 'q.npy')
            self.assertEqual(self.read('q.npy'), self.read('p.npy'))

    def test_geometries_of_others(self):
        # One scanner in four formats: the same projections, and of the circle that RTK's XML holds the same bits.
        with open(self.path('g.json'), 'w') as file:
            json.dump({'beam': 'cone', 'source_to_axis_mm': 200, 'source_to_detector_mm': 400,
                       'detector': {'columns': 41, 'rows': 17, 'column_pitch_mm': 2, 'column_offset_px': 1.25},
                       'angles_deg': {'start': 0, 'step': 10, 'count': 36}}, file)
        detector = ('--columns', 41, '--rows', 17, '--pitch', 2)
        for name in ('g.xml', 'g.txt', 'g.npy'):
            self.kvox('phantom', 'spheres', '--radius', 15, '--geometry', 'g.json', '--write-geometry', name, '-o', 'p.npy')
            self.kvox('phantom', 'spheres', '--radius', 15, '--geometry', name, *detector, '-o', 'q.npy')
            pairs = zip(read_npy(self.path('p.npy')).values, read_npy(self.path('q.npy')).values)
            self.assertLess(max(abs(a - b) for a, b in pairs), 1e-5, name)
        self.kvox('ct', 'p.npy', '--geometry', 'g.json', '-o', 'a.npy')
        done = self.kvox('ct', 'p.npy', '--geometry', 'g.xml', '--pitch', 2, '-o', 'b.npy')
        self.assertEqual(self.read('a.npy'), self.read('b.npy'))
        self.assertAlmostEqual(done['center_px'], 21.25, delta=1e-12)
        # The image's first pixel one column farther to the left: the axis is one column farther to the right, which the
        # data do not fit.
        moved = self.kvox('ct', 'p.npy', '--geometry', 'g.xml', '--pitch', '2,2', '--detector-origin', '-42,-16', '--quiet',
                          '-o', 'c.npy')
        self.assertAlmostEqual(moved['center_px'], 22.25, delta=1e-12)
        given = self.kvox('ct', 'p.npy', '--geometry', 'g.xml', '--pitch', 2, '--center', '21.25', '-o', 'd.npy')
        self.assertAlmostEqual(given['center_px'], 21.25, delta=1e-12)
        for name in ('g.xml', 'g.npy'):
            self.fails(1, 'ct', 'p.npy', '--geometry', name, '-o', 'e.npy', says=(name, 'give --pitch'))
        self.fails(1, 'ct', 'p.npy', '--geometry', 'g.npy', '--pitch', 2, '--center', 20, '-o', 'e.npy', says='--center')
        self.fails(1, 'phantom', 'wire', '--geometry', 'g.json', '--write-geometry', 'g.csv', '-o', 'q.npy',
                   says=('g.csv', '.xml'))
        # A stack of images with spacing and offset in its header, as RTK keeps projections.
        header = ('ObjectType = Image\nNDims = 3\nDimSize = 41 17 36\nElementSpacing = 2 2 1\nOffset = -40 -16 0\n'
                  'ElementType = MET_FLOAT\nElementByteOrderMSB = False\nElementDataFile = LOCAL\n')
        samples = self.read('p.npy')[-4 * 41 * 17 * 36:]
        with open(self.path('p.mha'), 'wb') as file:
            file.write(header.encode() + samples)
        done = self.call('ct', 'p.mha', '--geometry', 'g.xml', '-o', 'f.npy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('2 x 2 mm by its header', done.stderr)
        self.assertEqual(self.read('a.npy'), self.read('f.npy'))

    def test_noise_belongs_to_its_seed(self):
        for output, seed, threads in (('a.npy', 5, 1), ('b.npy', 5, 7), ('c.npy', 6, 1)):
            self.phantom('cylinder', 60, 65, output, noise='1000', density='0.01', seed=seed, threads=threads)
        self.assertEqual(self.read('a.npy'), self.read('b.npy'))
        self.assertNotEqual(self.read('a.npy'), self.read('c.npy'))
        done = self.call('phantom', 'cylinder', '--noise', '1000', '-o', 'd.npy')
        self.assertIn('photons are too few', done.stderr)


class Interrupt(Case):
    def test_the_interrupt_key_ends_it_with_a_sentence(self):
        self.phantom(views=360, columns=129)
        # About 6e9 voxels times views: seconds for the oracle on any machine.
        process = subprocess.Popen([harness.COMMAND, 'ct', 'p.npy', '--size', '4096', '--spacing', '0.03', '--cpu', 'ref',
                                    '-o', 'v.npy'], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        self.assertIsNone(process.poll(), 'ended before it was interrupted')
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(out, b'')
        self.assertIn(b'interrupted', error)
        self.assertEqual(sorted(os.listdir(self.folder)), ['p.npy'])
        self.assertLess(time.monotonic() - sent, 30)


class RealData(Case):
    def test_tooth(self):
        folder = os.environ.get('KVOX_DATA', '')
        tooth = os.path.join(folder, 'ct', 'tooth.h5')
        if not os.path.exists(tooth):
            self.skipTest('skipped: KVOX_DATA names no folder with ct/tooth.h5')
        done = self.kvox('ct', tooth, '--center', 'auto', '-o', 'tooth.mha')
        self.assertEqual((done['projections'], done['corrected']), ([181, 2, 640], True))
        # Published as near column 296.
        self.assertAlmostEqual(done['center_px'], 296, delta=1)
        self.assertEqual(done['statistics']['finite'], done['statistics']['count'])
        self.assertGreater(done['statistics']['mean'], 0)


if __name__ == '__main__':
    harness.main()
