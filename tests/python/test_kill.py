"""Files survive a kill and a full disk: short versions of the campaigns kill.py, kill_training.py and writers.py.

DAVEGAN_BUILD names the directory that CMake built in.
"""

import os
import pathlib
import subprocess
import sys

CAMPAIGNS = pathlib.Path(__file__).resolve().parents[1] / "campaigns"


def passes(campaign, *options):
    command = [sys.executable, CAMPAIGNS / campaign, os.environ["DAVEGAN_BUILD"], *options]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_realisations_survive_a_kill_at_any_write():
    passes("kill.py", "--writes", "24", "--cuts", "6", "--times", "6", "--kinds", "small")


def test_trainings_survive_a_kill_and_end_with_the_same_bytes():
    passes("kill_training.py", "--kills", "10", "--profiles", "paper32")


def test_every_writer_survives_a_kill_and_a_full_disk():
    passes("writers.py", "--kills", "2", "--fails", "2")
