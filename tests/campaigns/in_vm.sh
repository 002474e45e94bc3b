#!/usr/bin/env bash
# Runs a command as root in a virtual machine with Debian's own kernel: for tests that need what the kernel of this machine lacks,
# such as NFS. It sees the files of this machine, and what it changes is lost at the end. It has one processor, which is emulated and
# fifty times slower, and no network.
#
#   in_vm.sh COMMAND ARGUMENT...
#
# Ends with the status of the command. Needs root, and of Debian: qemu-system-x86 linux-image-amd64 busybox-static kmod cpio.
set -euo pipefail

[ $# -gt 0 ] || {
    echo "usage: in_vm.sh COMMAND ARGUMENT..." >&2
    exit 2
}
kernel=$(find /boot -name 'vmlinuz-*-amd64' | sort -V | tail -n 1)
[ -n "$kernel" ] || {
    echo "in_vm.sh: there is no kernel in /boot; apt-get install linux-image-amd64" >&2
    exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,proc,dev,lower,upper,whole,lib/modules}

# The first file system has what is needed to mount that of this machine: modules in the order in which they need each other.
modprobe --set-version "${kernel#/boot/vmlinuz-}" --show-depends --all virtio_pci 9pnet_virtio 9p overlay |
    awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules"
while read -r module; do
    cp "$module" "$root/lib/modules/"
    echo "insmod /lib/modules/$(basename "$module")"
done <"$work/modules" >"$work/insert"
cp "$(command -v busybox)" "$root/bin/busybox"
cat >"$root/command" <<END
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
cd $(printf %q "$PWD")
$(printf '%q ' "$@")
END
cat >"$root/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t devtmpfs none /dev
$(cat "$work/insert")
mount -t 9p -o trans=virtio,version=9p2000.L,msize=500000,cache=loose,ro files /lower
mount -t tmpfs -o size=80% none /upper
mkdir /upper/changes /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work none /whole
mount -t proc none /whole/proc
mount -t sysfs none /whole/sys
mount -t devtmpfs none /whole/dev
mkdir -p /whole/dev/shm /whole/dev/pts
mount -t tmpfs none /whole/dev/shm
mount -t devpts none /whole/dev/pts
mount -t tmpfs none /whole/tmp
mount -t tmpfs none /whole/run
ip link set lo up
hostname vm
cp /command /whole/tmp/command
chroot /whole /bin/bash /tmp/command
echo "status of the command: \$?"
poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd"

qemu-system-x86_64 -accel tcg -cpu max -m 4G -nographic -no-reboot -nic none \
    -kernel "$kernel" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1" \
    -virtfs local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap </dev/null | tee "$work/output"
status=$(sed -n 's/^status of the command: \([0-9]*\).*/\1/p' "$work/output" | tail -n 1)
exit "${status:-1}"
