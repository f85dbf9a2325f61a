# SPDX-License-Identifier: GPL-2.0-only
"""Packages of a Debian suite in a directory tree of its own: nothing is installed.

Where packages come from is read from the machine's own apt at run time, with
the suite replaced. A tree holds a package and all that it depends on, unpacked,
not configured: enough to chroot into it and run a compiler, or to run a program
with its own loader and libraries.
"""

import importlib.machinery
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
BUILD = LAB.parent / "build"


def load_script(path):
    loader = importlib.machinery.SourceFileLoader(path.name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(path.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


debian = load_script(LAB / "xen/debian")


class Suite:
    """An apt of its own, as if nothing were installed."""

    def __init__(self, suites, arch="amd64", foreign=()):
        self.target = suites[0]
        self.dir = BUILD / "kernels/apt" / "-".join([suites[0], *([arch] if arch != "amd64" else []), *foreign])
        for sub in ("lists/partial", "archives/partial", "none"):
            (self.dir / sub).mkdir(parents=True, exist_ok=True)
        (self.dir / "status").touch()
        (self.dir / "sources.list").write_text("".join(self.lines(suites)))
        self.options = [f"Dir::Etc::sourcelist={self.dir}/sources.list", "Dir::Etc::sourceparts=-",
                        f"Dir::Etc::preferencesparts={self.dir}/none",
                        f"Dir::Etc::preferences={self.dir}/status",
                        # Between several suites; alone, its security updates must win.
                        *([f"APT::Default-Release={self.target}"] if suites[1:] else []),
                        f"Dir::State={self.dir}", f"Dir::State::lists={self.dir}/lists",
                        f"Dir::State::status={self.dir}/status", f"Dir::Cache={self.dir}",
                        f"Dir::Cache::archives={self.dir}/archives", f"Dir::Log={self.dir}/log",
                        "APT::Sandbox::User=root", "Acquire::Languages=none", "Acquire::Retries=3",
                        f"APT::Architecture={arch}", f"APT::Architectures::={arch}",
                        *(f"APT::Architectures::={a}" for a in foreign),
                        "APT::Install-Recommends=false", "Debug::NoLocking=true"]
        if not any(self.dir.glob("lists/*_Packages*")):
            self.update()

    @staticmethod
    def lines(suites):
        name, (address, own, _), security = debian.archive_of_debian()
        for suite in suites:
            places = [(address, suite)]
            if suite == name:
                places = [(address, s) for s in own] + [(a, s) for a, ss, _ in security for s in ss]
            for a, s in places:
                yield f"deb [signed-by={debian.KEYRING}] {a} {s} main\n"

    def run(self, tool, *args, **more):
        command = [tool, *(w for o in self.options for w in ("-o", o)), *args]
        return subprocess.run(command, check=True, text=True, stdout=more.pop("stdout", sys.stderr), **more).stdout

    def update(self):
        self.run("apt-get", "-qq", "update")

    def output(self, tool, *args):
        return self.run(tool, *args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def depends(self, package):
        text = self.output("apt-cache", "depends", "--important", "-q=0", package)
        return [name for name in re.findall(r"^\s+\|?(?:Pre)?Depends: ([^\s<]+)$", text, re.M)]

    def closure(self, package, pattern):
        """@package and what it depends on whose names match, transitively."""
        found, todo = [], [package]
        while todo:
            name = todo.pop(0)
            if name in found:
                continue
            found.append(name)
            todo += [d for d in self.depends(name) if re.match(pattern, d)]
        return found

    def download(self, packages, alone=False):
        """Paths of the packages' files; with all that they need, unless @alone."""
        if alone:
            return [self.download_one(p) for p in packages]
        args = ["-y", "install", *packages]
        self.run("apt-get", "-qq", "--download-only", *args)
        # Those that are in the cache already are not among the URIs: ask what would be installed.
        files = []
        for name, version in re.findall(r"^Inst (\S+) \((\S+)", self.output("apt-get", "-s", *args), re.M):
            name = name.partition(":")[0]
            found = sorted(self.dir.glob(f"archives/{name}_{version.replace(':', '%3a')}_*.deb"))
            if not found:
                sys.exit(f"suite: {name} {version} of {self.target} was not downloaded")
            files.append(found[0])
        return files

    def download_one(self, package):
        version = re.search(r"Candidate: (\S+)", self.output("apt-cache", "policy", package))
        if not version or version[1] == "(none)":
            sys.exit(f"suite: no package {package} in {self.target}")
        pattern = f"archives/{package.partition(':')[0]}_{version[1].replace(':', '%3a')}_*.deb"
        if not any(self.dir.glob(pattern)):
            self.run("apt-get", "-qq", "download", f"{package}={version[1]}", cwd=self.dir / "archives")
        return next(self.dir.glob(pattern))


MERGED = ("bin", "sbin", "lib", "lib64", "lib32", "libx32")


def make_root(tree):
    """An empty root with a merged /usr, as every suite since bookworm has it."""
    for name in MERGED:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for name in ("dev", "proc", "tmp", "etc", "src"):
        (tree / name).mkdir()


def unpack(tree, files):
    """Unpacks the packages into a new tree, unless it holds exactly these."""
    stamp = tree / ".unpacked"
    wanted = "".join(f"{f.name}\n" for f in sorted(files))
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    part = tree.with_name(tree.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(tree, ignore_errors=True)
    part.mkdir(parents=True)
    make_root(part)
    for file in files:
        # tar keeps the links that stand for directories; dpkg-deb -x would replace them.
        deb = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", file], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", part],
                       check=True, stdin=deb.stdout)
        if deb.wait():
            sys.exit(f"suite: cannot unpack {file}")
    (part / ".unpacked").write_text(wanted)
    part.rename(tree)
