# SPDX-License-Identifier: GPL-2.0-only
"""Finds a kernel and its modules, and makes the initramfs that mounts the host's root."""

import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import BUILD, LAB, LabError

# In the order in which they must be inserted. One that is missing is built in,
# or does not exist in that version (fscache is part of netfs since 6.8).
MODULES = """virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci
	netfs fscache 9pnet 9pnet_virtio 9p overlay virtio_console""".split()

# Reproducible: the cache key covers the content, so times do not matter.
NEWC_SKELETON = ("dev", "proc", "sys", "bin", "modules", "host", "root")


@dataclass
class Kernel:
    image: Path
    version: str
    modules: Path | None


def version_of(image):
    """The version string, which the bzImage header points to (boot protocol 2.00)."""
    data = image.read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"{image}: not a bzImage")
    start = int.from_bytes(data[0x20e:0x210], "little") + 0x200
    return data[start:start + 256].split(b"\0")[0].split()[0].decode()


def natural_key(path):
    return [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", path.name)]


def find_image(wanted):
    if wanted and Path(wanted).is_file():
        return Path(wanted).resolve()
    if wanted:
        image = Path("/boot") / f"vmlinuz-{wanted}"
        if not image.is_file():
            raise LabError(f"no kernel {wanted}: neither a file nor {image}")
        return image
    images = sorted(Path("/boot").glob("vmlinuz-*"), key=natural_key)
    if not images:
        raise LabError("no /boot/vmlinuz-*: install linux-image-amd64, or name one with --kernel")
    return images[-1]


def find_modules(directory, version):
    """DIR may be the module directory itself or the root that a package was unpacked to."""
    if not directory:
        found = Path("/lib/modules") / version
        return found if found.is_dir() else None
    root = Path(directory).resolve()
    for found in (root / "lib/modules" / version, root / "usr/lib/modules" / version, root):
        if (found / "kernel").is_dir() or (found / "modules.dep").is_file():
            return found
    raise LabError(f"{directory}: no modules for kernel {version} in it")


def need_module_index(kernel):
    """Kernels unpacked without dpkg's scripts have no modules.dep yet."""
    directory = kernel.modules
    if not directory or (directory / "modules.dep").is_file():
        return
    base = directory.parents[2]
    if directory != base / "lib/modules" / kernel.version:
        raise LabError(f"{directory}: no modules.dep in it; run depmod")
    subprocess.run(["depmod", "-b", base, kernel.version], check=True,
                   env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"})


def find_kernel(wanted, modules):
    image = find_image(wanted)
    version = version_of(image)
    kernel = Kernel(image, version, find_modules(modules, version))
    need_module_index(kernel)
    return kernel


def unpack(path):
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dc", path], check=True, stdout=subprocess.PIPE).stdout
    return path.read_bytes()


def module_files(kernel):
    """[(name, path)] of those of MODULES that exist as files, in order."""
    if not kernel.modules:
        return []
    wanted = {name: None for name in MODULES}
    for path in (kernel.modules / "kernel").rglob("*.ko*"):
        name = path.name.split(".ko")[0].replace("-", "_")
        if name in wanted:
            wanted[name] = path
    return [(name, path) for name, path in wanted.items() if path]


def busybox():
    path = shutil.which("busybox", path=os.environ.get("PATH", "") + ":/bin:/usr/bin")
    if not path:
        raise LabError("no busybox: install busybox-static")
    return Path(path)


def cache_key(kernel, files):
    digest = hashlib.sha256()
    for path in [Path(__file__), LAB / "guest/initramfs", busybox(), kernel.image, *(p for _, p in files)]:
        stat = path.stat()
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def fill_tree(tree, files):
    for name in NEWC_SKELETON:
        (tree / name).mkdir()
    shutil.copy2(busybox(), tree / "bin/busybox")
    shutil.copy2(LAB / "guest/initramfs", tree / "init")
    for number, (name, path) in enumerate(files):
        (tree / "modules" / f"{number:02}-{name}.ko").write_bytes(unpack(path))


def pack_tree(tree, target):
    names = sorted(str(p.relative_to(tree)) for p in tree.rglob("*"))
    part = target.with_suffix(f".{os.getpid()}")
    with open(part, "wb") as out:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=tree, check=True,
                       input="\n".join(names).encode(), stdout=out)
    part.rename(target)


def initramfs(kernel):
    files = module_files(kernel)
    target = BUILD / f"initramfs-{kernel.version}-{cache_key(kernel, files)}.cpio"
    if target.is_file():
        return target
    BUILD.mkdir(parents=True, exist_ok=True)
    tree = BUILD / f"initramfs.{os.getpid()}"
    try:
        tree.mkdir()
        fill_tree(tree, files)
        pack_tree(tree, target)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    return target
