# SPDX-License-Identifier: GPL-2.0-only
"""Reads topologies/NAME.toml; makes QEMU's arguments, the disks and the manifest of it.

A topology is a tree of nodes. Every node is one QEMU device, or `count` equal ones:

    [[node]]                      on the root bus
    model = "pcie-root-port"
    count = 24
      [[node.below]]              one of these below each of the 24
      model = "megasas-gen2"
      disk = true

Keys of a node that are not in OWN_KEYS are handed to QEMU as properties.
`addr` ("DEVICE.FUNCTION", hexadecimal) is given only where it matters. With
`later`, it is not there at first: what "qmp add" wants is in the manifest.
"""

import copy
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from . import LAB, LabError, disk, models

OWN_KEYS = {"model", "count", "id", "below", "disk", "functions", "pack", "addr", "later"}
TOP_KEYS = {"summary", "firmware", "node", "mem", "smp", "machine", "append", "allow", "expect"}

ROOT_PORTS = {"pcie-root-port", "ioh3420"}
ONE_DEVICE = ROOT_PORTS | {"xio3130-downstream"}
FIRST_ONE = {"pcie-pci-bridge", "pci-bridge"}       # device 0 is the bridge's own SHPC
BRIDGES = models.BRIDGES
NICS = {"e1000e", "e1000", "rtl8139", "igb"}
SCSI_HBAS = {"megasas-gen2", "megasas", "mptsas1068", "lsi53c895a", "lsi53c810", "am53c974",
             "pvscsi", "virtio-scsi-pci"}
# SeaBIOS asks each kind at other addresses, and QEMU counts them in other properties.
DISK_AT = {"lsi53c895a": "scsi-id=0", "lsi53c810": "scsi-id=0"}
SHORT = {"pcie-root-port": "port", "ioh3420": "port", "x3130-upstream": "up",
         "xio3130-downstream": "down", "pcie-pci-bridge": "bridge", "pci-bridge": "bridge",
         "pxb-pcie": "root", "pci-serial": "serial", "pci-testdev": "test"}
SOUND = {"AC97"}
SHORT |= {m: "nic" for m in NICS} | {m: "hba" for m in SCSI_HBAS}

# The lab's own devices sit at 1e.0 and above; 00.0 and 1f are the machine's.
ROOT_BUS_DEVICES = range(0x01, 0x1e)


@dataclass
class Bus:
    """Where nodes are put: hands out device numbers."""
    name: str
    path: list
    root: int = 0
    free: list = field(default_factory=list)
    filling: list = field(default_factory=list)     # [device, next function] of `pack`

    def take(self, pack):
        if self.filling and self.filling[1] < pack:
            self.filling[1] += 1
            return self.filling[0], self.filling[1] - 1
        if not self.free:
            raise LabError(f"bus {self.name} is full")
        device = self.free.pop(0)
        self.filling = [device, 1] if pack > 1 else []
        return device, 0

    def take_addr(self, addr):
        device, function = (int(x, 16) for x in str(addr).split("."))
        if device in self.free:
            self.free.remove(device)
        return device, function


