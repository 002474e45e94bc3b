#!/usr/bin/env bash
# Trains, generates and goes on after kills on NFS: a folder of this machine, which it exports to itself and mounts in several ways.
#
#   nfs.sh BUILD_DIR [MODEL]     BUILD_DIR configured with -DDAVEGAN_BUILD_MPI_EXAMPLES=ON
#
# MODEL is one of profile standard, for volumes; without it one is trained for a moment.
#
# For each way of mounting:
# - realisations and one volume of two processes have the bytes that they have on a local disk;
# - two hosts, which are two mounts here, write one file: with locks over NFS the second is refused.
# With NFS 4.2 also: a training that is killed goes on, and realisations survive a kill at some of the writes (kill.py). Prints what the second
# host is told.
#
# Needs root, a kernel with NFS, and of Debian: nfs-kernel-server openmpi-bin libhdf5-openmpi-dev hdf5-tools;
# PYTHON has h5py. The NFS server goes on running. Where the kernel has no NFS:
#   tests/campaigns/in_vm.sh env DAVEGAN_PAUSE=12 PYTHON=PATH tests/campaigns/nfs.sh BUILD_DIR MODEL
set -euo pipefail

build=$(cd "${1:?usage: nfs.sh BUILD_DIR [MODEL]}" && pwd)
model=${2:+$(realpath "$2")}
work=$(mktemp -d)
mkdir "$work"/{local,export,first,second}
davegan=$build/bin/davegan
volume=$build/examples-c/mpi/large_volume
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMP_NUM_THREADS=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
sample=(--sample gaussian_field --sample-size 64)
training=(train "${sample[@]}" --profile paper32 --batch-size 4 --threads 1)
small=$work/local/model.h5
python=${PYTHON:-python3}
pause=${DAVEGAN_PAUSE:-3} # seconds after which work is ended; more where the machine is slow

stop() {
    umount -f "$work/first" "$work/second" 2>/dev/null || true
    exportfs -u "127.0.0.1:$work/export" || true
    umount "$work/export" || true
    rm -rf "$work"
}
trap stop EXIT

fail() {
    echo "nfs.sh: $*" >&2
    exit 1
}

stage() { printf '\n==== %s\n' "$*"; }

start_server() {
    mount -t tmpfs -o size=1G none "$work/export"
    pgrep -x rpcbind >/dev/null || rpcbind -w
    pgrep -x rpc.statd >/dev/null || rpc.statd
    modprobe --all nfsd nfsv3 nfsv4
    mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
    exportfs -o rw,no_root_squash,no_subtree_check,insecure,fsid=0 "127.0.0.1:$work/export"
    rpc.nfsd --host 127.0.0.1 --grace-time 10 --lease-time 10 4
    pgrep -x rpc.mountd >/dev/null || rpc.mountd
}

# mount_as OPTIONS: twice, as two hosts would.
mount_as() {
    local place from=$work/export
    [[ $1 != vers=4* ]] || from=/ # as fsid=0 says
    for place in first second; do
        mount -t nfs -o "$1,nosharecache" "127.0.0.1:$from" "$work/$place"
    done
    rm -rf "${work:?}/first/"* "$work/first/".davegan*
}

unmount() { umount "$work/first" "$work/second"; }

# run COMMAND...: shows what it prints only if it fails.
run() { "$@" >"$work/log" 2>&1 || fail "$* says: $(cat "$work/log")"; }

# make FOLDER: realisations, and volumes of two processes.
make() {
    run "$davegan" generate "$small" "$1/elements.vtkhdf" --count 4 --threads 1
    for kind in collective virtual; do
        run mpirun -n 2 "$volume" "$kind" "$model" "$1/$kind.h5" 64 64 1
    done
}

# killed COMMAND...: ends it by SIGKILL.
killed() {
    local status=0
    timeout --signal=KILL "$pause" "$@" >"$work/log" 2>&1 || status=$?
    [ $status -eq 137 ] || fail "$* ended with $status: $(cat "$work/log")"
}

same_bytes() {
    cmp "$work/local/elements.vtkhdf" "$work/first/elements.vtkhdf" || fail "realisations have other bytes than on a local disk"
    for kind in collective virtual; do
        h5diff "$work/local/$kind.h5" "$work/first/$kind.h5" phase phase || fail "$kind.h5 has other values than on a local disk"
    done
    echo "realisations and volumes are the same as on a local disk"
}

trains() {
    run "$davegan" "${training[@]}" --steps 2 --model "$work/first/model.h5"
    cmp "$small" "$work/first/model.h5" || fail "the model has other bytes than on a local disk"
    killed "$davegan" "${training[@]}" --resume --steps 1000000 --model "$work/first/model.h5"
    run "$davegan" "${training[@]}" --resume --steps 3 --model "$work/first/model.h5"
    "$davegan" info "$work/first/model.h5" | grep "^training  "
}

survives_kills() {
    TMPDIR=$work/first "$python" "$(dirname "${BASH_SOURCE[0]}")/kill.py" "$build" --writes 10 --cuts 5 --times 0 --kinds small || fail "kill.py"
}

# two_hosts: what the second says while the first writes.
two_hosts() {
    rm -f "$work/first/shared.vtkhdf"
    "$davegan" generate "$small" "$work/first/shared.vtkhdf" --count 1000000 --threads 1 >/dev/null 2>&1 &
    local writer=$! second=0
    sleep "$pause"
    "$davegan" generate "$small" "$work/second/shared.vtkhdf" --first 2000000 --count 2 --threads 1 >"$work/log" 2>&1 || second=$?
    kill -KILL "$writer"
    wait "$writer" || true
    tail -n 1 "$work/log"
    return $second
}

stage "on a local disk"
if [ -z "$model" ]; then
    model=$work/standard.h5
    run "$davegan" train "${sample[@]}" --window-side 32 --threads 1 --steps 2 --model "$model"
fi
run "$davegan" "${training[@]}" --steps 2 --model "$small"
make "$work/local"

stage "server"
start_server
exportfs -v

for options in vers=4.2 vers=3 vers=3,nolock vers=3,local_lock=flock; do
    stage "$options"
    mount_as "$options"
    grep "$work/first" /proc/mounts | grep -o 'vers=[0-9.]*\|local_lock=[a-z]*' | tr '\n' ' '
    echo
    make "$work/first"
    same_bytes
    if [ "$options" = vers=4.2 ]; then
        trains
        survives_kills
    fi
    if two_hosts; then
        [[ $options == *lock* ]] || fail "a second host writes the same file"
        echo "without locks over NFS a second host writes the same file"
        "$davegan" info "$work/second/shared.vtkhdf" 2>&1 | head -n 4
    fi
    unmount
done

echo "davegan works on NFS"
