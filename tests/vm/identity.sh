#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server nics24, modules loaded: 24 NICs on one window, eight processes
# that each ask who answers, through the index and data ports of every NIC.
# usage, as root: identity.sh [ACCESSES]	(a million)
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
"$top/build/iomul" attach --all --windows 1 || exit 1
mark begin
"$top/build/vm/identity" -n "${1:-1000000}" -p 8 -b 256 > /tmp/identity
status=$?
mark end
cat /tmp/identity
"$top/build/iomul" status --json > /run/lab/out/status.json
"$top/build/iomul" detach --all || status=1
exit $status