class Builder:
    def __init__(self, name, directory):
        self.name, self.directory = name, directory
        self.devices, self.args, self.counts = [], [], {}

    def number(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1
        return self.counts[what] - 1

    def place(self, nodes, bus):
        """Puts nodes on bus; all functions of one device number become multifunction."""
        placed = []
        for node in nodes:
            for _ in range(node.get("count", 1)):
                placed += self.place_functions(node, bus)
        crowded = {d for _, d, f in placed if f}
        for node, device, function in placed:
            self.add(node, bus, device, function, device in crowded)

    def place_functions(self, node, bus):
        if node["model"] == "pxb-pcie" or "addr" not in node:
            device, function = bus.take(node.get("pack", 1))
        else:
            device, function = bus.take_addr(node["addr"])
        return [(node, device, function + i) for i in range(node.get("functions", 1))]

    def add(self, node, bus, device, function, crowded):
        model = node["model"]
        short = SHORT.get(model, "dev")
        number = self.number(short)
        ident = node.get("id", f"{short}{number}").replace("{n}", str(number))
        record = {"id": ident, "model": model, "root": bus.root,
                  "path": [*bus.path, f"{device:02x}.{function:x}"]}
        props = {"bus": bus.name, "addr": f"{device:x}.{function:x}"}
        if crowded:
            props["multifunction"] = "on"
        props |= self.defaults(model, record)
        props |= {k: v for k, v in node.items() if k not in OWN_KEYS}
        if node.get("later"):
            record["later"] = [model, properties({"id": ident} | props)]
        else:
            self.device(model, ident, props)
        self.devices.append(record)
        if node.get("disk"):
            self.add_disk(model, ident, record)
        if model in BRIDGES:
            self.place(node.get("below", []), self.bus_below(model, ident, record, props))

    def defaults(self, model, record):
        """Properties that must be there and differ from device to device."""
        if model in ONE_DEVICE:
            return {"chassis": self.number("chassis") + 1}
        if model == "pci-bridge":
            return {"chassis_nr": self.number("chassis") + 1}
        if model == "pxb-pcie":
            return {"bus_nr": 0x40 + 0x20 * self.number("pxb")}
        if model in NICS:
            number = self.number("mac") + 1
            record["mac"] = f"52:54:00:00:{number >> 8:02x}:{number & 0xff:02x}"
            return {"mac": record["mac"]}
        if model in SOUND:
            if not self.counts.get(model):
                self.args += ["-audiodev", f"none,id={model}-mute"]
            self.number(model)
            return {"audiodev": f"{model}-mute"}
        return {}

    def bus_below(self, model, ident, record, props):
        if model == "pxb-pcie":
            return Bus(ident, [], props["bus_nr"], list(range(32)))
        free = [0] if model in ONE_DEVICE else list(range(32))
        return Bus(ident, record["path"], record["root"], free[1:] if model in FIRST_ONE else free)

    def device(self, model, ident, props):
        self.args += ["-device", f"{model},{properties({'id': ident} | props)}"]

    def add_disk(self, model, ident, record):
        image, token = disk.make(self.directory, f"{self.name}-{ident}")
        record |= {"disk": str(image), "token": token}
        self.args += ["-drive", f"if=none,id={ident}-disk,file={image},format=raw,readonly=on,file.locking=off"]
        where = DISK_AT.get(model, "scsi-id=0")
        self.args += ["-device", f"scsi-hd,id={ident}-hd,bus={ident}.0,drive={ident}-disk,{where}"]


def properties(props):
    return ",".join(f"{k}={qemu_value(v)}" for k, v in props.items())


def qemu_value(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value).replace(",", ",,")


@dataclass
class Topology:
    name: str
    data: dict
    args: list
    devices: list

    def manifest(self):
        return {"topology": self.name, "expect": self.data.get("expect", {}),
                "mark": "1e.0", "devices": self.devices}


def find(name):
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    path = LAB / "topologies" / f"{name}.toml"
    if not path.is_file():
        known = " ".join(sorted(p.stem for p in path.parent.glob("*.toml")))
        raise LabError(f"no topology {name}; there are: {known}")
    return path


def load(name, directory):
    """Reads the topology and makes its disks in directory/NAME/."""
    path = find(name)
    try:
        data = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{path}: {error}") from None
    unknown = set(data) - TOP_KEYS
    if unknown:
        raise LabError(f"{path}: unknown key {', '.join(sorted(unknown))}")
    builder = Builder(path.stem, directory / path.stem)
    builder.place(copy.deepcopy(data.get("node", [])),
                  Bus("pcie.0", [], 0, list(ROOT_BUS_DEVICES)))
    return Topology(path.stem, data, builder.args, builder.devices)


def write_manifest(topology, path):
    path.write_text(json.dumps(topology.manifest(), indent=1) + "\n")
