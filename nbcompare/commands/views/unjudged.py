"""What is told where nothing was judged: a command that was called wrongly, was stopped, or did not end.

It needs none of the libraries by which images are judged, as it is also written before anything is loaded.
"""

from __future__ import annotations

from xml.etree import ElementTree

from nbcompare.commands.views.escaped import for_xml, plain

ERROR = "ERROR"
_MOST = 100_000
"""Characters of a sentence that are told, so that the form stays within its size."""


def junit_of(name: str, text: str) -> str:
    """A suite of one test that is an error."""
    text = text[:_MOST]
    counts = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0", "time": "0"}
    root = ElementTree.Element("testsuites", {"name": "nb-compare", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": for_xml(name), **counts})
    test = ElementTree.SubElement(suite, "testcase", classname=for_xml(name), name="verdict", time="0")
    said = ElementTree.SubElement(test, "error", type=ERROR, message=for_xml(text.partition("\n")[0]))
    said.text = for_xml(text)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def markdown_of(name: str, text: str) -> str:
    """A headline and what happened."""
    return f"## {plain(name)}: nothing was judged\n\n{ERROR}: {plain(text[:_MOST])}\n"
