"""What is looked at while an engine runs is what its account needs in the end, and is not looked at again then."""

import sysconfig
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.sources import edited, opened_kinds
from nbcompare.engine.sources.opened import opened_by
from nbcompare.run.account_ahead import AccountAhead
from nbcompare.run.options import NOTHING
from nbcompare.run.ready import Meanwhile, made_ready


def ahead(handed=NOTHING):
    return AccountAhead(SimpleNamespace(identities={}, engines={}), handed, Meanwhile())


def test_what_an_engine_opens_is_looked_at_while_it_runs(tmp_path, monkeypatch):
    """Its own files, and those of a distribution, with the list that it brought; of what it looked for in vain nothing
    but the name."""
    table, calls, looked = tmp_path / "table", FileUses(), threading.Event()
    table.write_text("1\n")
    installed = Path(sysconfig.get_path("purelib"), "click", "core.py")
    account = ahead()
    account.sees(calls)
    with edited.scanned_once():
        with made_ready(account.steps()):
            for path in (table, installed, tmp_path / "none"):
                calls.opened(str(path), 0)
            calls.opened("/proc/self/status", 0)
            threading.Timer(0.3, looked.set).start()
            assert looked.wait(10)
            account.ended(SimpleNamespace(opened={}), "subject")
        assert [listing for listing, _ in edited._SCANS.get()] == [
            opened_kinds.entry_of(opened_kinds.kind_of(str(installed))).listing]
        monkeypatch.setattr(edited, "_edited_files", lambda _: pytest.fail("looked through again"))
        opened, changed = opened_by(calls)
    assert {Path(entry.path).name for entry in opened.files} == {"table", "RECORD"} and not changed
    assert opened.absent == (str(tmp_path / "none"),)


def test_accounts_of_a_sweep_are_its_own():
    """They are kept from cell to cell."""
    kept = ahead(SimpleNamespace(renderer="of the sweep", account=None, shown=None))
    assert kept.steps() == ()
    kept.ended(SimpleNamespace(opened={"subject": FileUses()}), "subject")
    kept._meanwhile.wait()
