"""Defects of the structure factors: another list, another order of the indices, some of them missing or changed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nbcompare.explain.audit.arguments import drop, name_of_file, number, put, values
from nbcompare.explain.audit.kind import Defect, NotApplicable, Target, kind, of_arguments, of_file

Reflection = tuple[int, int, int, float]


def _listed(target: Target) -> tuple[str, list[Reflection]]:
    """The name of the list and its reflections."""
    name = name_of_file(target.argv, "-hkl")
    rows = [line.split() for line in target.files[name].splitlines()]
    found = [(int(float(h)), int(float(k)), int(float(l)), float(f)) for h, k, l, f, *_ in filter(None, rows)]
    if len(found) < 20:
        raise NotApplicable("the list of structure factors is too short")
    return name, found


def _other(target: Target, words: str, change: Callable[[Reflection], Reflection | None]) -> Defect:
    """Every reflection changed by itself; None drops it."""
    name, found = _listed(target)
    return _written(target, words, name, [new for new in map(change, found) if new is not None])


def _written(target: Target, words: str, name: str, reflections: list[Reflection]) -> Defect:
    return of_file(target, words, name, "".join(f"{h:4d}{k:4d}{l:4d} {f:.6f}\n" for h, k, l, f in reflections))


# --- indices -----------------------------------------------------------------------------------------------------


@kind("friedel-mates", "physics", "F(-h,-k,-l) is used for F(h,k,l)", named_by=("hkl-friedel",))
def friedel_mates(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _other(target, "indices with the opposite sign", lambda r: (-r[0], -r[1], -r[2], r[3]))


@kind("index-off-by-one", "physics", "an index is off by one", named_by=("hkl-off-by-one",))
def index_off_by_one(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    move = [0, 0, 0]
    move[int(draw.integers(3))] = 1 if draw.random() < 0.5 else -1
    return _other(target, f"indices moved by {move}", lambda r: (r[0] + move[0], r[1] + move[1], r[2] + move[2], r[3]))


@kind("indices-exchanged", "physics", "two indices are exchanged", named_by=("hkl-order",))
def indices_exchanged(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    order = ((1, 0, 2), (0, 2, 1), (2, 1, 0))[int(draw.integers(3))]

    def exchanged(reflection: Reflection) -> Reflection:
        hkl = reflection[:3]
        return hkl[order[0]], hkl[order[1]], hkl[order[2]], reflection[3]

    return _other(target, f"indices in the order {order}", exchanged)


# --- values ------------------------------------------------------------------------------------------------------


@kind("list-shuffled", "physics", "the structure factors are those of other reflections", named_by=(
    "spot-intensities", "reflection-changed"))
def list_shuffled(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    name, found = _listed(target)
    amplitudes = draw.permutation([f for *_, f in found])
    return _written(target, "all F permuted", name,
                    [(*r[:3], float(f)) for r, f in zip(found, amplitudes, strict=True)])


@kind("amplitude-for-intensity", "scale", "F is used where F^2 belongs", named_by=("amplitude-not-squared",))
def amplitude_for_intensity(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _other(target, "every F is its square root", lambda r: (*r[:3], math.sqrt(max(0.0, r[3]))))


@kind("reflections-changed", "physics", "some reflections have other amplitudes", full=0.1, unit="of them", named_by=(
    "reflection-changed", "spot-intensities"))
def reflections_changed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    name, found = _listed(target)
    chosen = draw.random(len(found)) < amount
    factors = np.where(chosen, draw.uniform(1.2, 1.6, len(found)), 1.0)
    return _written(target, f"{np.count_nonzero(chosen)} F larger", name,
                    [(*r[:3], r[3] * f) for r, f in zip(found, factors, strict=True)])


@kind("reflections-missing", "physics", "some reflections are not in the list", full=0.1, unit="of them", named_by=(
    "reflection-missing",))
def reflections_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    name, found = _listed(target)
    kept = [r for r, lost in zip(found, draw.random(len(found)) < amount, strict=True) if not lost]
    return _written(target, f"{len(found) - len(kept)} of {len(found)} left out", name, kept)


@kind("list-cut", "physics", "the list of structure factors is read in part", named_by=(
    "hkl-truncated", "reflection-missing"))
def list_cut(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    name, found = _listed(target)
    count = int(len(found) * draw.uniform(0.35, 0.6))
    return _written(target, f"the first {count} of {len(found)}", name, found[:count])


@kind("missing-filled", "physics", "reflections that are not listed get an F", full=30.0, unit="e", named_by=(
    "default-F-value", "reflection-extra"))
def missing_filled(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _listed(target)
    new = number(target.argv, "-default_F", 0.0) + amount
    return of_arguments(target, f"-default_F {new:.6g}", put(target.argv, "-default_F", new))


@kind("resolution-cut", "physics", "a resolution limit is left in", named_by=("dmin-value",))
def resolution_cut(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    new = max(number(target.argv, "-dmin", 0.0), 0.0) + draw.uniform(1.8, 2.4)
    return of_arguments(target, f"-dmin {new:.4f}", put(target.argv, "-dmin", f"{new:.4f}"))


@kind("interpolated", "physics", "structure factors are interpolated between reflections", named_by=(
    "interpolation-value", "interpolation-ignored"))
def interpolated(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    if values(target.argv, "-interpolate") is not None:
        raise NotApplicable("the command asks for interpolation")
    argv = tuple(word for word in target.argv if word != "-nointerpolate")
    return of_arguments(target, "-interpolate", (*argv, "-interpolate"))


# --- the list as a whole -----------------------------------------------------------------------------------------


@kind("list-not-read", "physics", "the list is not read, every reflection has the default F", named_by=("hkl-ignored",))
def list_not_read(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    if not number(target.argv, "-default_F", 0.0):
        raise NotApplicable("without the list there is no F at all")
    _listed(target)
    return of_arguments(target, "no -hkl", drop(target.argv, "-hkl"))


@kind("friedel-merged", "physics", "F(h,k,l) and F(-h,-k,-l) are averaged", named_by=("hkl-friedel-merged",))
def friedel_merged(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    table = {r[:3]: r[3] for r in _listed(target)[1]}

    def merged(r: Reflection) -> Reflection:
        return (*r[:3], (r[3] + table.get((-r[0], -r[1], -r[2]), r[3])) / 2)

    return _other(target, "each F the mean of its pair", merged)


@kind("whole-amplitudes", "physics", "every F is cut to a whole number", named_by=("hkl-rounded",))
def whole_amplitudes(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _other(target, "F cut", lambda r: (*r[:3], float(math.floor(r[3]))))


@kind("amplitude-errors", "physics", "every F has a random error", full=0.05, unit="of F", named_by=(
    "reflection-changed", "spot-intensities"))
def amplitude_errors(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    name, found = _listed(target)
    errors = 1 + amount * draw.normal(size=len(found))
    return _written(target, f"errors of {amount:.3g}", name,
                    [(*r[:3], abs(r[3] * e)) for r, e in zip(found, errors, strict=True)])
