#!/usr/bin/env bash
# Slurm 22.05.8 (Debian 12) sends SIGTERM twice, within a second, to a task that srun has started in a batch job, when the time limit of
# the job is over. A program that takes a second signal for "end at once", as many do for Ctrl-C, so loses what it wanted to save.
# A command that the script starts without srun gets SIGTERM as well, although the manual of sbatch says of --signal that by default
# batch scripts are not signalled.
#
# Needs root, and Debian 12 with slurm-wlm 22.05.8, munge and python3; takes two minutes. Starts Slurm on 127.0.0.1 and ends it. Exits with
# 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

dpkg-query -W -f '${Package} ${Version}\n' slurm-wlm munge
folder=$(mktemp -d)
stop() {
    for pid in slurmd slurmctld munge; do
        [ ! -s "$folder/$pid.pid" ] || kill "$(cat "$folder/$pid.pid")" || true
    done
    sleep 2
    rm -rf "$folder"
}
trap stop EXIT
cd "$folder"
mkdir -m 700 munge
(umask 077 && head -c 1024 /dev/urandom >munge/key)
munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge.pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
cat >slurm.conf <<END
ClusterName=one
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=16827
SlurmdPort=16828
CommunicationParameters=NoInAddrAny
SlurmUser=root
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdSpoolDir=$folder/spool
SlurmdPidFile=$folder/slurmd.pid
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
$(slurmd -C | head -1) NodeAddr=127.0.0.1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
mkdir state spool
export SLURM_CONF=$folder/slurm.conf
slurmctld
slurmd

cat >count.py <<'PYTHON'
import signal
import sys
import time

times = []
signal.signal(signal.SIGTERM, lambda *_: times.append(time.monotonic()))
end = time.monotonic() + 170
while time.monotonic() < end and not (times and time.monotonic() > times[0] + 5):
    time.sleep(0.1)
apart = max(times) - min(times) if times else 0
open(sys.argv[1], "w").write(f"{len(times)} {'within a second' if apart < 1 else apart}\n")
PYTHON
cat >job.sh <<'END'
#!/bin/sh
python3 count.py without_srun &
srun --overlap --ntasks=1 python3 count.py with_srun
wait
END
timeout 240 sbatch --wait --ntasks=1 --time=1 --output=job.log job.sh || true
head without_srun with_srun
[ "$(cat with_srun)" = "2 within a second" ] && [ "$(cut -d' ' -f1 without_srun)" -ge 1 ]
