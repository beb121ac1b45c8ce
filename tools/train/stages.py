#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""All stages of making svd-tiny, in order: photographs, code, training, export, evaluation.

Every stage leaves a file, and one whose file is there is not done again, so a
run that was stopped is resumed by giving the same command. The autoencoder and
the denoiser train beside one another, since the fixed latent code makes them
independent.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def tool(name, *arguments, threads=1):
    """Start one of the scripts of this folder as a process of its own."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    return subprocess.Popen([sys.executable, "-u", str(HERE / name), *map(str, arguments)], env=environment)


def finish(*processes):
    codes = [process.wait() for process in processes]
    if any(codes):
        sys.exit("a stage failed: see its message above")


def full(out, minutes, threads, device, start):
    import photographs
    from latent_code import SHIPPED, LatentCode

    photographs.training(out / "data")
    photographs.held_out(out / "data")
    photos = ["--photos", out / "data" / "photos"]
    if start:
        LatentCode.load(SHIPPED).save(out / "latent_code.pt")
    finish(tool("latent_code.py", "--out", out, *photos, threads=threads))
    each = max(1, threads // 2)
    common = ["--out", out, *photos, "--threads", each, "--device", device, *(["--start", start] if start else [])]
    large = device != "cpu"
    autoencoder = ["--batch", "96", "--compile"] if large else []
    one_step = ["--regress", "--frames", "4", *(["--batch", "96", "--compile"] if large else ["--batch", "6"])]
    finish(
        tool("train_autoencoder.py", *common, *autoencoder, "--minutes", 0.6 * minutes, threads=each),
        tool("train_denoiser.py", *common, *one_step, "--rate", "0.02", "--tail", "0.45", "--minutes", 0.6 * minutes,
             threads=each),
    )
    sharpen = ["--sharpen", "--rate", "0.01", "--tail", "0.25", "--minutes", 0.8 * minutes]
    finish(tool("train_denoiser.py", *common, *one_step, *sharpen, threads=threads))
    decoder = ["--out", out, *photos, "--threads", threads, "--device", device, "--minutes", 0.2 * minutes]
    finish(tool("train_decoder.py", *decoder, *(["--batch", "32"] if large else []), threads=threads))
    finish(tool("export.py", "--checkpoints", out, "--out", out / "svd-tiny"))
    held_out = out / "data" / "held-out" / "photos"
    finish(tool("evaluate.py", "--model", out / "svd-tiny", "--photos", held_out, "--out", out / "evaluation"))


def smoke(out):
    """A few steps of everything on drawings, in one process, with nothing downloaded."""
    import adversary
    import evaluate
    import export
    import latent_code
    import test_devices
    import test_fast_passes
    import train_autoencoder
    import train_decoder
    import train_denoiser

    test_fast_passes.main()
    test_devices.main()
    latent_code.main(["--out", str(out), "--pictures", "24", "--steps", "10"])
    train_autoencoder.main(["--out", str(out), "--batch", "2", "--steps", "4", "--joint", "0.5"])
    train_denoiser.main(["--out", str(out), "--batch", "1", "--steps", "1"])
    adversary.ALONE = 0  # a single step should use all of it
    one_step = ["--batch", "1", "--steps", "1", "--frames", "4", "--regress"]
    train_denoiser.main(["--out", str(out), *one_step])
    train_denoiser.main(["--out", str(out), *one_step, "--sharpen"])
    train_decoder.main(["--out", str(out), "--batch", "1", "--steps", "1"])
    export.main(["--checkpoints", str(out), "--out", str(out / "svd-tiny")])
    evaluate.main(["--model", str(out / "svd-tiny"), "--out", str(out / "evaluation"), "--quick"])


def main():
    from architecture import default_device

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder for photographs, checkpoints and model")
    parser.add_argument("--minutes", type=float, default=240, help="training time")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--device", default=default_device(), help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--start", help="model folder to go on from, such as models/svd-tiny")
    parser.add_argument("--smoke", action="store_true", help="a few steps on drawings, to see that it runs")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    started = time.time()
    smoke(args.out) if args.smoke else full(args.out, args.minutes, args.threads, args.device, args.start)
    print(f"{args.out / 'svd-tiny'} made in {(time.time() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
