# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom, and that every public header compiles by itself.

    python3 tests/layering.py SOURCE_ROOT COMPILER...

Prints TAP. The rooms, from top to bottom; each may include its own headers
and those of rooms below it:

    gst → include/svd → verbs (src/*.c) → models, diffusion, weights
        → graph → ops → device

bench, a program, sees all of them: it takes networks apart to measure them.
gst sees nothing but <svd/…>. The three rooms on one floor are siblings:
the models' functions read the weights room's configurations, and that is
all they know of each other.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)

ENGINE = ["graph", "ops", "device"]
MAY_INCLUDE = {
    "gst": ["gst", "public"],
    "programs": ["public"],
    "public": ["public"],
    "bench": ["bench", "verbs", "public", "models", "weights", *ENGINE],
    "verbs": ["verbs", "public", "models", "diffusion", "weights", *ENGINE],
    "models": ["models", "weights", *ENGINE],
    "diffusion": ["diffusion", "device"],
    "weights": ["weights", *ENGINE],
    "graph": ["graph", "ops", "device"],
    "ops": ["ops", "device"],
    "device": ["device"],
}


def room_of(path, root):
    parts = path.relative_to(root).parts
    if parts[0] == "gst":
        return "gst"
    if parts[0] == "include":
        return "public"
    return parts[1] if len(parts) > 2 else "verbs"


def find(name, quoted, path, root):
    """The project's file that an include directive means, or None."""
    folders = [root / "include"]
    if quoted:
        folders = [path.parent, root / "src", root / "include"]
    for folder in folders:
        if (folder / name).is_file():
            return (folder / name).resolve()
    return None


def faults(path, root):
    room = room_of(path, root)
    for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
        included = find(match[2], match[1] == '"', path, root)
        if included is None:
            continue
        other = room_of(included, root)
        place = f"{path.relative_to(root)}: #include {match[2]}"
        if other not in MAY_INCLUDE.get(room, []):
            yield f"{place}: {room} may not include {other}"
        elif room in ("gst", "programs", "public") and other == "public" \
                and match[1] == '"':
            yield f"{place}: public headers are included as <svd/…>"


def compile_errors(header, root, compiler):
    """A header compiles alone, in C and without the project's defines."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "alone.c"
        source.write_text(f"#include <svd/{header.name}>\n"
                          f"#include <svd/{header.name}>\n",
                          encoding="utf-8")
        done = subprocess.run(
            [*compiler, "-std=c11", "-Wall", "-Werror", "-fsyntax-only",
             f"-I{root / 'include'}", str(source)],
            capture_output=True, text=True, check=False)
    return done.stderr.splitlines() if done.returncode else []


def report(number, name, found):
    print(f"{'not ok' if found else 'ok'} {number} {name}")
    for line in found:
        print(f"# {line}")
    return bool(found)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    compiler = sys.argv[2:]
    flags = subprocess.run(["pkg-config", "--cflags", "gio-2.0"], text=True,
                           capture_output=True, check=True).stdout
    files = [path for top in ("gst", "include", "src")
             for path in sorted((root / top).rglob("*.[ch]"))]
    headers = sorted((root / "include" / "svd").glob("*.h"))
    failed = False

    print(f"1..{1 + len(headers)}")
    failed |= report(1, "rooms include only what lies below them",
                     [fault for path in files for fault in faults(path, root)])
    for i, header in enumerate(headers):
        failed |= report(i + 2, f"<svd/{header.name}> compiles alone",
                         compile_errors(header, root,
                                        compiler + shlex.split(flags)))
    return failed


if __name__ == "__main__":
    sys.exit(main())
