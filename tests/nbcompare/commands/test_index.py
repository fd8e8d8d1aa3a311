"""nb-compare index: every bundle of a folder on one still page, whatever the bundles hold."""

import base64
import hashlib
import html
import json
import os
import re
from pathlib import Path

import pytest

from nbcompare.bundle.history.cache import CACHE, Cache
from nbcompare.bundle.history.kept import read_history
from nbcompare.commands.views.index.runs import margin_class
from tests.nbcompare.made_history import made_record, stamp_of, write_record

RATIO = ("sum_ratio", "full")
BUNDLES = Path("bundles")


def off_by(difference):
    """Sum ratios that are off by this; a margin of 0.01 / difference."""
    return {RATIO: 1 + difference, ("sum_ratio", "middle"): 1 + difference}


@pytest.fixture
def write(made_once, nb, tmp_path):
    """Write the runs of a case, from what is other in each."""
    base = json.loads((min((made_once / "small").iterdir()) / "record.json").read_text())

    def call(case, *runs, title="a case"):
        return [write_record(tmp_path / BUNDLES, {**record, "case": {**record["case"], "title": title}})
                for at, run in enumerate(runs)
                for record in [made_record(base, stamp_of(at), case, **run)]]

    return call


@pytest.fixture
def page(nb):
    def call(*words):
        said = nb("index", *words)
        assert (said.code, said.out) == (0, "bundles/index.html\n"), said.err
        return (BUNDLES / "index.html").read_text(encoding="utf-8")

    return call


