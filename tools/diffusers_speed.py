# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stages of a clip by diffusers and by svd-bench, in one run, with the ratio:

    python3 tools/diffusers_speed.py BUILD                    the embedded model, as it is
    python3 tools/diffusers_speed.py BUILD --width=64 --height=64 --frames=2 --steps=1
    python3 tools/diffusers_speed.py BUILD --random --compile Stable Video Diffusion XT

MODEL is a folder in diffusers' layout; with --random one with its JSON configs alone, and both
sides make up the weights. diffusers takes fp16 on CUDA and fp32 on the CPU, and PyTorch's
scaled_dot_product_attention; --compile adds torch.compile of its networks. Its step is the UNet
without the scheduler. Each stage runs once before it is timed, and the best of three runs counts.
On the CPU times are CPU seconds, PyTorch's on one thread, so that none of them waits in a loop.
Needs tools/requirements.txt, with PyTorch for CUDA where that is.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import diffusers
import torch
import transformers

ROOT = Path(__file__).resolve().parents[1]
CUDA = torch.cuda.is_available()
DEVICE, DTYPE = ("cuda", torch.float16) if CUDA else ("cpu", torch.float32)
STAGES = ("encode", "step", "decode")
RUNS = 3


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--random", action="store_true", help="make up the weights")
    parser.add_argument("--compile", action="store_true", help="torch.compile the networks too")
    parser.add_argument("--device", default="", help="svd-bench's Vulkan device")
    for name in ("frames", "width", "height", "steps", "decode-chunk-size"):
        parser.add_argument(f"--{name}", type=int, default=-1, help="as svd-bench's")
    args = parser.parse_args()
    args.model = args.model or ROOT / "models" / ("svd-xt-configs" if args.random else "svd-tiny")
    args.build = args.build.resolve()
    return args


def run_ours(args):
    command = [args.build / "src" / "bench" / "svd-bench", args.model, "--stages", "--json",
               f"--device={args.device}", f"--precision={'fp16' if CUDA else 'fp32'}",
               *(["--random"] if args.random else [])]
    command += [f"--{name}={getattr(args, name.replace('-', '_'))}"
                for name in ("frames", "width", "height", "steps", "decode-chunk-size")]
    done = subprocess.run(command, check=True, capture_output=True, text=True,
                          env={"SVD_MODEL_PATH": str(ROOT / "models"), **os.environ})
    return json.loads(done.stdout)


# ---- diffusers

def open_pipeline(args):
    kind = diffusers.StableVideoDiffusionPipeline
    if not args.random:
        return kind.from_pretrained(str(args.model), dtype=DTYPE).to(DEVICE)
    parts = {"unet": diffusers.UNetSpatioTemporalConditionModel,
             "vae": diffusers.AutoencoderKLTemporalDecoder}
    with torch.device(DEVICE):
        made = {name: part.from_config(part.load_config(args.model / name)).to(DTYPE)
                for name, part in parts.items()}
        config = transformers.CLIPVisionConfig.from_pretrained(args.model / "image_encoder")
        made["image_encoder"] = transformers.CLIPVisionModelWithProjection(config).to(DTYPE)
    made["scheduler"] = diffusers.EulerDiscreteScheduler.from_pretrained(args.model / "scheduler")
    made["feature_extractor"] = transformers.CLIPImageProcessor.from_pretrained(
        args.model / "feature_extractor")
    return kind(**{name: part.eval() if hasattr(part, "eval") else part
                   for name, part in made.items()})


def clock():
    if CUDA:
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def seconds(function):
    function()
    best = float("inf")
    for _ in range(RUNS):
        start = clock()
        function()
        best = min(best, clock() - start)
    return best


def make_stages(pipe, ours):
    """A function for each stage, doing what svd-bench's does."""
    passes = 2 if ours["guided"] else 1
    factor = pipe.vae_scale_factor
    height, width, frames = ours["height"], ours["width"], ours["frames"]
    picture = torch.rand(1, 3, height, width, device=DEVICE, dtype=DTYPE)
    small = torch.rand(1, 3, *[pipe.image_encoder.config.image_size] * 2, device=DEVICE, dtype=DTYPE)
    channels = pipe.unet.config.in_channels // 2
    latents = torch.randn(passes, frames, 2 * channels, height // factor, width // factor,
                          device=DEVICE, dtype=DTYPE)
    context = torch.randn(passes, 1, pipe.unet.config.cross_attention_dim, device=DEVICE,
                          dtype=DTYPE)
    ids = torch.tensor([[6, 127, 0.02]] * passes, device=DEVICE, dtype=DTYPE)

    def encode():
        pipe.image_encoder(small)
        pipe._encode_vae_image(2 * picture - 1, DEVICE, 1, False)

    def step():
        pipe.unet(latents, 1.0, encoder_hidden_states=context, added_time_ids=ids)

    def decode():
        n = ours["decode_frames"]
        pipe.decode_latents(latents[:1, :n, :channels], n, n)

    return dict(zip(STAGES, (encode, step, decode)))


def run_theirs(pipe, ours):
    with torch.inference_mode():
        return {name: seconds(stage) for name, stage in make_stages(pipe, ours).items()}


# ---- The table

def clip(times, ours):
    """Seconds of a whole clip by those of its stages."""
    return times["encode"] + ours["steps"] * times["step"] \
        + times["decode"] * ours["frames"] / ours["decode_frames"]


def print_table(ours, theirs):
    here = {name: ours["stages"][name]["warm"]["run"] if CUDA
            else ours["stages"][name]["core_seconds"] for name in STAGES}
    here["clip"] = clip(here, ours)
    print("| | gst-svd, s |" + "".join(f" diffusers {name}, s | ratio |" for name in theirs))
    print("| --- |" + " --- |" * (1 + 2 * len(theirs)))
    for stage, ours_seconds in here.items():
        print(f"| {stage} | {ours_seconds:.3f} |" + "".join(
            f" {times[stage]:.3f} | {times[stage] / ours_seconds:.2f} |" for times in theirs.values()))


def print_head(ours):
    print(f"gst-svd: {ours['device']}, {ours['driver']}, {ours['precision']}\n"
          f"diffusers {diffusers.__version__}, PyTorch {torch.__version__}: "
          f"{torch.cuda.get_device_name() if CUDA else 'CPU'}, {DTYPE}\n"
          f"{ours['model']}, {ours['frames']} frames of {ours['width']}×{ours['height']}, "
          f"{ours['steps']} steps, {ours['decode_frames']} frames decoded together; "
          f"{'seconds' if CUDA else 'CPU seconds'}, load {os.getloadavg()[0]:.0f}\n")


def print_memory(ours):
    if CUDA:
        print(f"\nOn the device at most: gst-svd {ours['peak_bytes'] / 1e9:.2f} GB, "
              f"diffusers {torch.cuda.max_memory_allocated() / 1e9:.2f} GB")


def main():
    args = parse_arguments()
    if not CUDA:
        torch.set_num_threads(1)
    ours = run_ours(args)
    pipe = open_pipeline(args)
    theirs = {"eager": run_theirs(pipe, ours)}
    if args.compile:
        pipe.unet = torch.compile(pipe.unet)
        pipe.vae.decode = torch.compile(pipe.vae.decode)
        pipe.vae.encode = torch.compile(pipe.vae.encode)
        theirs["compiled"] = run_theirs(pipe, ours)
    for times in theirs.values():
        times["clip"] = clip(times, ours)
    print_head(ours)
    print_table(ours, theirs)
    print_memory(ours)


if __name__ == "__main__":
    main()
