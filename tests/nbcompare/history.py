"""A repository with many commits, made at once: a port that a build makes from a template, with a planted defect, a
stretch that does not build, and a commit whose image depends on chance."""

import subprocess
import sys
from pathlib import Path

PORT = """\
import sys
from array import array

VERSION = {version}
if "-version" in sys.argv:
    print("history 1.", VERSION, sep="")
    sys.exit()
at = {{name: sys.argv[sys.argv.index(name) + 1] for name in ("-detpixels_x", "-detpixels_y", "-floatfile")}}
count = int(at["-detpixels_x"]) * int(at["-detpixels_y"])
values = [float(i * 7919 % 101 + 1) for i in range(count)]
values[count // 2] = 1000.0
scale = {scale}
{chance}
open(at["-floatfile"], "wb").write(array("f", [scale * value for value in values]).tobytes())
"""

CHANCE = """\
with open("".join(map(chr, {codes})), "a+") as tally:
    tally.write("x")
    tally.seek(0)
    scale = 1.3 if len(tally.read()) % 2 else 1.0
"""
"""Every other run gives another image. No text of the port names the file by which it does."""

BUILD = """\
import os
import sys
text = open("port.in").read()
if "#error" in text:
    sys.exit("port.in:1: expected expression before 'error'")
os.makedirs("built", exist_ok=True)
open("built/port.py", "w").write(text)
"""


class History:
    """Commits 1 to ``count`` on a branch ``trunk``. From ``defect`` on images are too bright; ``broken`` ones do not
    build; ``flaky`` ones give the right image every other time, the first time the wrong one."""

    def __init__(self, home: Path, *, count: int = 40, defect: int = 0, broken=(), flaky=()) -> None:
        self.home, self.defect, self.broken, self.flaky = home, defect, set(broken), set(flaky)
        home.mkdir()
        self.git("init", "-q", "-b", "trunk")
        stream = "".join(self._commit(at, self.files(at)) for at in range(1, count + 1))
        subprocess.run(["git", "-C", str(home), "fast-import", "--quiet"], input=stream.encode(), check=True)
        self.git("reset", "-q", "--hard", "trunk")
        subprocess.run([sys.executable, "build.py"], cwd=home, check=True)
        self.shas = self.git("rev-list", "--reverse", "trunk").split()

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.home), "-c", "user.name=A", "-c", "user.email=a@b.c", *words],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def sha(self, at: int) -> str:
        return self.shas[at - 1]

    def files(self, at: int) -> dict[str, str]:
        """What commit number ``at`` holds."""
        codes = [ord(sign) for sign in str(self.home.parent / f"tally-{at}")]
        chance = CHANCE.format(codes=codes) if at in self.flaky else ""
        scale = 1.25 if self.defect and at >= self.defect else 1.0
        text = PORT.format(version=at, scale=scale, chance=chance)
        project = (f"engines:\n  subject:\n    command: built/port.py\n    build: [{sys.executable}, build.py]\n")
        return {"port.in": "#error\n" + text if at in self.broken else text, "build.py": BUILD,
                "nb-compare.yaml": project, ".gitignore": "built/\nbundles/\n"}

    @staticmethod
    def _commit(at: int, files: dict[str, str]) -> str:
        """A commit as git fast-import reads it."""
        def data(text: str) -> str:
            return f"data {len(text.encode())}\n{text}\n"

        said = "".join(f"M 100644 inline {name}\n{data(text)}" for name, text in files.items())
        who = f"committer A <a@b.c> {1_700_000_000 + at} +0000"
        return f"commit refs/heads/trunk\n{who}\n{data(f'change {at}')}{said}\n"
