"""docs/command.md: every option of every verb is there, and its examples run."""

import pathlib
import re
import subprocess

import harness
from harness import Case

PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'command.md'


class Page(Case):
    def test_options_are_those_of_the_helps(self):
        sections = re.split(r'(?m)^## ', PAGE.read_text())[1:]
        told = {s.split('\n')[0].split()[-1].strip('`'): set(re.findall(r'--[a-z][a-z0-9-]+', s)) for s in sections}
        common = {'--backend', '--device', '--program-cache', '--cpu', '--threads', '--memory', '--json', '--quiet', '--help'}
        for verb in ('info', 'phantom', 'ct', 'mri', 'compare', 'bench'):
            options = set(re.findall(r'(?m)^  (?:-\w, )?(--[a-z0-9-]+)', self.call(verb, '--help').stdout))
            self.assertLessEqual(options - common - {'--output'}, told[verb], verb)
            self.assertLessEqual(told[verb], options | {'--list'}, verb)

    def test_examples_run(self):
        blocks = re.findall(r'(?ms)^```sh\n(.*?)^```', PAGE.read_text())
        self.assertGreater(len(blocks), 3)
        script = 'set -eu\nkvox() { "$KVOX" "$@"; }\n' + ''.join(blocks)
        done = subprocess.run(['sh', '-c', script], cwd=self.folder, env={'KVOX': harness.COMMAND, 'PATH': '/usr/bin:/bin'},
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == '__main__':
    harness.main()
