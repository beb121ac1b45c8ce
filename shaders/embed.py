#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write SPIR-V files into one C table: embed.py FILE.spv… TABLE.c

The table (see src/device/shader-table.h) is sorted by name, so that it can
be searched by bisection."""
import hashlib
import struct
import sys
from pathlib import Path

*modules, table = (Path(a) for a in sys.argv[1:])
modules.sort(key=lambda path: path.stem)
digest = hashlib.sha256()

with table.open("w") as out:
    out.write('#include "device/shader-table.h"\n\n')
    for path in modules:
        code = path.read_bytes()
        digest.update(path.stem.encode() + b"\0" + code)
        words = struct.unpack(f"<{len(code) // 4}I", code)
        out.write(f"static const guint32 {path.stem}[] = {{\n")
        for i in range(0, len(words), 12):
            out.write("  " + ", ".join(map(hex, words[i:i + 12])) + ",\n")
        out.write("};\n\n")
    out.write("const KilnShader kiln_shaders[] = {\n")
    for path in modules:
        out.write(f'  {{ "{path.stem}", {path.stem}, sizeof {path.stem} }},\n')
    out.write("};\n\nconst guint kiln_n_shaders = G_N_ELEMENTS (kiln_shaders);\n")
    out.write(f'const char kiln_shaders_hash[] = "{digest.hexdigest()[:16]}";\n')
