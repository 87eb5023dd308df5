"""What can be wrong with a run, each with its sentence and nothing written."""

import json
import math
import os
import shutil

import harness
from harness import Case, write_geometry, write_npy


class Files(Case):
    def setUp(self):
        super().setUp()
        self.phantom(views=30, columns=33)

    def ct_fails(self, *words, says, projections='p.npy', code=1):
        self.fails(code, 'ct', projections, *words, '-o', 'v.npy', says=says)
        self.assertFalse(self.exists('v.npy'))

    def test_input_that_is_not_there_or_no_scan(self):
        self.ct_fails(projections='none.npy', says='none.npy')
        self.ct_fails(projections='none.h5', says='none.h5')
        with open(self.path('text.npy'), 'w') as file:
            file.write('these are no projections\n')
        self.ct_fails(projections='text.npy', says='text.npy')
        shutil.copy(self.path('text.npy'), self.path('text.h5'))
        self.ct_fails(projections='text.h5', says='text.h5')
        shutil.copy(self.path('text.npy'), self.path('text.mha'))
        self.ct_fails(projections='text.mha', says='text.mha')
        shutil.copy(self.path('p.npy'), self.path('p.tiff'))
        self.ct_fails(projections='p.tiff', says='p.tiff')
        self.ct_fails(projections='.', says='.')

    def test_truncated_files(self):
        self.kvox('phantom', 'discs', '--views', 30, '--columns', 33, '-o', 'p.h5', '--truth', 't.mha')
        for name in ('p.npy', 'p.h5', 't.mha'):
            data = self.read(name)
            for length in (0, 1, 60, len(data) // 2, len(data) - 1):
                cut = 'cut' + os.path.splitext(name)[1]
                with open(self.path(cut), 'wb') as file:
                    file.write(data[:length])
                if name == 't.mha':
                    self.fails(1, 'compare', cut, 't.mha', says=cut)
                else:
                    self.ct_fails(projections=cut, says=cut)

    def test_sizes_that_lie(self):
        data = self.read('p.npy')
        with open(self.path('big.npy'), 'wb') as file:
            file.write(data.replace(b'(30, 1, 33)', b'(3000000000, 3000000000, 3000000000)'[:11]))
        with open(self.path('huge.npy'), 'wb') as file:
            header = data[:128].replace(b"(30, 1, 33), }          ", b"(99999999999999, 9, 9), }")
            file.write(header[:128] + data[128:])
        self.ct_fails(projections='big.npy', says='big.npy')
        self.ct_fails(projections='huge.npy', says='huge.npy')

    def test_output_is_checked_first(self):
        # The input does not exist: what is said is about the output, so nothing was read before.
        for output, says in (('v.tiff', ('-o v.tiff', '.npy, .mha')), ('v', '-o v:'), ('v.h5', '-o v.h5'),
                             ('nowhere/v.npy', ('nowhere', 'make it first')), ('none.npy/v.npy', 'none.npy')):
            self.fails(1, 'ct', 'none.npy', '-o', output, says=says)
        os.mkdir(self.path('d.npy'))
        self.fails(1, 'ct', 'none.npy', '-o', 'd.npy', says='this is a folder')
        self.fails(1, 'phantom', 'discs', '-o', 'p.mha', says=('-o p.mha', '.npy, .h5'))
        self.fails(1, 'phantom', 'discs', '-o', 'q.npy', '--truth', 'q.npy', says='--truth q.npy')
        self.fails(1, 'phantom', 'discs', '-o', 'q.npy', '--write-geometry', 'g.csv', says='--write-geometry g.csv')
        self.assertFalse(self.exists('q.npy'))
        if os.geteuid() != 0:
            os.chmod(self.path('d.npy'), 0o500)
            self.fails(1, 'ct', 'none.npy', '-o', 'd.npy/v.npy', says='cannot be written')

    def test_the_input_is_never_overwritten(self):
        before = self.read('p.npy')
        os.symlink('p.npy', self.path('link.npy'))
        for output in ('p.npy', './p.npy', 'link.npy', self.path('p.npy')):
            self.fails(1, 'ct', 'p.npy', '-o', output, says='overwrite')
        self.fails(1, 'ct', 'p.npy', '--flat', 'f.npy', '-o', 'f.npy', says='overwrite')
        self.assertEqual(self.read('p.npy'), before)

    def test_a_failed_run_leaves_the_old_output(self):
        self.kvox('ct', 'p.npy', '-o', 'old.npy')
        before = self.read('old.npy')
        self.fails(1, 'ct', 'p.npy', '--memory', '1K', '-o', 'old.npy', says='--memory')
        self.assertEqual(self.read('old.npy'), before)

    def test_a_full_disk(self):
        if not os.path.exists('/dev/full'):
            self.skipTest('skipped: no /dev/full')
        os.symlink('/dev/full', self.path('full.npy'))
        done = self.call('ct', 'p.npy', '-o', 'full.npy')  # the name is replaced, the device is not written
        self.assertIn(done.returncode, (0, 1))

    def test_compare(self):
        self.kvox('ct', 'p.npy', '-o', 'v.npy')
        self.kvox('ct', 'p.npy', '--size', 20, '-o', 'w.npy')
        self.fails(1, 'compare', 'v.npy', 'w.npy', says=('v.npy', '33 x 33 x 1', 'w.npy', '20 x 20 x 1'))
        self.fails(1, 'compare', 'v.npy', 'none.npy', says='none.npy')

    def test_phantom(self):
        self.fails(1, 'phantom', 'shep', '-o', 'q.npy', says='shep')
        self.fails(1, 'phantom', 'discs', '--center-offset', '40', '--columns', 33, '-o', 'q.npy', says='--radius')
        self.fails(1, 'phantom', 'discs', '--geometry', 'none.json', '-o', 'q.npy', says='none.json')


class Geometry(Case):
    def setUp(self):
        super().setUp()
        self.phantom(views=30, columns=33)

    def test_shape_that_is_not_the_data_s(self):
        for shape in ((31, 33), (30, 32)):
            write_geometry(self.path('g.json'), *shape)
            self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '-o', 'v.npy',
                       says=('g.json', 'p.npy', f'{shape[0]} views of 1 x {shape[1]}', '30 views of 1 x 33'))

    def test_files_that_are_none(self):
        for text in ('', '{', '[]', '{"beam": "parallel"}', '{"beam": "spiral"}', '"x"', '{"beam": 3}', 'null'):
            with open(self.path('g.json'), 'w') as file:
                file.write(text)
            self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '-o', 'v.npy', says='g.json')

    def test_a_member_that_is_unknown_is_named(self):
        write_geometry(self.path('g.json'), 30, 33)
        text = self.read('g.json').decode().replace('"beam"', '"tilt_deg": 3, "beam"')
        with open(self.path('g.json'), 'w') as file:
            file.write(text)
        self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '-o', 'v.npy', says=('g.json', 'tilt_deg'))

    def test_spacing_that_is_negative(self):
        write_geometry(self.path('g.json'), 30, 33, pitch=-1)
        self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '-o', 'v.npy', says=('g.json', 'pitch'))

    def test_an_arc_too_short(self):
        self.phantom('discs', 30, 33, arc='120', write_geometry='g.json')
        self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '-o', 'v.npy',
                   says=('arc is too short', '--allow-short-arc'))
        self.kvox('ct', 'p.npy', '--geometry', 'g.json', '--allow-short-arc', '-o', 'v.npy')
        self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '--center', 'auto', '-o', 'w.npy', says='half a turn')

    def test_a_check_reconstructs_nothing(self):
        self.phantom('discs', 90, 99, write_geometry='g.json')
        self.kvox('ct', 'p.npy', '--geometry', 'g.json', '--check')
        self.fails(2, 'ct', 'p.npy', '--geometry', 'g.json', '--check', '-o', 'v.npy', says='--check')
        self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '--check', '--center', '30', says='data check')

    def test_a_cone_that_turns_the_other_way_is_noted(self):
        detector = '{"columns": 64, "rows": 8, "column_pitch_mm": 6, "row_pitch_mm": 6}'
        for name, step in (('g.json', 3), ('r.json', -3)):
            with open(self.path(name), 'w') as file:
                file.write(f'{{"beam": "cone", "source_to_axis_mm": 500, "source_to_detector_mm": 1000, '
                           f'"detector": {detector}, "angles_deg": {{"start": 0, "step": {step}, "count": 120}}}}')
        self.kvox('phantom', 'forbild-head-3d', '--geometry', 'g.json', '--radius', 80, '-o', 'p.npy')
        right = self.call('ct', 'p.npy', '--geometry', 'g.json', '-o', 'v.npy')
        wrong = self.call('ct', 'p.npy', '--geometry', 'r.json', '-o', 'w.npy')
        self.assertNotIn('note', right.stderr)
        self.assertIn('note: data check', wrong.stderr)
        self.assertIn('other direction', wrong.stderr)
        # An object that a detector does not hold; and angles that belong to other views.
        self.kvox('phantom', 'forbild-head-3d', '--geometry', 'g.json', '--radius', 130, '-o', 'large.npy')
        large = self.call('ct', 'large.npy', '--geometry', 'g.json', '--json', '-o', 'v.npy')
        self.assertIn('beyond the detector', large.stderr)
        self.assertGreater(json.loads(large.stdout)['beyond'], 0.1)
        angles = ', '.join(str(3 * (7 * view % 120)) for view in range(120))
        with open(self.path('g.json')) as file:
            text = file.read().replace('{"start": 0, "step": 3, "count": 120}', f'[{angles}]')
        with open(self.path('s.json'), 'w') as file:
            file.write(text)
        self.assertIn('not those of the views', self.call('ct', 'p.npy', '--geometry', 's.json', '-o', 'v.npy').stderr)

    def test_angles(self):
        write_npy(self.path('a.npy'), (29,), [0.0] * 29, '<f8')
        self.fails(1, 'ct', 'p.npy', '--angles', 'a.npy', '-o', 'v.npy', says=('a.npy', '29 angles', '30 views'))
        with open(self.path('a.txt'), 'w') as file:
            file.write('0 6 twelve\n')
        self.fails(1, 'ct', 'p.npy', '--angles', 'a.txt', '-o', 'v.npy', says=('a.txt', '"twelve" is no number'))
        self.fails(1, 'ct', 'p.npy', '--angles', 'none.txt', '-o', 'v.npy', says='--angles none.txt')
        write_npy(self.path('n.npy'), (30,), [math.nan] * 30, '<f8')
        self.fails(1, 'ct', 'p.npy', '--angles', 'n.npy', '-o', 'v.npy', says='angle')

    def test_grids_beside_the_data(self):
        self.fails(1, 'ct', 'p.npy', '--size', '33,33,5', '-o', 'v.npy', says='rows')
        self.fails(1, 'ct', 'p.npy', '--region', '30,0,0,10,1,1', '-o', 'v.npy', says='region')
        self.fails(1, 'ct', 'p.npy', '--size', '90000000000', '-o', 'v.npy', says='--size')

    def test_a_center_beside_the_detector(self):
        for column in ('-1', '32.5', '5000'):
            self.fails(1, 'ct', 'p.npy', '--center', column, '-o', 'v.npy', says=(f'--center {column}', 'columns 0 to 32'))

    def test_hounsfield_needs_the_pixel_size(self):
        self.fails(2, 'ct', 'p.npy', '--hu', '0.02', '-o', 'v.npy', says=('--hu', '--pitch MM'))
        write_geometry(self.path('g.json'), 30, 33, pitch=1)
        text = self.read('g.json').decode().replace('"column_pitch_mm": 1,', '').replace('"row_pitch_mm": 1,', '')
        with open(self.path('g.json'), 'w') as file:
            file.write(text)
        self.fails(1, 'ct', 'p.npy', '--geometry', 'g.json', '--hu', '0.02', '-o', 'v.npy', says='pitch')


