#!/usr/bin/env bash
#SBATCH --job-name=davegan
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=16
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
#SBATCH --output=%x-%j.log
#
# An ensemble and one large volume on a cluster with Slurm.
#
#   sbatch job.sh PROGRAMS MODEL.h5 FOLDER NX NY NZ
#
# PROGRAMS is the folder with the programs ensemble and large_volume, FOLDER one on a parallel file system. Each rank has as many
# threads as processors that srun binds it to.
set -euo pipefail
if [ $# -ne 6 ]; then
    sed -n '9,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
programs=$1 model=$2 folder=$3
shift 3

# module load openmpi hdf5-parallel   # those that the programs were built with

# How ranks find each other. Open MPI needs pmix, which is not Slurm's default; MPICH and Intel MPI need pmi2. `srun --mpi=list` says
# what the cluster has.
export SLURM_MPI_TYPE=${SLURM_MPI_TYPE:-pmix}

# Since Slurm 22.05 srun does not take this from sbatch by itself.
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK

mkdir -p "$folder"
# On Lustre a large file is faster on many targets; files that the ranks write each for itself stay on one.
if command -v lfs >/dev/null && lfs getstripe -d "$folder" >/dev/null 2>&1; then
    lfs setstripe --stripe-count -1 --stripe-size 4M "$folder"
fi

srun --cpu-bind=cores "$programs/ensemble" "$model" 10000
srun --cpu-bind=cores "$programs/large_volume" collective "$model" "$folder/volume.h5" "$@"
