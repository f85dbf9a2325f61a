# SPDX-License-Identifier: GPL-2.0-only
"""The virtual lab: where things are."""

from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
CHECKOUT = LAB.parent
BUILD = CHECKOUT / "build" / "lab"


class LabError(Exception):
    """Something a person has to put right; the text says what."""
