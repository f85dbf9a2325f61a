# SPDX-License-Identifier: GPL-2.0-only
"""One virtual server: starts QEMU, passes its output on, ends it, tells how it went."""

import ctypes
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from . import BUILD, CHECKOUT, LAB, LabError, klog, qmp, topology
from . import kernel as kernels

EXIT_LAB = 98           # the lab itself failed: no status came out of the server
EXIT_KERNEL = 99        # the kernel log holds what must not be there
EXIT_TIMEOUT = 124      # as timeout(1)

TRACED = ("pci_cfg_write", "pci_update_mappings_add", "pci_update_mappings_del")

EXPECTED = re.compile("TCG doesn't support requested feature|has no peer|terminating on signal 15")

APPEND = """console=ttyS0,115200 ignore_loglevel panic=-1 intel_iommu=on nokaslr audit=0
	apparmor=0 mitigations=off cryptomgr.notests random.trust_cpu=on no_timer_check
	tsc=reliable watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=180""".split()

QBOOT = "qboot.rom"
# AMD's does without remapping of interrupts: the server's interrupt controllers are QEMU's own.
IOMMUS = {"intel": "intel-iommu,intremap=on,caching-mode=on", "amd": "amd-iommu"}


def scratch():
    """A directory on tmpfs where there is one: traces and logs may be large."""
    shm = Path("/dev/shm")
    parent = shm if shm.is_dir() and os.access(shm, os.W_OK) else BUILD
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="iomul-lab-", dir=parent))


