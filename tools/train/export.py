#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write svd-tiny as the folder that StableVideoDiffusionPipeline.from_pretrained loads.

Weights are stored as float16 under their plain names (no `fp16` variant), so
that one folder serves every loader. Without a checkpoint the networks are
random: such a folder tests loading and speed before anything is trained.
"""

import argparse
import json
import pathlib

import torch
from diffusers import StableVideoDiffusionPipeline

import architecture

RECOMMENDED = {
    "width": architecture.PICTURE_SIZE,
    "height": architecture.PICTURE_SIZE,
    "num_frames": architecture.FRAMES,
    "steps": 1,
    "min_guidance_scale": 1.0,
    "max_guidance_scale": 1.0,
    "fps": 7,
    "motion_bucket_id": 127,
    "noise_aug_strength": 0.02,
}


def check_float16(model, name):
    """Float16 cannot hold every float32: refuse to write a weight it loses."""
    for key, value in model.state_dict().items():
        if not torch.isfinite(value.half()).all():
            raise SystemExit(f"{name}: {key} does not fit float16")


def export(folder, unet, autoencoder, clip, recommended=None):
    folder = pathlib.Path(folder)
    parts = {"unet": unet, "vae": autoencoder, "image_encoder": clip}
    for name, model in parts.items():
        check_float16(model, name)
    pipeline = StableVideoDiffusionPipeline(
        vae=autoencoder.half(),
        image_encoder=clip.half(),
        unet=unet.half(),
        scheduler=architecture.make_scheduler(),
        feature_extractor=architecture.make_feature_extractor(),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    for config in folder.glob("*/config.json"):
        text = json.loads(config.read_text())
        text.pop("_name_or_path", None)
        config.write_text(json.dumps(text, indent=2) + "\n")
    # Older transformers know the picture processor by its general name only.
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("CLIPImageProcessorPil", "CLIPImageProcessor"))
    for weights in folder.glob("*/*.safetensors"):
        weights.chmod(0o644)
    settings = dict(RECOMMENDED, **(recommended or {}))
    (folder / "recommended.json").write_text(json.dumps(settings, indent=2) + "\n")
    return architecture.megabytes(unet, autoencoder, clip)


def load_parts(checkpoints):
    """Networks from the newest checkpoints in a training folder, random where there is none."""
    parts = {
        "unet": architecture.make_unet(),
        "autoencoder": architecture.make_autoencoder(),
        "clip": architecture.make_clip(),
    }
    for file in ("autoencoder.pt", "denoiser.pt", "decoder.pt"):
        path = pathlib.Path(checkpoints or ".") / file
        if checkpoints and path.exists():
            saved = torch.load(path, map_location="cpu", weights_only=True)["average"]
            for name, state in saved.items():
                parts[name].load_state_dict(state)
    return parts


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoints", help="the training's folder; without it the weights are random")
    parser.add_argument("--out", required=True, help="the model folder to write")
    parser.add_argument("--seed", type=int, default=0, help="for random weights")
    parser.add_argument("--steps", type=int, default=RECOMMENDED["steps"])
    args = parser.parse_args(argv)
    torch.manual_seed(args.seed)
    size = export(args.out, **load_parts(args.checkpoints), recommended={"steps": args.steps})
    print(f"{args.out}: {size:.2f} MB of weights")


if __name__ == "__main__":
    main()
