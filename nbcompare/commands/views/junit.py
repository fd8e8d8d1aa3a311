"""JUnit XML: one suite a case, one test for each threshold in each region.

There is no standard, only what readers accept; the form follows the description that testmoapp/junitxml collected,
and the tests read it back with junitparser.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from nbcompare.commands.views.escaped import for_xml
from nbcompare.commands.views.results import Result, SubjectResult
from nbcompare.verdict.verdict import Check, Label, Verdict

_ERRORS = (Label.ENGINE_FAILED, Label.NOT_COMPARABLE, Label.BLOCKED, Label.CASE_ERROR)
"""Verdicts by which nothing was judged: an error, where a threshold that does not hold is a failure."""


def junit(results: Sequence[Result]) -> str:
    """The XML text of all results. Thresholds of a case whose difference is PROVEN are passed tests that say so."""
    root = ElementTree.Element("testsuites", name="nb-compare")
    for result in results:
        _suite(root, result)
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", f"{sum(result.seconds for result in results):.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, result: Result) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=for_xml(result.name))
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("verdict", str(result.verdict.word)), ("exit_code", str(int(result.verdict.exit_code))),
                        ("bundle", str(result.bundle or "")), *result.properties):
        ElementTree.SubElement(properties, "property", name=for_xml(name), value=for_xml(value))
    tests = [_of_check(suite, result, check) for check in result.verdict.checks]
    tests += [test for subject in result.subjects for test in _of_subject(suite, result, subject)]
    told = any(test.find(tag) is not None for test in tests for tag in ("failure", "error"))
    if not tests or not (result.verdict.accepted or told):
        tests.append(_of_verdict(suite, result))
    tests[0].set("time", f"{result.seconds:.3f}")
    suite.set("tests", str(len(tests)))
    for key, tag in (("failures", "failure"), ("errors", "error")):
        suite.set(key, str(sum(test.find(tag) is not None for test in tests)))
    suite.set("skipped", "0")
    suite.set("time", f"{result.seconds:.3f}")


def _test(suite: ElementTree.Element, result: Result, name: str, check: Check | None) -> ElementTree.Element:
    test = ElementTree.SubElement(suite, "testcase", classname=for_xml(result.name), name=for_xml(name), time="0")
    if result.file:
        test.set("file", for_xml(str(result.file)))
        test.set("line", str(result.line_of(check)))
    return test


def _of_subject(suite: ElementTree.Element, result: Result, subject: SubjectResult) -> list[ElementTree.Element]:
    """Each threshold of a further subject; and one test for what no threshold stands for, such as an engine that
    failed."""
    tests = [_of_check(suite, result, check, f"subject {subject.name}: ") for check in subject.checks]
    if subject.faults and all(check.holds for check in subject.checks):
        test = _test(suite, result, f"subject {subject.name}", None)
        tag = "error" if subject.word in _ERRORS else "failure"
        said = ElementTree.SubElement(test, tag, type=str(subject.word), message=for_xml(subject.faults[0]))
        said.text = for_xml("\n".join(subject.faults))
        tests.append(test)
    return tests


def _of_check(suite: ElementTree.Element, result: Result, check: Check, whose: str = "") -> ElementTree.Element:
    """A threshold. One that does not hold is no failure where the whole difference is proven."""
    name = f"{whose}{check.threshold.roi}: {check.threshold.metric} {check.threshold.allowed}"
    test = _test(suite, result, name, check)
    if check.holds:
        return test
    if result.verdict.word is Label.PROVEN:
        ElementTree.SubElement(test, "system-out").text = for_xml(f"{check.sentence}: outside, by a proven divergence")
        return test
    failure = ElementTree.SubElement(test, "failure", type=str(result.verdict.word), message=for_xml(check.sentence))
    failure.text = for_xml("\n".join(_told(result, check)))
    return test


def _of_verdict(suite: ElementTree.Element, result: Result) -> ElementTree.Element:
    """What no single threshold stands for: an engine that failed, a claim that is not proven, nothing compared."""
    test = _test(suite, result, "verdict", None)
    if result.verdict.accepted:
        return test
    tag = "error" if result.verdict.word in _ERRORS else "failure"
    said = ElementTree.SubElement(test, tag, type=str(result.verdict.word), message=for_xml(_headline(result.verdict)))
    said.text = for_xml("\n".join(_told(result, None)))
    return test


def _headline(verdict: Verdict) -> str:
    return verdict.reasons[0] if verdict.reasons else str(verdict.word)


def _told(result: Result, check: Check | None) -> list[str]:
    lines = [check.sentence, f"why this number: {check.threshold.why}"] if check else list(result.verdict.reasons)
    lines += [f"cause: {result.cause}"] if result.cause else []
    lines += [f"bundle: {result.bundle}"] if result.bundle else []
    return lines + ([f"next: {result.next_step}"] if result.next_step else [])
