"""The bundled torch simulator with the defect of nanoBragg C that is called phi-carryover: the program of the story,
where nobody has it."""
import subprocess
import sys

DEFECT = ["-emulate", "phi-carryover"]
sys.exit(subprocess.run([sys.executable, "-m", "nanobrag_torch", *sys.argv[1:], *DEFECT], check=False).returncode)
