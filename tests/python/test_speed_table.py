"""The table that benches/peers.sh prints, from figures that nobody measured."""
import pathlib
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benches" / "peers"))

import measure  # noqa: E402
from table import Figures, Quantity, Row, Target, exit_status, line  # noqa: E402

RATIO = Row("a step", Target(">=", 6, note="first milestone 4"))
SIZE = Row("library", Target("<", 15, "MB"))


def test_quantities_are_read_as_the_programs_print_them():
    assert Quantity.parse("12.5 ms\n") == Quantity(12.5, "ms")
    assert Quantity.parse("27.238 us (block 64, 4096 images)") == Quantity(27.238, "us", "block 64, 4096 images")
    for wrong in ("", "12.5", "ms", "nan ms", "12.5 ms and more"):
        with pytest.raises(ValueError):
            Quantity.parse(wrong)


def test_a_line_has_six_columns():
    figures = Figures(Quantity(3.456, "ms"), "20.7 ms (PyTorch, 1 thread)", 5.99)
    expected = "a step|3.46 ms|20.7 ms (PyTorch, 1 thread)|5.99|>= 6 (first milestone 4)|missed"
    assert line(RATIO, figures).split("\t") == expected.split("|")
    assert line(SIZE, Figures(Quantity(13.27, "MB"))).split("\t") == "library|13.3 MB|-|-|< 15 MB|met".split("|")
    assert line(SIZE, None).split("\t") == "library|-|-|-|< 15 MB|not run".split("|")


def test_targets_are_judged_by_the_ratio_or_by_our_figure():
    assert RATIO.target.met(Figures("any", ratio=6.0)) and not RATIO.target.met(Figures("any", ratio=5.99))
    assert Target("<=", 2.5).met(Figures("any", ratio=2.5)) and not Target("<=", 2.5).met(Figures("any", ratio=2.51))
    assert not SIZE.target.met(Figures(Quantity(15, "MB")))
    with pytest.raises(ValueError):
        SIZE.target.met(Figures(Quantity(15, "kB")))


def test_the_status_tells_the_worst():
    assert [exit_status(results) for results in ([], ["met"], ["met", "missed"], ["missed", "not run", "met"])] == [0, 0, 1, 2]


@pytest.mark.parametrize("ratio, status, word", [(7, 0, "met"), (5, 1, "missed"), (None, 2, "not run")])
def test_the_table_goes_on_after_a_row_that_fails(monkeypatch, capsys, ratio, status, word):
    def a_step(bench):
        if ratio is None:
            raise OSError("there is no PyTorch here")
        return [Figures(Quantity(1, "ms"), "-", ratio)]

    size = lambda bench: [Figures(Quantity(13, "MB"))]
    monkeypatch.setattr(measure, "groups", lambda full, prototypes, avx512: [([RATIO], a_step), ([SIZE], size)])
    bench = types.SimpleNamespace(n_rounds=1, full=False, prototypes=None, avx512=True, cores=measure.Cores(lambda: 31))
    assert measure.print_table(bench, "") == status
    printed = [text for text in capsys.readouterr().out.splitlines() if not text.startswith("#")]
    assert [text.split("\t")[-1] for text in printed] == ["result", word, "met"]


def test_relaxation_has_rows_where_there_are_programs_to_compare_with():
    names = lambda prototypes: [row.name for rows, _ in measure.groups(False, prototypes, True) for row in rows]
    more = [name for name in names(pathlib.Path("there")) if name not in names(None)]
    assert len(more) == 2 and all(name.startswith("relaxation of") for name in more)


def test_the_middle_rounds_are_compared_with_the_fastest_peer():
    quantities = lambda *values: [Quantity(value, "ms") for value in values]
    one, two = measure.noted(quantities(24, 30, 10), "1 thread"), measure.noted(quantities(40, 20, 19), "2 threads")
    figures = measure.compare(quantities(5, 4, 6), one, two)
    assert (str(figures.ours), str(figures.peer), figures.ratio) == ("5 ms", "20 ms (2 threads)", 4)


def test_a_python_that_does_not_run_is_status_2():
    command = ["env", "DAVEGAN_PYTHON=/nonexistent/python3", str(ROOT / "benches" / "peers.sh")]
    assert subprocess.run(command, capture_output=True).returncode == 2


def test_what_was_measured_on_cores_far_apart_is_measured_again():
    times = iter([175, 31, 31, 31, 175, 31, 31])  # before and after each measurement, but not after one that is in vain already
    cores, found = measure.Cores(lambda: next(times)), iter(range(10))
    assert cores.when_near(lambda: next(found)) == 1
    assert cores.when_near(lambda: next(found)) == 3
    assert (cores.repeated, cores.kept) == (2, 0)


def test_cores_that_are_never_near_are_not_waited_for_for_ever():
    cores, runs = measure.Cores(lambda: 175), []
    for _ in range(measure.IN_VAIN + 5):
        cores.when_near(lambda: runs.append(1))
    assert len(runs) == measure.IN_VAIN * measure.PATIENCE + 5
    assert cores.kept == measure.IN_VAIN