class Server:
    def __init__(self, options):
        self.options = options
        self.topology = topology.load(options.topology, BUILD)
        self.kernel = kernels.find_kernel(options.kernel, options.modules)
        # Last, because nobody removes it when one of the above fails.
        self.dir = scratch()
        self.share = self.dir / "share"
        (self.share / "out").mkdir(parents=True)
        self.log = Path(options.log).resolve() if options.log else self.dir / "kernel.log"
        self.ports = {name: socket.socketpair() for name in ("out", "err", "ctl", "qmp")}

    # What QEMU is given

    def smp(self):
        return 1 if self.options.icount else self.options.smp or self.topology.data.get("smp", 2)

    def machine(self):
        data, opt = self.topology.data, self.options
        accel = ["-accel", "tcg,thread=" + ("multi" if opt.parallel else "single")]
        if opt.icount:
            accel += ["-icount", "shift=0,sleep=off"]
        machine = "q35,kernel-irqchip=off,sata=off,smbus=off,vmport=off,usb=off"
        return ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                "-M", ",".join(filter(None, [machine, data.get("machine")])), *accel,
                "-cpu", "EPYC,+svm,+npt", "-smp", str(self.smp()), "-m", opt.mem or data.get("mem", "2G"),
                # Native PCIe hotplug, as on real servers, and not ACPI's.
                "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
                "-bios", self.firmware()]

    def firmware(self):
        return self.options.firmware or self.topology.data.get("firmware", QBOOT)

    def iommu(self, last=False):
        """AMD's is a PCI device that takes the first free place, so it comes last."""
        kind = self.options.iommu
        return ["-device", IOMMUS[kind]] if last == (kind == "amd") else []

    def append(self):
        # qboot numbers buses backwards; a real server numbers them in order of the ports.
        qboot = self.firmware() == QBOOT
        # BARs move as the kernel assigns them: one processor until init has the others (--parallel in lab/README.md).
        words = [*APPEND, "pci=assign-busses" if qboot else "", "maxcpus=1" if self.options.parallel else "", f"lab.dir={LAB}", self.topology.data.get("append", ""), self.options.append]
        return " ".join(filter(None, words))

    def lab_devices(self):
        """The lab's own devices, none with an I/O BAR, at 1e.0 and above."""
        modern = "disable-legacy=on,disable-modern=off"
        shares = [("root", "/", ",readonly=on"), ("share", self.share, "")]
        shares += [(f"bind{n}", host, "") for n, (host, _) in enumerate(self.options.bind)]
        args, place = [], 0

        def addr():
            nonlocal place
            place += 1
            if place > 8:
                raise LabError("too many --bind: six at most")
            return f"addr=1e.{place - 1},multifunction=on"

        args += ["-device", f"virtio-serial-pci,id=labserial,{modern},max_ports=8,bus=pcie.0,{addr()}"]
        for name, path, more in shares:
            args += ["-fsdev", f"local,id=lab-{name},path={path},security_model=none,multidevs=remap{more}",
                     "-device", f"virtio-9p-pci,fsdev=lab-{name},mount_tag=lab-{name},{modern},bus=pcie.0,{addr()}"]
        return args

    def channels(self):
        args = ["-chardev", f"file,id=klog,path={self.log}", "-serial", "chardev:klog"]
        for name, (_, theirs) in self.ports.items():
            args += ["-chardev", f"socket,id={name},fd={theirs.fileno()}"]
        args += ["-mon", "chardev=qmp,mode=control"]
        # Port 0 of virtio-serial is for a console, which only --shell has.
        for number, name in enumerate(("out", "err", "ctl"), 1):
            args += ["-device", f"virtserialport,bus=labserial.0,nr={number},chardev={name},name=lab.{name}"]
        if self.options.shell:
            args += ["-chardev", "stdio,id=tty,signal=off", "-device", "virtconsole,bus=labserial.0,nr=0,chardev=tty"]
        if self.options.qmp:
            args += ["-qmp", f"unix:{self.options.qmp},server=on,wait=off"]
        return args

    def tracing(self):
        if not self.options.trace:
            return []
        events = [*TRACED, *(["pci_cfg_read"] if self.options.trace_reads else [])]
        return [*(w for e in events for w in ("-trace", e)), "-D", str(Path(self.options.trace).resolve())]

    def command(self):
        return ["qemu-system-x86_64", *self.machine(),
                "-kernel", str(self.kernel.image), "-initrd", str(kernels.initramfs(self.kernel)),
                "-append", self.append(), *self.lab_devices(), *self.channels(),
                *self.tracing(), *self.iommu(), *self.topology.args, *self.iommu(last=True), *self.options.qemu]

    # What the virtual server is given

    def write_job(self):
        opt = self.options
        size = shutil.get_terminal_size()
        job = {"LAB": LAB, "CHECKOUT": CHECKOUT, "CWD": os.getcwd(),
               "MODULES": self.kernel.modules or "", "BINDS": " ".join(g for _, g in opt.bind),
               "SHELL": "1" if opt.shell else "", "TERM": os.environ.get("TERM", "linux"),
               "ROWS": size.lines, "COLS": size.columns,
               "WATCHED": "1" if sys.stdout.isatty() else ""}
        (self.share / "job").write_text("".join(f"JOB_{k}={shlex.quote(str(v))}\n" for k, v in job.items()))
        topology.write_manifest(self.topology, self.share / "manifest.json")
        script = self.share / "script"
        script.write_text(f"#!/bin/sh\nexec {shlex.join(opt.command)}\n")
        script.chmod(0o755)

    # Life

    def start(self):
        self.write_job()
        command = self.command()
        fds = [theirs.fileno() for _, theirs in self.ports.values()]
        self.process = subprocess.Popen(command, pass_fds=fds, stdin=None if self.options.shell else subprocess.DEVNULL,
                                        stderr=open(self.dir / "qemu.err", "wb"), preexec_fn=self.in_child,
                                        start_new_session=not self.options.shell)
        for _, theirs in self.ports.values():
            theirs.close()
        self.threads = [threading.Thread(target=pump, args=(self.ports[n][0], s), daemon=True)
                        for n, s in (("out", sys.stdout), ("err", sys.stderr))]
        self.threads.append(threading.Thread(target=self.control, daemon=True))
        for thread in self.threads:
            thread.start()

    def in_child(self):
        die_with_parent()
        if self.smp() == 1:
            # QEMU's threads lose an interrupt of a hypervisor now and then where they really run side by side.
            os.sched_setaffinity(0, {quietest_cpu()})

    def control(self):
        try:
            self.monitor = monitor = qmp.Qmp(self.ports["qmp"][0])
        except (EOFError, OSError):
            return
        qmp.serve(monitor, self.ports["ctl"][0])

    def processors(self):
        """Twice, two seconds apart: does each move on, does it halt, is an interrupt in service for good?
        A server that stands still says no more."""
        try:
            for wait in (2, 0):
                for command in ("info registers -a", *(f"info lapic {n}" for n in range(self.smp()))):
                    answer = self.monitor.command({"execute": "human-monitor-command",
                                                   "arguments": {"command-line": command}})
                    for line in re.findall(r"^(?:CPU#|RIP|ISR|IRR).*", answer.get("return", ""), re.M):
                        print("lab:", line, file=sys.stderr)
                time.sleep(wait)
        except (AttributeError, EOFError, OSError, ValueError):
            pass

    def stop(self):
        """Ends the QEMU that start() started, and no other."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait(self):
        """True if the server powered off by itself in time."""
        try:
            self.process.wait(self.options.timeout or None)
        except subprocess.TimeoutExpired:
            threading.Thread(target=self.processors, daemon=True).start()
            time.sleep(3)
            self.stop()
            return False
        for thread in self.threads[:2]:
            thread.join(5)
        return True

    def qemu_says(self):
        """QEMU's own messages, less those about what we know."""
        for line in (self.dir / "qemu.err").read_text(errors="replace").splitlines():
            if not EXPECTED.search(line):
                print(line, file=sys.stderr)

    def status(self):
        try:
            return int((self.share / "status").read_text())
        except (OSError, ValueError):
            return None

    def verdict(self, in_time):
        self.qemu_says()
        log = self.log.read_bytes() if self.log.exists() else b""
        bad = klog.complaints(log, [*self.topology.data.get("allow", []), *self.options.allow])
        for line in bad[:60]:
            print(f"lab: kernel: {line}", file=sys.stderr)
        if not in_time:
            print(f"lab: not finished after {self.options.timeout} s: ended", file=sys.stderr)
            tail(log)
            return EXIT_TIMEOUT
        if bad:
            return EXIT_KERNEL
        status = self.status()
        if status is None:
            print(f"lab: the virtual server ended without a status (QEMU: {self.process.returncode}); "
                  "the end of its log:", file=sys.stderr)
            tail(log)
            return EXIT_LAB
        return status

    def collect(self):
        if self.options.out:
            shutil.copytree(self.share / "out", self.options.out, dirs_exist_ok=True, symlinks=True)
        if self.options.manifest:
            topology.write_manifest(self.topology, Path(self.options.manifest))

    def run(self):
        begin = time.monotonic()
        try:
            self.start()
            in_time = self.wait()
        finally:
            if hasattr(self, "process"):
                self.stop()
        code = self.verdict(in_time)
        self.collect()
        if self.options.verbose:
            print(f"lab: {time.monotonic() - begin:.0f} s, status {code}", file=sys.stderr)
        return code

    def close(self):
        if self.options.keep:
            print(f"lab: kept {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def die_with_parent():
    """In the child: no virtual server outlives lab/run, however that ends."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def quietest_cpu():
    """The processor of the host with the fewest servers that run on that one only."""
    cpus = sorted(os.sched_getaffinity(0))
    servers = dict.fromkeys(cpus, 0)
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().startswith("qemu-system"):
                where = os.sched_getaffinity(int(comm.parent.name))
                servers[min(where)] += len(where) == 1
        except (OSError, KeyError):     # gone, or elsewhere
            pass
    return min(cpus, key=servers.get)


def pump(sock, stream):
    """Passes on what comes, at once, bytes as they are."""
    try:
        while data := sock.recv(65536):
            stream.buffer.write(data)
            stream.buffer.flush()
    except OSError:
        pass


def tail(log, lines=15):
    for line in log.replace(b"\0", b"").splitlines()[-lines:]:
        print("lab: |", line.decode(errors="replace"), file=sys.stderr)
