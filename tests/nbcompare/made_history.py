"""Bundles of a history without an engine: records of one that was run, with other figures, limits and commits."""

import copy
import datetime
import hashlib
import json

FIRST = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def stamp_of(number):
    """The stamp of the run of that number: one every hour."""
    return (FIRST + datetime.timedelta(hours=number)).strftime("%Y%m%dT%H%M%SZ")


def made_record(base, stamp, case="small", *, values=(), limits=(), commit="a" * 40, seconds=(1.0, 2.0), cell=(),
                subjects=None):
    """A record like ``base`` (plain values). ``values`` gives figures and ``limits`` (min, max) by (metric, region),
    a limit of None takes the threshold away; the verdict follows. ``subjects`` gives figures of further ones,
    by name."""
    values, limits = dict(values), dict(limits)
    record = copy.deepcopy(base)
    record["stamp"] = stamp
    record["case"] |= {"name": case, "cell": dict(cell)}
    checks = []
    for check in record["verdict"]["checks"]:
        threshold = check["threshold"]
        key = (threshold["metric"], threshold["roi"])
        if key in limits and limits[key] is None:
            continue
        low, high = limits.get(key, (threshold["min"], threshold["max"]))
        value = values.get(key, check["value"])
        holds = value is not None and (low is None or value >= low) and (high is None or value <= high)
        checks.append({**check, "threshold": {**threshold, "min": low, "max": high}, "value": value, "holds": holds,
                       "undefined": "there is no signal" if value is None else None})
    further = [{"name": name, "words": ["-x"], "run": record["runs"][1],
                "comparison": with_figures(record["comparison"], dict(figures))} for name, figures in
               (subjects or {}).items()]
    if further:
        record["findings"]["subjects"] = further
    record["comparison"] = with_figures(record["comparison"], values)
    record["case"]["thresholds"] = [check["threshold"] for check in checks]
    passed = all(check["holds"] for check in checks)
    record["verdict"] = {"word": "PASS" if passed else "FAIL", "exit_code": 0 if passed else 3, "checks": checks,
                         "reasons": [] if passed else ["outside"]}
    for state in record["repositories"].values():
        state |= {"root": "/repository", "sha": commit, "dirty": False}
    for run, taken in zip(record["runs"], seconds, strict=True):
        run["seconds"] = taken
    if values:
        record["runs"][1]["image_sha256"] = hashlib.sha256(repr(values).encode()).hexdigest()
    return record


def with_figures(comparison, values):
    """A comparison with other values of figures, by (metric, region)."""
    changed = copy.deepcopy(comparison)
    for region in changed["regions"]:
        for figure in region["figures"]:
            key = (figure["metric"], region["roi"]["name"])
            if key in values:
                figure |= {"value": values[key], "undefined": None if values[key] is not None else "no signal"}
    return changed


def write_record(root, record):
    """The folder of a bundle that holds this record and a manifest of it alone."""
    folder = root / record["case"]["name"] / record["stamp"]
    folder.mkdir(parents=True)
    text = json.dumps(record, indent=2)
    (folder / "record.json").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (folder / "manifest-sha256.txt").write_text(f"{digest}  record.json\n")
    return folder
