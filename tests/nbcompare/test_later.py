"""What is made when it is first needed: dataclasses that behave as Python's own, and NumPy."""

import copy
import dataclasses
import pickle

import pytest

from nbcompare import later


class Made:
    """The same classes, by Python's decorator and by ours."""

    def __init__(self, dataclass):
        @dataclass(frozen=True)
        class Point:
            x: int
            names: list = dataclasses.field(default_factory=list, compare=False)
            y: float = 2.0
            unit: str = dataclasses.field(default="mm", kw_only=True)

            @property
            def twice(self):
                return 2 * self.x

        @dataclass(frozen=True)
        class Further(Point):
            z: int = 3

        @dataclass
        class Open:
            x: int
            seen: int = 0

            def __post_init__(self):
                self.seen = self.x + 1

        @dataclass(frozen=True, eq=False)
        class Itself:
            x: int

        @dataclass(frozen=True)
        class Nothing:
            pass

        self.Point, self.Further, self.Open, self.Itself, self.Nothing = Point, Further, Open, Itself, Nothing


PAIR = Made(dataclasses.dataclass), Made(later.dataclass)


def same(of):
    """What both give, or raise, which is asserted to be the same."""
    found = []
    for made in PAIR:
        try:
            found.append(of(made))
        except Exception as fault:
            found.append((type(fault), str(fault)))
    assert found[0] == found[1]
    return found[1]


@pytest.mark.parametrize("of", [
    lambda m: repr(m.Point(1, unit="m")), lambda m: repr(m.Further(1, [2], 3.0, 4)), lambda m: repr(m.Nothing()),
    lambda m: m.Point(1).twice, lambda m: vars(m.Further(1, y=3)), lambda m: vars(m.Open(5)), lambda m: m.Point(),
    lambda m: m.Point(1, 2, 3, 4), lambda m: m.Point(1, other=2), lambda m: hash(m.Point(1, unit="m")),
    lambda m: hash(m.Open(1)), lambda m: hash(m.Nothing()), lambda m: m.Point(1, [1]) == m.Point(1, [2]),
    lambda m: m.Point(1) == m.Point(2), lambda m: m.Point(1) == m.Further(1), lambda m: m.Point(1) == 1,
    lambda m: m.Open(1) == m.Open(1), lambda m: m.Itself(1) == m.Itself(1), lambda m: m.Nothing() == m.Nothing(),
    lambda m: len({m.Point(1), m.Point(1)}), lambda m: setattr(m.Point(1), "x", 2), lambda m: delattr(m.Point(1), "x"),
    lambda m: setattr(m.Further(1), "x", 2), lambda m: setattr(m.Point(1), "other", 2),
    lambda m: vars(dataclasses.replace(m.Further(1), z=9, unit="km")), lambda m: dataclasses.asdict(m.Further(1)),
    lambda m: [field.name for field in dataclasses.fields(m.Further)], lambda m: m.Further.__match_args__,
    lambda m: vars(copy.copy(m.Point(1))), lambda m: m.Point(1).names is m.Point(1).names, lambda m: m.Open.__hash__,
    lambda m: [kind.__dataclass_params__.frozen for kind in (m.Point, m.Further, m.Open, m.Itself, m.Nothing)],
], ids=range(32))
def test_a_dataclass_is_as_python_makes_it(of):
    same(of)


def test_a_class_is_written_when_its_first_object_is_made():
    made = Made(later.dataclass)
    before = made.Point.__init__
    assert made.Point(1).x == 1 and made.Point.__init__ is not before
    assert made.Point.__init__.__code__.co_varnames[:4] == ("self", "x", "names", "y")


def test_a_record_of_ours_travels_to_another_process():
    from nbcompare.compare.image import Roi

    roi = Roi("full", 0, 1, 2, 3, weak_allowed="why")
    assert pickle.loads(pickle.dumps(roi)) == roi


def test_numpy_later_is_numpy():
    import numpy as np

    assert later.np.float32 is np.float32 and later.np.linalg is np.linalg
    with pytest.raises(AttributeError, match="nothing_of_it"):
        _ = later.np.nothing_of_it
