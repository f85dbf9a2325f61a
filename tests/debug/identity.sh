#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the server: who answers, over one window.
top=$(cd "$(dirname "$0")/../.." && pwd)
"$top/build/iomul" attach --all --windows 1 || exit 1
"$top/build/vm/identity" -n "${1:-40000}" -p 4 -b 64 || exit 1
exec "$top/build/iomul" detach --all
