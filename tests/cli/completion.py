#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Completion as it is used: bash and zsh on a terminal, keys pressed; and that completion and
man pages know every verb and option that the command has.

usage: completion.py PATH-TO-IOMUL [DIRECTORY-OF-MAN-PAGES]
"""
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest

from fixture import Tree, run_tests

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IOMUL = MAN = None
OPTION = re.compile(r"--[a-z][a-z-]*")
TAB, HOME, KILL = "\t", "\x01", "\x15"


def command(*args):
    return subprocess.run([IOMUL, *args], text=True, capture_output=True, timeout=60, check=True).stdout


def verbs():
    text = command("help").split("Verbs:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in text.splitlines()]


def options(verb):
    """What --help lists, without other commands' options in its prose."""
    text = command(verb, "--help")
    usage, body = text.split("\n\n", 1)
    listed = set(re.findall(r"^  (--[a-z-]+)", body, re.M)) | set(OPTION.findall(usage))
    return listed | {"--help"}


class Terminal:
    """A shell on a terminal, with completion for iomul and a prompt of its own."""

    def __init__(self, argv, env):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execvpe(argv[0], argv, env)

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def read_until(self, what, seconds=60):
        """What came up to and with @what."""
        end = time.monotonic() + seconds
        while what not in self.text:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {what!r} in {self.text!r}")
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        at = self.text.index(what) + len(what)
        seen, self.text = self.text[:at], self.text[at:]
        return seen

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Shell:
    """The tests of both shells. words() is what the line has become after a TAB."""
    sys = None

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        sys_dir = os.path.join(self.dir.name, "sys")
        tree = Tree(sys_dir)
        tree.port("0000:00:02.0", 5)
        for function in ("0000:05:00.0", "0000:05:00.1", "0000:06:00.0", "0001:07:1f.0"):
            tree.endpoint(function, {})
        with open(os.path.join(self.dir.name, "capture.txt"), "w"):
            pass
        env = {"PATH": os.environ["PATH"], "HOME": self.dir.name, "TERM": "dumb", "LC_ALL": "C.UTF-8",
               "IOMUL_SYSFS": sys_dir, "COLUMNS": "200", "INPUTRC": "/dev/null"}
        self.term = Terminal(self.start(), env)
        self.addCleanup(self.term.close)
        self.term.press(f"cd {self.dir.name}; {self.prepare}; echo rea''dy\r")
        self.term.read_until("ready")

    def words(self, line):
        """Each word in brackets, once the shell has completed what was typed."""
        self.term.read_until("% ")
        self.term.press(line + TAB + HOME + "printf '[%s]' " + "\x05" + "; echo do''ne\r")
        out = self.term.read_until("done\r\n")
        return re.findall(r"\[([^\][]*)\]", out.splitlines()[-1])

    def completes(self, line, *words):
        self.assertEqual(self.words(line), ["iomul", *words])

    def test_verb(self):
        self.completes("iomul att", "attach")

    def test_verb_ambiguous(self):
        self.completes("iomul ma", "map")
        self.completes("iomul m", "m")

    def test_help(self):
        self.completes("iomul help sn", "help", "snapshot")

    def test_option(self):
        self.completes("iomul attach --star", "attach", "--starved")

    def test_option_behind_slots(self):
        self.completes("iomul plan 05:00 --ste", "plan", "05:00", "--steps")

    def test_slot(self):
        self.completes("iomul attach 06", "attach", "06:00")

    def test_slot_behind_the_colon(self):
        self.completes("iomul attach 06:", "attach", "06:00")

    def test_slot_with_segment(self):
        self.completes("iomul bind 0000:06", "bind", "0000:06:00")
        self.completes("iomul bind 0001:", "bind", "0001:07:1f")

    def test_slot_once(self):
        """Two functions, one slot."""
        self.completes("iomul detach 05", "detach", "05:00")

    def test_second_slot(self):
        self.completes("iomul attach 05:00 06", "attach", "05:00", "06:00")

    def test_ports_are_no_slots(self):
        self.completes("iomul attach 00:", "attach", "00:")

    def test_no_slots_for_status(self):
        self.completes("iomul status 06", "status", "06")

    def test_file(self):
        self.completes("iomul plan --from cap", "plan", "--from", "capture.txt")

    def test_value(self):
        self.completes("iomul attach --windows a", "attach", "--windows", "auto")

    def test_all_verbs(self):
        self.assertEqual(self.offered("iomul "), set(verbs()))

    def test_all_options(self):
        for verb in verbs():
            if verb != "help":
                with self.subTest(verb):
                    self.assertEqual(self.offered(f"iomul {verb} --"), options(verb))


class Bash(Shell, unittest.TestCase):
    prepare = "bind 'set completion-query-items 0'; bind 'set page-completions off'; " \
              "bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'; PS1='% '; " \
              f". {TOP}/completion/iomul.bash"

    def start(self):
        return ["bash", "--norc", "--noprofile", "-i"]

    def offered(self, line):
        """What readline lists."""
        self.term.read_until("% ")
        self.term.press(line + TAB + KILL + "echo do''ne\r")
        out = self.term.read_until("done\r\n").split("\r\n")[:-2]
        listed = " ".join(text for text in out if not re.match("\r*%", text) and line not in text)
        # A single one is not listed, but taken.
        return set(listed.split()) or {self.words(line)[-1]}


class Zsh(Shell, unittest.TestCase):
    # compadd is what every match goes through; with -O, -A, -D it only asks.
    prepare = "PS1='%% '; unsetopt promptcr promptsp automenu; bindkey -e; fpath=(./site $fpath); " \
              "autoload -Uz compinit; compinit -D -u; " \
              "compadd() { local -a hits; " \
              "[[ $* == *-[OAD]* ]] || { builtin compadd -O hits \"$@\"; print -l -- $hits >> offered }; " \
              "builtin compadd \"$@\" }"

    def start(self):
        site = os.path.join(self.dir.name, "site")
        os.mkdir(site)
        os.symlink(f"{TOP}/completion/iomul.zsh", f"{site}/_iomul")
        return ["zsh", "-f", "-i"]

    def offered(self, line):
        path = os.path.join(self.dir.name, "offered")
        open(path, "w").close()
        self.term.read_until("% ")
        self.term.press(line + TAB + KILL + "echo do''ne\r")
        self.term.read_until("done\r\n")
        with open(path) as f:
            return set(f.read().split())


class Pages(unittest.TestCase):
    def page(self, name):
        with open(os.path.join(MAN, name)) as f:
            text = f.read()
        aliased = re.match(r"\.so man8/(\S+)", text)
        return self.page(aliased.group(1)) if aliased else re.sub(r"\\f.|\\", "", text)

    def test_options(self):
        known = {}
        for verb in verbs():
            text = self.page(f"iomul-{verb}.8")
            known.setdefault(text, set()).update(options(verb) - {"--help"})
        for text, expected in known.items():
            with self.subTest(text.splitlines()[1]):
                section = text.split("\n.SH OPTIONS")[1].split("\n.SH")[0] if "\n.SH OPTIONS" in text else ""
                self.assertEqual(set(OPTION.findall(section)), expected)

    def test_overview(self):
        text = self.page("iomul.8")
        for verb in verbs():
            self.assertIn(f"iomul-{verb}(8)", text)


def main():
    global IOMUL, MAN
    if len(sys.argv) not in (2, 3) or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    IOMUL = os.path.abspath(sys.argv[1])
    MAN = sys.argv[2] if len(sys.argv) == 3 else os.path.join(TOP, "build/man")
    return run_tests()


if __name__ == "__main__":
    sys.exit(main())
