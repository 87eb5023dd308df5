"""The command line itself: helps, unknown words, values, exit statuses, clean JSON."""

import json
import os
import pty
import re
import subprocess

import harness
from harness import Case

VERBS = ('info', 'phantom', 'ct', 'mri', 'compare', 'bench')


class Help(Case):
    def test_overview_names_every_verb(self):
        for words in (['--help'], ['-h'], ['help']):
            done = self.call(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            for verb in VERBS:
                self.assertRegex(done.stdout, rf'(?m)^  {verb} +\S')

    def test_every_verb_tells_the_options_of_all(self):
        for verb in VERBS:
            done = self.call(verb, '--help')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertTrue(done.stdout.startswith(f'usage: kvox {verb} '))
            for option in ('backend', 'cpu', 'threads', 'memory', 'json', 'quiet', 'help'):
                self.assertRegex(done.stdout, rf'--{option}\b')
            self.assertEqual(self.call('help', verb).stdout, done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 120)

    def test_ct_keeps_its_contract(self):
        text = self.call('ct', '--help').stdout
        for option in ('--geometry G.json', '--size N[,N,N]', '--spacing MM[,MM,MM]',
                       '--filter ramp|shepp-logan|cosine|hamming|hann', '--cutoff 0..1', '--center auto|COLUMN',
                       '--hu MU_WATER', '-o, --output VOLUME'):
            self.assertIn(option, text)

    def test_version(self):
        self.assertRegex(self.call('--version').stdout, r'^kvox \d+\.\d+\.\d+\n$')


class Usage(Case):
    def test_no_verb(self):
        done = self.call()
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertIn('usage: kvox', done.stderr)

    def test_unknown_words_are_named_with_a_hint(self):
        self.fails(2, 'cx', says=('unknown verb cx', 'did you mean ct?'))
        self.fails(2, '--verison', says='unknown option --verison')
        self.fails(2, 'ct', 'p.npy', '--filtre', 'hann', says=('unknown option --filtre', 'did you mean --filter?'))
        self.fails(2, 'ct', 'p.npy', '--xyzzy', says=('unknown option --xyzzy', 'kvox ct --help'))
        self.fails(2, 'ct', 'p.npy', '-x', says='unknown option -x')
        self.fails(2, 'bench', 'ct-slice-51', says=('unknown case ct-slice-51', 'did you mean ct-slice-512?'))

    def test_wrong_values_are_named(self):
        for words, says in ((['--cutoff', '2'], '--cutoff is "2"'), (['--cutoff', '0'], '--cutoff is "0"'),
                            (['--size', '1,2'], '--size is "1,2"'), (['--size', '2.5'], '--size is "2.5"'),
                            (['--size', '-4'], '--size is "-4"'), (['--size', '4,'], '--size is "4,"'),
                            (['--spacing', '-1'], '--spacing is "-1"'), (['--spacing', 'nan'], '--spacing is "nan"'),
                            (['--spacing', 'wide'], '--spacing is "wide"'), (['--threads', '0'], '--threads is "0"'),
                            (['--threads', 'x'], '--threads is "x"'), (['--cpu', 'sse'], '--cpu is "sse"'),
                            (['--backend', 'cuda'], '--backend is "cuda"'), (['--filter', 'han'], '--filter is "han"'),
                            (['--memory', '0'], '--memory is "0"'), (['--memory', '5Q'], '--memory is "5Q"'),
                            (['--memory', '-1M'], '--memory is "-1M"'), (['--hu', '0'], '--hu is "0"'),
                            (['--center', 'middle'], '--center is "middle"'),

                            (['--region', '0,0,0,1,1'], '--region is "0,0,0,1,1"'),
                            (['--json=yes'], '--json takes no value'), (['--size'], '--size needs a value'),
                            (['--size', '--hu', '1'], '--size needs a value'), (['--size='], '--size is ""')):
            self.fails(2, 'ct', 'p.npy', *words, '-o', 'v.npy', says=says)
        self.fails(2, 'ct', 'p.npy', '-o', says='-o needs a value')
        self.fails(2, 'ct', 'p.npy', '--bits', '12', '-o', 'v.png', says='--bits is 12')
        self.fails(2, 'ct', 'p.npy', '--window', '0,0', '-o', 'v.png', says='--window has a width of 0')

    def test_operands(self):
        self.fails(2, 'ct', '-o', 'v.npy', says='an argument is missing')
        self.fails(2, 'ct', 'p.npy', says='-o is missing')
        self.fails(2, 'ct', 'a.npy', 'b.npy', '-o', 'v.npy', says='one argument too many: "b.npy"')
        self.fails(2, 'compare', 'a.npy', says='an argument is missing')
        self.fails(2, 'phantom', '-o', 'p.npy', says='kvox phantom --list')
        self.fails(2, 'info', 'a.h5', 'much', says='one argument too many')

    def test_contradictions(self):
        self.fails(2, 'ct', 'p.npy', '--geometry', 'g.json', '--pitch', '1', '-o', 'v.npy',
                   says=('--pitch', '--geometry'))
        self.fails(2, 'ct', 'p.npy', '--geometry', 'g.json', '--angles', '0,1', '-o', 'v.npy', says='--angles')
        self.fails(2, 'ct', 'p.npy', '--origin', '0,0,0', '--grid-center', '0,0,0', '-o', 'v.npy', says='--origin')
        self.fails(2, 'phantom', 'wire', '--geometry', 'g.json', '--views', '9', '-o', 'p.npy', says='--geometry')
        self.fails(2, 'phantom', 'wire', '--geometry', 'g.xml', '--views', '9', '-o', 'p.npy', says='--geometry')
        self.fails(2, 'phantom', 'wire', '--geometry', 'g.json', '--columns', '9', '-o', 'p.npy', says='--columns')
        self.fails(2, 'ct', 'p.npy', '--geometry', 'g.json', '--detector-origin', '0,0', '-o', 'v.npy', says='G.xml')
        self.fails(2, 'ct', 'p.npy', '--detector-origin', '0,0', '-o', 'v.npy', says='--detector-origin')

    def test_options_without_effect_are_refused(self):
        for words in (('--window', '0,1'), ('--slice', '0'), ('--bits', '8')):
            self.fails(2, 'ct', 'p.npy', *words, '-o', 'v.npy', says=(words[0], '.png'))
        self.fails(2, 'ct', 'p.npy', '--compress', '-o', 'v.npy', says='--compress')
        self.fails(2, 'phantom', 'wire', '--size', '64', '-o', 'p.npy', says=('--size', '--volume', '--columns'))
        self.fails(2, 'phantom', 'wire', '--volume', '--truth', 't.npy', '-o', 'v.npy', says='--truth')

    def test_values_after_a_blank_or_an_equals_sign(self):
        self.phantom(output='a.npy')
        self.kvox('phantom', 'shepp-logan', '--views=90', '--columns=65', '--output=b.npy')
        self.kvox('phantom', '--views=90', '-oc.npy', '--columns=65', '--', 'shepp-logan')
        self.assertEqual(self.read('a.npy'), self.read('b.npy'))
        self.assertEqual(self.read('a.npy'), self.read('c.npy'))

    def test_memory_suffixes(self):
        for text, value in (('64M', 64 << 20), ('64MiB', 64 << 20), ('1G', 1 << 30), ('500MB', 500000000),
                            ('4096', 4096), ('512k', 512 << 10), ('1.5KiB', 1536), ('7B', 7)):
            self.assertEqual(self.kvox('info', '--memory', text)['memory_limit'], value, text)


class Info(Case):
    def test_tells_what_there_is(self):
        info = self.kvox('info')
        for key in ('kvox', 'cpu_level', 'cpu_detected', 'backend', 'backend_reason', 'fft', 'threads', 'formats',
                    'peak_memory_bytes', 'devices'):
            self.assertIn(key, info)
        self.assertEqual(info['backend'], 'opencl' if any(d['chosen'] for d in info['devices']) else 'cpu')
        self.assertEqual(info['devices'] == [], 'no_devices' in info)
        formats = {row['extension']: row for row in info['formats']}
        self.assertEqual(formats['.npy'], {'extension': '.npy', 'read': ['volume', 'scan', 'geometry', 'k-space'],
                                           'write': ['volume', 'scan', 'geometry', 'k-space', 'image']})
        self.assertEqual(formats['.dat'], {'extension': '.dat', 'read': ['k-space'], 'write': []})

    def test_options_and_environment_choose(self):
        clean = {'KVOX_CPU': '', 'KVOX_THREADS': '', 'KVOX_BACKEND': '', 'KVOX_DEVICE': ''}
        self.assertEqual(self.kvox('info', '--threads', '3', env=clean)['threads'], 3)
        self.assertEqual(self.kvox('info', '--cpu', 'ref', env=clean)['cpu_level'], 'ref')
        self.assertEqual(self.kvox('info', env={**clean, 'KVOX_CPU': 'ref'})['cpu_level'], 'ref')
        self.assertEqual(self.kvox('info', '--backend', 'cpu', env=clean)['backend_reason'], 'asked for')
        self.fails(1, 'info', '--device', 'no such device', env=clean, says='OpenCL')
        self.fails(1, 'info', '--threads', '100000', env=clean, says='threads is 100000')
        self.fails(1, 'info', env={**clean, 'KVOX_CPU': 'pentium'}, says='KVOX_CPU is "pentium"')

    def test_devices_are_listed_and_chosen(self):
        clean = {'KVOX_BACKEND': '', 'KVOX_DEVICE': ''}
        devices = self.kvox('info', '--backend', 'cpu', env=clean)['devices']
        self.assertFalse(any(device['chosen'] for device in devices))
        usable = [device for device in devices if 'unusable' not in device]
        if not usable:
            self.skipTest('skipped: no OpenCL device')
        number = usable[0]['index']
        info = self.kvox('info', '--device', str(number), env=clean)
        self.assertEqual([d['chosen'] for d in info['devices']], [d['index'] == number for d in devices])
        self.assertEqual(info['devices'][number]['reason'], f'asked for: its number is {number}')
        self.assertEqual((info['backend'], info['device']), ('opencl', usable[0]['name']))
        self.assertEqual(self.kvox('info', env={**clean, 'KVOX_DEVICE': str(number)})['backend_reason'],
                         f'asked for by KVOX_DEVICE: its number is {number}')
        self.fails(1, 'info', '--backend', 'opencl', '--device', '999999', env=clean, says=usable[0]['name'])
        # The environment's wish is met by the CPU, with a note; the option has to be met.
        done = self.call('info', '--json', env={**clean, 'KVOX_DEVICE': 'no such device'})
        self.assertEqual(json.loads(done.stdout)['backend'], 'cpu')
        self.assertIn('note: computing on the CPU: ', done.stderr)

    def test_for_the_eye_and_quiet(self):
        done = self.call('info')
        self.assertRegex(done.stdout, r'(?m)^cpu_level +\w+$')
        self.assertEqual(self.call('info', '--quiet').stdout, '')
        self.assertNotEqual(self.call('info', '--quiet', '--json').stdout, '')

    def test_a_full_standard_output_is_told(self):
        if not os.path.exists('/dev/full'):
            self.skipTest('skipped: no /dev/full')
        with open('/dev/full', 'w') as full:
            done = subprocess.run([harness.COMMAND, 'info', '--json'], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('standard output', done.stderr)


class Lists(Case):
    def test_lists(self):
        names = [row['name'] for row in self.kvox('phantom', '--list')['phantoms']]
        self.assertIn('shepp-logan', names)
        self.assertIn('forbild-head', names)
        cases = [row['name'] for row in self.kvox('bench', '--list')['cases']]
        self.assertEqual(cases, ['ct-slice-512', 'ct-stack-512x64'])


class Terminal(Case):
    def on_terminal(self, *words):
        """Standard error of a run that has a terminal there."""
        main, other = pty.openpty()
        process = subprocess.Popen([harness.COMMAND, *words], cwd=self.folder, stdout=subprocess.PIPE, stderr=other)
        os.close(other)
        text = b''
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
        os.close(main)
        out = process.communicate()[0]
        self.assertEqual(process.returncode, 0, text)
        return text.decode(), out

    def test_progress_on_a_terminal_alone(self):
        self.phantom()
        words = ('ct', 'p.npy', '-o', 'v.npy', '--json')
        shown, out = self.on_terminal(*words)
        self.assertRegex(shown, r'\[#*\.*\] +\d+ %')
        self.assertEqual(re.sub(r'\r[^\r]*', '', shown), '')  # the bar is wiped away
        json.loads(out)
        self.assertEqual(self.on_terminal(*words, '--quiet')[0], '')
        self.assertEqual(self.call(*words).stderr, '')


if __name__ == '__main__':
    harness.main()
