"""Realisations survive a kill: a short version of the campaign tests/campaigns/kill.py.

DAVEGAN_BUILD names the directory that CMake built in.
"""

import os
import pathlib
import subprocess
import sys

CAMPAIGN = pathlib.Path(__file__).resolve().parents[1] / "campaigns" / "kill.py"


def test_realisations_survive_a_kill_at_any_write():
    counts = ("--writes", "24", "--cuts", "6", "--times", "6", "--kinds", "small")
    result = subprocess.run([sys.executable, CAMPAIGN, os.environ["DAVEGAN_BUILD"], *counts], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
