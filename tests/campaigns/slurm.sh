#!/usr/bin/env bash
# Submits examples-c/mpi/job.sh to Slurm. A cluster of two nodes is started on this machine in a temporary folder: munged, slurmctld and
# two slurmd, which listen on 127.0.0.1 alone, and is stopped at the end.
#
#   slurm.sh BUILD_DIR       configured with -DDAVEGAN_BUILD_TESTS=ON -DDAVEGAN_BUILD_MPI_EXAMPLES=ON
#
# - The job on two nodes gives the bytes that one process gives, and the same mean and standard deviation.
# - Each rank has as many threads as processors that srun binds it to.
# - A training that the time limit of its job stops keeps its checkpoint, and another job resumes it. Slurm sends SIGTERM twice.
# - Without PMIx, which is not Slurm's default, Open MPI does not start; job.sh asks for PMIx.
#
# Needs root, and of Debian: slurm-wlm munge openmpi-bin libopenmpi-dev libhdf5-openmpi-dev hdf5-tools. Takes three minutes.
set -euo pipefail

build=$(cd "${1:?usage: slurm.sh BUILD_DIR}" && pwd)
job=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/examples-c/mpi/job.sh
programs=$build/examples-c/mpi
work=$(mktemp -d)
# Open MPI: processes of a container may not read each other's memory.
export OMPI_MCA_btl_vader_single_copy_mechanism=none

# Ends the daemons by what they have written into their own files.
stop() {
    local pid
    for pid in "$work"/slurmd-*.pid "$work/slurmctld.pid" "$work/munge/pid"; do
        [ ! -s "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
    done
    sleep 2
    rm -rf "$work"
}
trap stop EXIT

fail() {
    echo "slurm.sh: $*" >&2
    tail -n 20 "$work"/*.log >&2
    exit 1
}

stage() { printf '\n==== %s\n' "$*"; }

start_cluster() {
    local node host hardware
    host=$(hostname)
    hardware=$(slurmd -C | sed -n '1s/^NodeName=[^ ]* //p')
    mkdir -m 700 "$work/munge"
    (umask 077 && head -c 1024 /dev/urandom >"$work/munge/key")
    munged --force --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
        --log-file="$work/munge/log" --seed-file="$work/munge/seed"
    cat >"$work/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
CommunicationParameters=NoInAddrAny
SlurmUser=root
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmctldPidFile=$work/slurmctld.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdSpoolDir=$work/spool-%n
SlurmdPidFile=$work/slurmd-%n.pid
SlurmdLogFile=$work/slurmd-%n.log
TmpFS=$work/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=20
EnforcePartLimits=ALL
NodeName=first NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 $hardware State=UNKNOWN
NodeName=second NodeHostname=$host NodeAddr=127.0.0.1 Port=16819 $hardware State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    export SLURM_CONF=$work/slurm.conf
    mkdir "$work/state"
    slurmctld
    for node in first second; do
        mkdir "$work/spool-$node" "$work/tmp-$node"
        slurmd -N "$node"
    done
    for _ in {1..20}; do
        [ "$(sinfo --noheader --Node --states=idle | wc -l)" -ne 2 ] || return 0
        sleep 1
    done
    fail "the nodes do not become idle: $(sinfo --Node)"
}

# train NAME OPTION...: a model, trained for a moment.
train() {
    local name=$1
    shift
    "$build/bin/davegan" train --sample gaussian_field --sample-size 64 --window-side 32 --threads 1 "$@" --model "$work/$name.h5" >"$work/train.log" 2>&1
}

stage "two nodes on this machine"
start_cluster
sinfo --Node
train volume --profile volume --steps 2
cd "$work"

stage "job.sh on two nodes"
sed 's/10000/10/' "$job" >job.sh
timeout 120 sbatch --wait --ntasks-per-node=1 --cpus-per-task=1 --output=job.log job.sh "$programs" volume.h5 out 64 64 48 || fail "$(cat job.log)"
cat job.log
{
    mpirun --allow-run-as-root -n 1 "$programs/ensemble" volume.h5 10
    mpirun --allow-run-as-root -n 1 "$programs/large_volume" collective volume.h5 one.h5 64 64 48
} >one.log
grep -q "2 ranks" job.log || fail "the ranks do not know of each other"
diff <(grep realisations job.log) <(grep realisations one.log) || fail "the ensemble depends on the number of ranks"
h5diff out/volume.h5 one.h5 || fail "the volume depends on the number of ranks"

stage "threads of ranks"
# threads TASKS PROCESSORS: a line of mpi_threads for each task, which fails if they are not as many as its processors.
threads() {
    timeout 60 srun --mpi=pmix --nodes=1 --ntasks="$1" --cpus-per-task="$2" --cpu-bind=cores "$build/tests/mpi_threads" | sort | tee threads.log
    [ "$(grep -c ": $2 of its threads" threads.log)" -eq "$1" ] || fail "of $1 ranks not each has $2 threads"
}
threads 1 1
threads 1 "$(nproc)"
[ "$(nproc)" -lt 2 ] || threads 2 1

stage "a training that its time limit stops, and that is resumed"
cat >train.sh <<'END'
#!/bin/sh
srun "$1" train --sample gaussian_field --sample-size 64 --window-side 32 --model model.h5 --steps "$2" $3
END
if timeout 180 sbatch --wait --ntasks=1 --time=1 --output=train.log train.sh "$build/bin/davegan" 1000000 ""; then fail "the training has no limit"; fi
grep "TIME LIMIT" train.log
grep "was cancelled at step" train.log || fail "the training was not told to stop: $(cat train.log)"
done_so_far=$("$build/bin/davegan" info model.h5 | sed -n 's/^training *\([0-9]*\) of.*/\1/p')
timeout 120 sbatch --wait --ntasks=1 --output=resume.log train.sh "$build/bin/davegan" "$((done_so_far + 2))" --resume || fail "$(cat resume.log)"
"$build/bin/davegan" info model.h5 | grep "^training"

stage "without PMIx"
if timeout 60 srun --mpi=none --ntasks=2 "$programs/ensemble" volume.h5 10 >none.log 2>&1; then fail "Open MPI starts without PMIx"; fi
grep -m 1 "direct launched using" none.log || fail "Open MPI says something else: $(cat none.log)"
echo
echo "job.sh runs under $(sinfo --version)"
