"""The bundled torch simulator, deaf to -flux: the defect that was once signed off."""
import subprocess
import sys

words = sys.argv[1:]
if "-flux" in words:
    at = words.index("-flux")
    del words[at:at + 2]
sys.exit(subprocess.run([sys.executable, "-m", "nanobrag_torch", *words], check=False).returncode)
