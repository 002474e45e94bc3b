"""The table of speeds: what its rows are judged by, and how they are printed. No measuring here, and nothing to install."""
import re
from dataclasses import dataclass

HEADER = ("row", "ours", "peer's", "ratio", "target", "result")
MET, MISSED, NOT_RUN = "met", "missed", "not run"


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, as the programs print it: `12.3 ms`, or `12.3 ms (what it was measured with)`."""
    value: float
    unit: str
    note: str = ""

    @classmethod
    def parse(cls, text):
        found = re.fullmatch(r"([0-9.]+(?:e[-+]?[0-9]+)?) (\w+)(?: \((.*)\))?", text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a number with a unit")
        return cls(float(found[1]), found[2], found[3] or "")

    def __str__(self):
        return f"{self.value:.3g} {self.unit}" if self.value < 1000 else f"{self.value:.0f} {self.unit}"


@dataclass(frozen=True)
class Target:
    """`sign` is >=, <= or <; without a unit it is the ratio that is judged, else our own figure."""
    sign: str
    value: float
    unit: str = ""
    note: str = ""

    def met(self, figures):
        judged = figures.ours if self.unit else figures.ratio
        if isinstance(judged, Quantity):
            if judged.unit != self.unit:
                raise ValueError(f"the target is in {self.unit}, and the figure in {judged.unit}")
            judged = judged.value
        return {">=": judged >= self.value, "<=": judged <= self.value, "<": judged < self.value}[self.sign]

    def __str__(self):
        unit, note = self.unit and f" {self.unit}", self.note and f" ({self.note})"
        return f"{self.sign} {self.value:g}{unit}{note}"


@dataclass(frozen=True)
class Figures:
    """What was measured for a row; `peer` may be any text."""
    ours: object
    peer: object = "-"
    ratio: float | None = None


@dataclass(frozen=True)
class Row:
    name: str
    target: Target


def result(row, figures):
    if figures is None:
        return NOT_RUN
    return MET if row.target.met(figures) else MISSED


def line(row, figures):
    shown = figures or Figures("-")
    ratio = "-" if shown.ratio is None else f"{shown.ratio:.2f}"
    return "\t".join([row.name, str(shown.ours), str(shown.peer), ratio, str(row.target), result(row, figures)])


def exit_status(results):
    """2 if a row could not be run, else 1 if one is missed."""
    return 2 if NOT_RUN in results else 1 if MISSED in results else 0
