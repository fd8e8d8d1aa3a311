"""``python -m nanobrag_torch``.

Three things of a short-lived process are spared, a third of the time that importing torch takes: searching for
reference cycles among the modules while they are imported, taking torch apart at the end, and a core that NumPy's
OpenBLAS keeps busy for a tenth of a second while its threads, which nothing here uses, look for work.
"""

import gc
import os
import sys

from nanobrag_torch.import_once import modules_looked_at_once

with modules_looked_at_once():
    if sys.argv[1:] not in (["-version"], ["--version"]):
        from nanobrag_torch.cli import main
    else:
        from nanobrag_torch.version import print_version as main

if __name__ == "__main__":
    if "-batch" not in sys.argv:
        gc.disable()
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        from nanobrag_torch.cli import BAD_INPUT

        status = BAD_INPUT
    os._exit(status)