class Samples(Case):
    def test_not_a_number(self):
        for bad in (math.nan, math.inf):
            for place in (0, 500, 30 * 33 - 1):
                values = [1.0] * (30 * 33)
                values[place] = bad
                write_npy(self.path('p.npy'), (30, 1, 33), values)
                self.fails(1, 'ct', 'p.npy', '-o', 'v.npy', says='p.npy')
                self.assertFalse(self.exists('v.npy'))

    def test_fields(self):
        write_npy(self.path('c.npy'), (30, 1, 33), [500] * (30 * 33), '<u2')
        write_npy(self.path('zero.npy'), (1, 33), [0] * 33, '<u2')
        write_npy(self.path('flat.npy'), (1, 33), [1000] * 33, '<u2')
        write_npy(self.path('narrow.npy'), (1, 32), [1000] * 32, '<u2')
        write_npy(self.path('dark.npy'), (1, 33), [1000] * 33, '<u2')
        self.fails(1, 'ct', 'c.npy', '--flat', 'zero.npy', '-o', 'v.npy', says='zero.npy')
        self.fails(1, 'ct', 'c.npy', '--flat', 'flat.npy', '--dark', 'dark.npy', '-o', 'v.npy', says='flat.npy')
        self.fails(1, 'ct', 'c.npy', '--flat', 'narrow.npy', '-o', 'v.npy', says='32')
        self.fails(1, 'ct', 'c.npy', '--flat', 'none.npy', '-o', 'v.npy', says='none.npy')
        for words in (('--dark', 'dark.npy'), ('--bad-pixels', 'zero.npy'), ('--least-counts', '2')):
            self.fails(1, 'ct', 'c.npy', *words, '-o', 'v.npy', says=(words[0], '--flat'))


class Memory(Case):
    def test_the_least_that_would_do_is_named(self):
        self.phantom('shepp-logan-3d', 60, 65, rows='4')
        done = self.call('ct', 'p.npy', '--memory', '10K', '-o', 'v.npy')
        self.assertEqual(done.returncode, 1)
        self.assertIn('--memory', done.stderr)
        numbers = [int(word.strip('.,;()')) for word in done.stderr.split() if word.strip('.,;()').isdigit()]
        least = max(numbers)
        self.kvox('ct', 'p.npy', '--memory', least, '-o', 'v.npy')
        self.fails(1, 'ct', 'p.npy', '--memory', least - 1, '-o', 'w.npy', says=str(least))


if __name__ == '__main__':
    harness.main()
