"""Phases, gates and sign-offs: which evidence a plan asks for, whether it is there and true, and who said so."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.plan.gate import Gate, look_at
    from nbcompare.plan.ledger_entry import enter
    from nbcompare.plan.signing import sign
else:
    __getattr__ = door(__name__, {"gate": "Gate look_at", "ledger_entry": "enter", "signing": "sign"})

__all__ = ["Gate", "enter", "look_at", "sign"]
