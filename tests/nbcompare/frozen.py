"""Records that cannot be changed once they are made."""

from dataclasses import FrozenInstanceError, fields


def are_frozen(*records: object) -> bool:
    """Whether each of these dataclass instances refuses another value for its first field."""
    return all(map(_is_frozen, records))


def _is_frozen(record: object) -> bool:
    name = fields(record)[0].name
    try:
        setattr(record, name, getattr(record, name))
    except FrozenInstanceError:
        return True
    return False
