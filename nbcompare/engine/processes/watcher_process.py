"""The process that watches what engines open, from inside: it answers the calls of engines, and tells nb-compare what
it saw when that asks (watcher.py).

It ends when nb-compare does. The filters' ends are closed then: calls of engines fail, and none waits for ever.
"""

from __future__ import annotations

import gc
import os
import socket
import threading

from nbcompare.engine.processes.answered_calls import AnsweredCalls
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.strays import close_memory
from nbcompare.engine.processes.watcher import END, FORGET, READY, receive, send


def serve() -> None:
    """Take in one program after another, by the socket that is standard input, until nobody can send any more."""
    os.closerange(3, 1 << 20)
    close_memory()  # as that of nb-compare: it says what engines did
    os.chdir("/")
    gc.disable()
    control = socket.socket(fileno=0)
    control.send(READY)
    while True:
        said, handles, _, _ = socket.recv_fds(control, 1, 2)
        if not said:
            os._exit(0)
        report, talk = (socket.socket(fileno=handle) for handle in handles)
        threading.Thread(target=_tell, args=(report, talk), daemon=True, name="tell").start()


def _tell(report: socket.socket, talk: socket.socket) -> None:
    """Answer for one program, and say what it did each time that this is asked."""
    calls = FileUses()
    answered = AnsweredCalls(calls, report)
    word = None
    with talk:
        try:
            while word != END:
                word, names = receive(talk)
                if word == END:
                    answered.end()
                calls.settle()
                if word == FORGET:
                    calls.forget_names(names)
                calls.disk.forget()  # who asks may have changed names himself
                send(talk, calls.changes())
        except (OSError, EOFError):
            pass
        finally:
            if word != END:
                answered.end()
