"""An engine that dies of a segmentation fault after writing its image."""
import os
import signal

from _image import pixels, write

write(pixels())
print("last words", flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
