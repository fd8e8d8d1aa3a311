"""What is looked at while an engine runs is what its account needs in the end, and is not looked at again then."""

import os
import sysconfig
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.sources import edited, opened_kinds
from nbcompare.engine.sources.account import opened_by
from nbcompare.run import rehearsal
from nbcompare.run.account_ahead import AccountAhead
from nbcompare.run.options import NOTHING
from nbcompare.run.ready import Meanwhile, made_ready


def ahead(handed=NOTHING, folder=Path("/nowhere")):
    staged = SimpleNamespace(identities={}, engines={}, bundle=SimpleNamespace(folder=folder), case=None)
    return AccountAhead(staged, handed, Meanwhile(), lambda: None)


def test_what_an_engine_opens_is_looked_at_while_it_runs(tmp_path, monkeypatch):
    """Its own files, and those of a distribution, with the list that it brought; of what it looked for in vain nothing
    but the name."""
    table, calls = tmp_path / "table", FileUses()
    table.write_text("1\n")
    monkeypatch.setattr("nbcompare.run.account_ahead._rehearse", lambda _: None)
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


def test_what_was_opened_is_put_together_while_an_engine_writes_and_not_again_where_that_was_all(tmp_path, monkeypatch):
    """What it opens afterwards counts: then it is put together anew in the end. What the kernel shows does not."""
    table, own, calls, given = tmp_path / "table", tmp_path / "bundle", FileUses(), []
    table.write_text("1\n")
    own.mkdir()
    monkeypatch.setattr("nbcompare.run.account_ahead.account_of", lambda _staged, _role, seen, _: given.append(
        sorted(map(os.path.basename, seen.uses))) or (None, []))
    monkeypatch.setattr("nbcompare.run.account_ahead._rehearse", lambda _: None)
    for more in ((), ("/proc/1/fd",), ("late",)):
        account = ahead(SimpleNamespace(renderer=None, account=None, needed_after=(), shown=SimpleNamespace(
            of=lambda *_: None)), own)
        account._staged.identities["subject"] = SimpleNamespace(as_dict=dict)
        account.sees(calls)
        with made_ready(account.steps()):
            calls.opened(str(table), 0)
            calls.opened(str(own / "image"), os.O_WRONLY)
            until = time.monotonic() + 30
            while not given and time.monotonic() < until:
                time.sleep(0.01)
            for name in more:
                calls.opened(os.path.join(tmp_path, name), 0)
            account.ended(SimpleNamespace(opened={"subject": calls.outside(own)}), "subject")
            account._meanwhile.wait()
        assert given == [["table"], *([["late", "table"]] if "late" in more else [])]
        given.clear()


@pytest.mark.parametrize("name", ["schema_faults", "compare_images", "conclude", "radial_profiles", "region_picture"])
def test_a_rehearsal_does_what_follows_the_engines(name, monkeypatch):
    """Else what it is for would be done for the first time when they have ended."""
    real, done = getattr(rehearsal, name), []
    monkeypatch.setattr(rehearsal, name, lambda *given, **named: done.append(real(*given, **named)) or done[-1])
    rehearsal.rehearse(SimpleNamespace(figures_asked={("rmse", "full")}))
    assert len(done) == 1


def test_accounts_of_a_sweep_are_its_own():
    """They are kept from cell to cell."""
    kept = ahead(SimpleNamespace(renderer="of the sweep", account=None, shown=None, needed_after=()))
    assert kept.steps() == ()
    kept.ended(SimpleNamespace(opened={"subject": FileUses()}), "subject")
    kept._meanwhile.wait()
