"""What is looked at while an engine runs is what its account needs in the end, and is not looked at again then."""

import sysconfig
import time
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
    table, calls = tmp_path / "table", FileUses()
    table.write_text("1\n")
    installed = Path(sysconfig.get_path("purelib"), "click", "core.py")
    account = ahead()
    account.sees(calls)
    with edited.scanned_once():
        with made_ready(account.steps()):
            for path in ("/proc/self/status", table, tmp_path / "none", installed):
                calls.opened(str(path), 0)
            until = time.monotonic() + 30
            while not edited._SCANS.get() and time.monotonic() < until:
                time.sleep(0.01)
            account.ended(SimpleNamespace(opened={}), "subject")
        assert [listing for listing, _ in edited._SCANS.get()] == [
            opened_kinds.entry_of(opened_kinds.kind_of(str(installed))).listing]
        monkeypatch.setattr(edited, "_edited_files", lambda _: pytest.fail("looked through again"))
        opened, changed = opened_by(calls)
    assert {Path(entry.path).name for entry in opened.files} == {"table", "RECORD"} and not changed
    assert opened.absent == (str(tmp_path / "none"),)


def test_accounts_of_a_sweep_are_its_own():
    """They are kept from cell to cell."""
    kept = ahead(SimpleNamespace(renderer="of the sweep", account=None, shown=None, needed_after=()))
    assert kept.steps() == ()
    kept.ended(SimpleNamespace(opened={"subject": FileUses()}), "subject")
    kept._meanwhile.wait()