def first_table(text):
    """The words of each row of the table of cases."""
    rows = text.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]
    return [html.unescape(re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", row, flags=re.DOTALL)))
            for row in rows]


def test_cases_stand_in_the_order_of_their_smallest_margin(write, page):
    """After those that are not accepted; their newest run counts, not an older one that was worse."""
    write("far", {"values": off_by(0.009)}, {"values": off_by(1e-5)})
    write("near", {"values": off_by(0.005)})
    write("outside", {"values": off_by(0.02)})
    write("same", {})
    record = json.loads(max(Path("bundles/far").iterdir()).joinpath("record.json").read_text())
    record["case"]["name"], record["verdict"] = "blocked", {**record["verdict"], "word": "BLOCKED", "exit_code": 8}
    write_record(BUNDLES, record)  # with figures that hold, and no evidence all the same
    Path("bundles/no-bundle/20260101T000000Z").mkdir(parents=True)
    text = page()
    rows = first_table(text)
    assert [row.split()[0] for row in rows] == ["no-bundle", "outside", "blocked", "near", "far", "same"]
    details = re.findall(r'<details id="case-(\d)"><summary><b>([^<]+)', text)
    assert details == [(str(at), row.split()[0]) for at, row in enumerate(rows)]  # below they stand in the same order
    assert "FAIL" in rows[1] and "0.5 x" in rows[1] and "sum_ratio on full" in rows[1]
    assert "1,000 x" in rows[4] and "identical" in rows[5]


def test_a_stamp_leads_to_its_page_where_there_is_one_else_to_its_bundle(write, page):
    first, _ = write("a b#c", {}, {})
    (first.parent / "pages").mkdir()
    (first.parent / f"pages/{first.name}.html").write_text("the page")
    text = page()
    assert f'href="./a%20b%23c/pages/{stamp_of(0)}.html"' in text and f'href="./a%20b%23c/{stamp_of(1)}/"' in text


def test_what_changed_and_what_was_loosened_is_told_between_neighbours(write, page):
    write("small", {"values": off_by(0.001)},
          {"values": off_by(0.003), "limits": {RATIO: (0.9, 1.1)}, "commit": "b" * 40})
    text = html.unescape(page())
    assert "LOOSENED sum_ratio on full: was 0.99 .. 1.01, now 0.9 .. 1.1; why: same scale" in text
    assert "SHRANK sum_ratio on middle: from 10 x to 3.33 x, 3 times smaller" in text
    assert "commit of the project, subject, reference, harness: aaaaaaaaaaaa → bbbbbbbbbbbb" in text
    assert "seconds of subject (line) and reference (dashed), 0 to 2 s<" in text


def test_a_cell_of_a_pass_has_the_colour_of_its_margin_and_which_one_shrank_is_said(write, page):
    """Near its limit a pass is not as dark as an identical one; a failure has the colour of its verdict."""
    write("small", {}, {"values": off_by(0.006)}, {"values": off_by(0.02)}, {"values": off_by(0.001)},
          {"values": off_by(0.004)})
    text = page()
    strip = text.partition('<div class="strip">')[2].partition("</div>")[0]
    cells = [words.replace(" flag", "") for words in re.findall(r'class="cell ([^"]+)"', strip)]
    assert cells == ["m6", "m1", "bad", "m3", "m2"]
    assert 'class="shrank">shrank: sum_ratio on full and 1 more<' in text


def test_a_sweep_is_a_map_over_its_axes_in_the_order_of_their_numbers(write, page):
    for phi in (0, 10, 9):
        for size in ("small", "large"):
            cell = {"-phi": f"phi{phi}", "size": size}
            write(f"s.phi{phi}-{size}", {"values": off_by(0.001 * (1 + phi)), "cell": cell})
    text = page()
    heat = text.partition('<table class="heat">')[2].partition("</table>")[0]
    assert re.findall(r'scope="col">([^<]+)', heat) == ["phi0", "phi9", "phi10"]
    assert re.findall(r'scope="row">([^<]+)', heat) == ["large", "small"]
    assert heat.count('<td class="hot m') == 6 and "4 of 6 cells accepted" in text
    (row,) = first_table(text)
    assert "0.909 x" in row  # the worst cell stands for the sweep


def test_the_page_runs_nothing_fetches_nothing_and_escapes_everything(write, page):
    hostile = '"><script src=http://evil/x.js></script><b onload=alert(1)>'
    write("small", {"commit": "<i>x</i>" * 5}, title=hostile)
    (BUNDLES / "<img src=x onerror=alert(1)>" / stamp_of(1)).mkdir(parents=True)
    text = page()
    assert not re.search(r"<(script|img|i|b onload|iframe|link|object)\b", text)
    assert not re.search(r"\b(src|srcset|action)=", re.sub(r"&lt;.*?&gt;", "", text))
    assert html.escape(hostile, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in text
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)', text)[1])
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "style=" not in text  # which this policy would not let through


@pytest.mark.parametrize(("margin", "shown"), [(0.99, "m0"), (1.0, "m1"), (2.0, "m2"), (99.0, "m4"), (100.0, "m5"),
                                                (float("inf"), "m6"), (None, "none")])
def test_the_colour_of_a_margin_changes_at_its_bounds(margin, shown):
    assert margin_class(margin) == shown


# --- damage ------------------------------------------------------------------------------------------------------


def test_what_is_damaged_or_foreign_is_a_row_that_says_so(write, page):
    changed, foreign, pipe, text, empty = write("small", *[{}] * 5)
    (changed / "record.json").write_text((changed / "record.json").read_text() + " ")
    foreign.rename(foreign.parent.parent / "foreign")
    (BUNDLES / "other").mkdir()
    (BUNDLES / "foreign").rename(BUNDLES / "other" / stamp_of(9))
    (pipe / "record.json").unlink()
    os.mkfifo(pipe / "record.json")
    (text / "manifest-sha256.txt").write_bytes(b"\xff\x1b[2J")
    (empty / "record.json").unlink()
    (BUNDLES / "signoffs/P1").mkdir(parents=True)
    (BUNDLES / "signoffs/P1/20260101T000000Z.json").write_text("{")
    said = page()
    told = re.findall(r'<td colspan="\d+">([^<]+)', said)
    assert sum("not the file that its manifest names" in words for words in told) == 1
    for words in ("its record is that of small/", "not an ordinary file", "not UTF-8", "No such file", "no sign-off"):
        assert any(words in entry for entry in told), (words, told)
    assert "\x1b" not in said and len(told) == 6


def test_a_signed_bundle_that_is_another_one_now_is_told(write, page):
    (folder,) = write("small", {})
    statement = {"_type": "https://in-toto.io/Statement/v1",
                 "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
                 "subject": [{"name": f"small/{folder.name}/manifest-sha256.txt", "digest": {"sha256":
                     hashlib.sha256((folder / "manifest-sha256.txt").read_bytes()).hexdigest()}}],
                 "predicate": {"result": "PASSED", "failedTests": [], "phase": "P1", "signedBy": "Ann <a@b>",
                               "signedOn": "2026-01-01T00:00:00+00:00", "requires": {}, "configuration": [{}]}}
    home = BUNDLES / "signoffs/P1"
    home.mkdir(parents=True)
    (home / "20260101T000000Z.json").write_text(json.dumps(statement))
    assert "not any more" not in page()
    (folder / "manifest-sha256.txt").write_text((folder / "manifest-sha256.txt").read_text() + "\n")
    said = page()
    assert "not any more: small/" in said and "Ann &lt;a@b&gt;" in said and "with a signature" not in said
    statement["predicate"] |= {"signedBy": "Bob <b@c>", "signedOn": "2026-01-02T00:00:00+00:00", "result": "WARNED"}
    (home / "20260102T000000Z.json").write_text(json.dumps(statement))
    (home / "20260102T000000Z.json.sig").write_text("a signature")
    newest = html.unescape(re.sub(r"<[^>]+>|\s+", " ", page().partition("signed off</h2>")[2]))
    assert "20260102T000000Z of 2 WARNED Bob <b@c>, with a signature" in re.sub(" +", " ", newest)
    assert "Ann" not in newest


# --- the cache ----------------------------------------------------------------------------------------------------


def taken_from_cache():
    return read_history(BUNDLES, cache=Cache(BUNDLES / CACHE)).from_cache


def test_the_second_page_is_the_same_and_reads_no_record_again(write, page):
    write("small", {"values": off_by(0.001)}, {"values": off_by(0.02), "limits": {RATIO: None}})
    first = page()
    assert taken_from_cache() == 2
    assert page() == first == page("--no-cache")


def test_a_record_that_was_changed_is_told_although_the_cache_knows_the_bundle(write, page):
    (folder,) = write("small", {})
    page()
    record = folder / "record.json"
    record.write_text(record.read_text().replace('"PASS"', '"FAIL"'))
    assert taken_from_cache() == 0 and "not the file that its manifest names" in page()


def test_a_cache_with_a_changed_byte_is_not_trusted(write, page):
    write("small", {"values": off_by(0.02)})
    page()
    kept = BUNDLES / CACHE
    kept.write_text(kept.read_text().replace('"FAIL"', '"PASS"'))
    assert taken_from_cache() == 0 and "FAIL" in first_table(page())[0]
    assert taken_from_cache() == 1  # it was written anew


@pytest.mark.parametrize("damage", ["", "{}", "\0", "[1", '{"kind": 1}\n[]'])
def test_a_damaged_cache_is_no_error(write, page, damage):
    write("small", {})
    first = page()
    (BUNDLES / CACHE).write_text(damage)
    assert page() == first and taken_from_cache() == 1


def test_a_cache_that_somebody_else_could_have_written_is_not_read(write, page):
    write("small", {})
    page()
    (BUNDLES / CACHE).chmod(0o666)
    assert taken_from_cache() == 0


def test_an_entry_counts_for_its_manifest_alone(write, page):
    """The bundle is replaced by another one of the same name."""
    (folder,) = write("small", {"values": off_by(0.001)})
    page()
    for name in ("record.json", "manifest-sha256.txt"):
        (folder / name).unlink()
    folder.rmdir()
    write("small", {"values": off_by(0.02)})
    assert "FAIL" in first_table(page())[0]


# --- what costs more, on request ------------------------------------------------------------------------------------


def test_pages_of_the_newest_runs_are_written_and_led_to(store, page, nb):
    """Of the failed and the crashed run; that which is damaged gets none, and the others do."""
    (store.failed / "inputs/c_cli_stdout.txt").chmod(0o644)
    (store.failed / "inputs/c_cli_stdout.txt").write_text("changed")
    said = nb("index", "--pages", 2)
    assert said.code == 0 and f"no page of small/{store.failed.name}" in said.err
    assert [path.name for path in Path("bundles/small/pages").glob("*.html")] == [f"{store.crashed.name}.html"]
    assert f'href="./small/pages/{store.crashed.name}.html"' in page()


def test_the_page_is_no_change_of_a_tree_whose_bundles_are_committed(write, page):
    """What somebody wrote to be overlooked stands."""
    write("small", {})
    page()
    assert (BUNDLES / ".gitignore").read_text() == "/index.html\n/.gitignore\n"
    (BUNDLES / ".gitignore").write_text("*.bin\n")
    page()
    assert (BUNDLES / ".gitignore").read_text() == "*.bin\n"


def test_gates_of_a_plan_are_looked_into(store, nb, small_case):
    Path("phases.yaml").write_text(
        "title: t\nphases:\n"
        "  - {name: N1, title: it is <there>, cases: [small.yaml], requires: {inputs_unchanged: true}}\n"
        "  - {name: N2, title: they agree, cases: [small.yaml], requires: {verdict: [PASS]}}\n")
    assert nb("index", "--phases", "phases.yaml").code == 0
    text = (BUNDLES / "index.html").read_text(encoding="utf-8")
    gates = html.unescape(re.sub(r"<[^>]+>", " ", text.partition("<h2>Gates</h2>")[2].partition("</table>")[0]))
    assert gates.count("GREEN") == gates.count("RED") == 1 and "it is <there>" in gates
    assert "small: verdict" in gates and f"small/{store.crashed.name}" in gates


def test_which_margin_shrank_most_and_how_many_runs_are_older_than_the_strip_is_said(write, page):
    """Of 61 runs 60 have a cell; in the newest one both ratios came nearer to their limit, that of the middle more,
    which is the first of the thresholds too."""
    middle = ("sum_ratio", "middle")
    write("small", *[{"values": off_by(0.001)}] * 60, {"values": {RATIO: 1.004, middle: 1.009}})
    text = page()
    (row,) = first_table(text)
    assert "shrank: sum_ratio on middle and 1 more" in row and "and 1 older" in row
    assert re.findall(r"<tr><td>(\w+ on \w+)</td>", text)[:2] == ["sum_ratio on middle", "sum_ratio on full"]
