# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the test checkpoints and their goldens: make.py OUTDIR

Does nothing if OUTDIR already holds a complete set made by the same sources and
library versions. --full makes the one of Stable Video Diffusion XT's size instead,
which needs 14 GB of memory and 5 GB of disk. --check-sensitivity also prints how far typical mistakes move the
outputs, --check-parameters which parameters could be forgotten unnoticed.
"""

import argparse
import hashlib
import importlib.metadata
import sys
import time
import warnings
from pathlib import Path

LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "pillow")
NOT_GOLDEN = ("sensitivity.py", "mistakes.py", "mistaken_runs.py", "idle.py",  # only read
              "rife.py")  # has its own stamp


def version_stamp():
    """A digest of everything that the goldens depend on."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        if source.name not in NOT_GOLDEN:
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    digest.update("\n".join(versions).encode())
    return "\n".join([digest.hexdigest(), *versions]) + "\n"


# torch takes seconds to import: only the functions that make something do it.
def quiet_torch():
    """One thread (the sum's order, hence the last bit, depends on it) and no chatter."""
    import torch
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    warnings.filterwarnings("ignore")
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def make_checkpoint(spec, folder, with_rounding):
    """OUTDIR/<name>: the model, the goldens, what fp16 costs (takes the memory twice)."""
    import checkpoint
    import rounding
    import runs
    import specs
    import stages
    from store import Store
    checkpoint.make(spec, folder / "model")
    pipe, store = checkpoint.load(folder / "model"), Store()
    stages.all_stages(spec, pipe, store)
    fp16 = rounding.stages(pipe, store) if with_rounding else {}
    base = 10 * spec["seed"]
    for number, prefix in enumerate(specs.RUNS, start=base):
        runs.run(pipe, spec[prefix], number, prefix, store)
        if with_rounding:
            fp16[f"{prefix}/frames_psnr"] = rounding.whole(pipe, spec[prefix], number, prefix,
                                                           store)
    parameters = {key: spec[key] for key in ("about", "dtype", *specs.RUNS)}
    unet_resnet, unet_transformer = (p.replace("\\", "") for p in stages.unet_details(spec))
    parameters["details"] = {"unet_resnet": unet_resnet, "unet_transformer": unet_transformer,
                             "vae_resnet": "decoder.up_blocks.0.resnets.0"}
    store.save(folder, dict(parameters, scaling_factor=spec["vae"]["scaling_factor"], fp16=fp16))


def make_common(folder):
    """OUTDIR/common: goldens without a model."""
    import common
    from store import Store
    store = Store()
    common.everything(store)
    parameters = {"about": "noise, schedules and preprocessing: no weights needed",
                  "noise_seeds": common.NOISE_SEEDS, "noise_sizes": common.NOISE_SIZES,
                  "preprocess": [dict(picture=list(p), target=list(t))
                                 for p, t in common.PREPROCESS_SIZES],
                  "custom_sigmas": common.CUSTOM_SIGMAS}
    store.save(folder, parameters)


def make_all(outdir, full):
    """A set; the stamp comes last, so that one cut short is made again."""
    stamp = outdir / ("VERSION-full" if full else "VERSION")
    if stamp.is_file() and stamp.read_text() == version_stamp():
        print(f"{outdir}: up to date")
        return
    stamp.unlink(missing_ok=True)
    quiet_torch()
    import specs
    for name, spec in (specs.FULL if full else specs.ALL).items():
        start = time.monotonic()
        make_checkpoint(spec, outdir / name, with_rounding=not full)
        print(f"{outdir / name}: {time.monotonic() - start:.0f} s", flush=True)
    if not full:
        make_common(outdir / "common")
    stamp.write_text(version_stamp())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--full", action="store_true",
                        help="the checkpoint of full size, and nothing else")
    parser.add_argument("--check-sensitivity", action="store_true",
                        help="print what mistakes cost; fails if one is not seen (3 minutes)")
    parser.add_argument("--check-parameters", action="store_true",
                        help="print parameters without influence (10 minutes)")
    arguments = parser.parse_args()
    make_all(arguments.outdir, arguments.full)
    failures = 0
    if arguments.check_sensitivity:
        quiet_torch()
        import sensitivity
        failures += sensitivity.report(arguments.outdir)
    if arguments.check_parameters:
        quiet_torch()
        import idle
        failures += idle.report(arguments.outdir)
    return failures


if __name__ == "__main__":
    sys.exit(main())
