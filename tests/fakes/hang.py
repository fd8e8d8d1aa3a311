"""An engine that never ends, and neither does its child."""
import subprocess
import sys
import time

if "-version" not in sys.argv:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("child", child.pid, flush=True)
    time.sleep(600)
