"""The programs of examples-c/mpi on 1 to 4 processes: the same bytes as one call without MPI.

DAVEGAN_BUILD names the directory that CMake built in, with -DDAVEGAN_BUILD_MPI_EXAMPLES=ON.
"""

import os
import pathlib
import re
import subprocess

import h5py
import numpy as np
import pytest

BUILD = pathlib.Path(os.environ["DAVEGAN_BUILD"])
PROGRAMS = BUILD / "examples-c" / "mpi"
JOB = pathlib.Path(__file__).parents[2] / "examples-c" / "mpi" / "job.sh"
RANKS = (1, 2, 3, 4)
PHASE = "VTKHDF/CellData/phase"

pytestmark = pytest.mark.skipif(not (PROGRAMS / "large_volume").exists(),
                                reason="the examples for MPI are not built (DAVEGAN_BUILD_MPI_EXAMPLES)")

# More ranks than cores, as root, and in a container whose processes may not read each other's memory.
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                            "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
                            "OMP_NUM_THREADS": "1"}


def run(*command, status=0, environment=ENVIRONMENT):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, timeout=120)
    assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def mpi(ranks, program, *arguments, **options):
    return run("mpirun", "-n", ranks, PROGRAMS / program, *arguments, **options)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of each profile that makes elements of any size, trained for a moment."""
    folder = tmp_path_factory.mktemp("models")
    small = ["--sample", "gaussian_field", "--sample-size", "64", "--threads", "1", "--window-side", "32"]
    paths = {}
    for profile, steps in (("standard", 4), ("volume", 2)):
        paths[profile] = folder / f"{profile}.h5"
        run(BUILD / "bin" / "davegan", "train", *small, "--profile", profile, "--steps", steps, "--model", paths[profile])
    return paths


# Sizes that are no multiples of chunks, and more ranks than chunks along some axes.
SIZES = {"standard": (528, 528, 1), "volume": (80, 72, 32)}


@pytest.fixture(scope="module")
def volumes(models, tmp_path_factory):
    """The same elements, made without MPI."""
    folder = tmp_path_factory.mktemp("volumes")
    found = {}
    for profile, model in models.items():
        path = folder / f"{profile}.vtkhdf"
        size = "x".join(str(side) for side in SIZES[profile][:2 if profile == "standard" else 3])
        run(BUILD / "bin" / "davegan", "generate", model, path, "--size", size)
        with h5py.File(path) as file:
            found[profile] = file[PHASE][()]
        assert found[profile].shape == SIZES[profile][::-1] and set(np.unique(found[profile])) == {0, 1}
    return found


def check(path, expected):
    with h5py.File(path) as file:
        assert file["phase"].attrs["complete"] == 1 and file["phase"].fillvalue == 255
        np.testing.assert_array_equal(file["phase"][()], expected)
        return file["phase"].is_virtual


@pytest.mark.parametrize("program", ["large_volume", "large_volume_fortran"])
@pytest.mark.parametrize("profile", ["standard", "volume"])
@pytest.mark.parametrize("kind", ["collective", "virtual"])
def test_blocks_of_all_ranks_are_one_volume(models, volumes, tmp_path, program, profile, kind):
    for ranks in RANKS:
        path = tmp_path / f"{ranks}.h5"
        text = mpi(ranks, program, kind, models[profile], path, *SIZES[profile])
        fraction = float(re.search(r"volume fraction of phase (\d): +(\S+)", text)[2])
        phase = int(re.search(r"phase (\d)", text)[1])
        assert abs(fraction - (volumes[profile] == phase).mean()) < 1e-9
        assert check(path, volumes[profile]) == (kind == "virtual")


def test_a_volume_has_the_fraction_that_is_asked_for(models, tmp_path):
    nx, ny, nz = SIZES["standard"]
    whole = tmp_path / "whole.vtkhdf"
    run(BUILD / "bin" / "davegan", "generate", models["standard"], whole, "--size", f"{nx}x{ny}", "--volume-fractions", "0.58,0.42")
    with h5py.File(whole) as file:
        expected = file[PHASE][()]
    assert abs((expected == 1).mean() - 0.42) < 1e-5
    for ranks, program, kind in ((3, "large_volume", "collective"), (2, "large_volume_fortran", "virtual")):
        text = mpi(ranks, program, kind, models["standard"], tmp_path / f"{kind}.h5", nx, ny, nz, 0.42)
        assert "fraction of phase 1" in text
        check(tmp_path / f"{kind}.h5", expected)


def test_a_virtual_volume_may_be_moved_and_shows_what_is_missing(models, volumes, tmp_path):
    (tmp_path / "first").mkdir()
    mpi(2, "large_volume", "virtual", models["standard"], tmp_path / "first" / "volume.h5", *SIZES["standard"])
    (tmp_path / "first").rename(tmp_path / "moved")
    check(tmp_path / "moved" / "volume.h5", volumes["standard"])
    (tmp_path / "moved" / "volume.h5.0001.vtkhdf").unlink()
    with h5py.File(tmp_path / "moved" / "volume.h5") as file:
        found = file["phase"][()]
    missing = found == 255
    assert 0 < missing.sum() < found.size
    np.testing.assert_array_equal(found[~missing], volumes["standard"][~missing])


@pytest.mark.parametrize("program", ["large_volume", "large_volume_fortran"])
def test_a_rank_that_fails_ends_the_job(models, tmp_path, program):
    (tmp_path / "volume.h5.0001.vtkhdf").mkdir()
    error = mpi(2, program, "virtual", models["standard"], tmp_path / "volume.h5", *SIZES["standard"], status=1)
    assert "volume.h5.0001.vtkhdf: is a directory" in error and not (tmp_path / "volume.h5").exists()
    error = mpi(2, program, "collective", models["standard"], tmp_path / "none" / "volume.h5", *SIZES["standard"], status=1)
    assert "H5Fcreate" in error or "h5fcreate_f has failed" in error
    assert "usage" in mpi(2, program, "together", models["standard"], tmp_path / "volume.h5", 64, 64, 1, status=2)


def test_an_ensemble_does_not_depend_on_the_number_of_ranks(models, tmp_path):
    count, path = 10, tmp_path / "ensemble.vtkhdf"
    run(BUILD / "bin" / "davegan", "generate", models["standard"], path, "--count", count)
    with h5py.File(path) as file:
        phases = file[PHASE][()]
    for program in ("ensemble", "ensemble_fortran"):
        texts = {mpi(ranks, program, models["standard"], count) for ranks in RANKS}
        assert len(texts) == 1, texts
    text = mpi(2, "ensemble", models["standard"], count)
    phase, mean, deviation = re.search(r"phase (\d): mean (\S+), standard deviation (\S+)", text).groups()
    fractions = (phases == int(phase)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose([float(mean), float(deviation)], [fractions.mean(), fractions.std(ddof=1)], atol=2e-9)
    for wrong in ("9223372036854775808", "ten", "1.5"):
        assert "usage" in mpi(1, "ensemble", models["standard"], count, wrong, status=2)


def test_threads_are_the_processors_that_a_rank_is_bound_to(tmp_path):
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "OMP_NUM_THREADS"}
    for ranks in RANKS:
        text = run("mpirun", "-n", ranks, "--bind-to", "core:overload-allowed", "--wdir", tmp_path, BUILD / "tests" / "mpi_threads",
                   environment=environment)
        assert sorted(text.splitlines()) == [f"rank {rank}: 1 of its threads on as many processors" for rank in range(ranks)]


def test_the_job_for_slurm_runs(models, tmp_path):
    """With mpirun in the place of srun."""
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nshift\nexec mpirun -n "$SLURM_NTASKS" "$@"\n')
    srun.chmod(0o755)
    environment = ENVIRONMENT | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_NTASKS": "2", "SLURM_CPUS_PER_TASK": "1"}
    job = tmp_path / "job.sh"
    job.write_text(JOB.read_text().replace("10000", "10"))
    text = run("bash", job, PROGRAMS, models["volume"], tmp_path / "out", 64, 64, 48, environment=environment)
    assert "10 realisations" in text and "2 ranks" in text
    with h5py.File(tmp_path / "out" / "volume.h5") as file:
        assert file["phase"].shape == (48, 64, 64) and file["phase"].attrs["complete"] == 1
    assert "PROGRAMS" in run("bash", job, status=2, environment=environment)
