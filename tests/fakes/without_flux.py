"""The bundled torch simulator, deaf to -flux: the defect that was once signed off. It passes a batch on as well."""
import json
import subprocess
import sys

SIMULATOR = [sys.executable, "-m", "nanobrag_torch"]


def deaf(words):
    words = list(words)
    if "-flux" in words:
        at = words.index("-flux")
        del words[at:at + 2]
    return words


if "-batch" not in sys.argv:
    sys.exit(subprocess.run([*SIMULATOR, *deaf(sys.argv[1:])], check=False).returncode)
with subprocess.Popen([*SIMULATOR, *sys.argv[1:]], stdin=subprocess.PIPE, text=True) as simulator:
    for line in sys.stdin:
        request = json.loads(line)
        simulator.stdin.write(json.dumps({**request, "argv": deaf(request["argv"])}) + "\n")
        simulator.stdin.flush()
    simulator.stdin.close()
