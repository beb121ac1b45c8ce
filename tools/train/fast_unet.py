# SPDX-License-Identifier: LGPL-2.1-or-later
"""The UNet's forward pass rewritten for training on a CPU: same weights, same results.

diffusers' own forward spends most of a training step on a CPU in layout
changes, in 3-D convolutions that are really matrix products, and in
cross-attention over a single token, which is a constant. Here activations stay
[batch, frames, height, width, channels] all the way, a temporal convolution is
one matrix product over three shifted copies, group norm is two sums a channel,
and cross-attention is to_out(to_v(embedding)). It is written so that
torch.compile takes it as one graph. test_fast_passes.py holds it to diffusers.
"""

import torch
from torch.nn import functional as F


def group_norm(x, norm, over_frames):
    """Group norm from channel sums; over_frames: one statistic for the whole clip."""
    b, f, h, w, c = x.shape
    flat = x.reshape(b, f * h * w, c) if over_frames else x.reshape(b * f, h * w, c)
    n, count, _ = flat.shape
    size = c // norm.num_groups
    mean = flat.mean(1).view(n, norm.num_groups, size).mean(2)
    square = (flat * flat).mean(1).view(n, norm.num_groups, size).mean(2)
    scale = torch.rsqrt((square - mean * mean).clamp_min(0) + norm.eps)
    mean = mean.repeat_interleave(size, 1)
    scale = scale.repeat_interleave(size, 1) * norm.weight
    return (flat * scale[:, None] + (norm.bias - mean * scale)[:, None]).view(b, f, h, w, c)


def conv(x, layer, stride=1):
    b, f, h, w, c = x.shape
    y = F.conv2d(
        x.reshape(b * f, h, w, c).permute(0, 3, 1, 2), layer.weight, layer.bias, stride, layer.padding
    ).permute(0, 2, 3, 1)
    return y.reshape(b, f, *y.shape[1:])


def temporal_conv(x, layer):
    """A 3×1×1 convolution: the frame before, itself and the frame after, times one matrix."""
    edge = torch.zeros_like(x[:, :1])
    before = torch.cat([edge, x[:, :-1]], 1)
    after = torch.cat([x[:, 1:], edge], 1)
    weight = layer.weight[:, :, :, 0, 0].permute(0, 2, 1).flatten(1)
    return F.linear(torch.cat([before, x, after], -1), weight, layer.bias)


def spatial_resnet(x, block, emb):
    h = conv(F.silu(group_norm(x, block.norm1, False)), block.conv1)
    if emb is not None:
        h = h + block.time_emb_proj(F.silu(emb))[:, None, None, None]
    h = conv(F.silu(group_norm(h, block.norm2, False)), block.conv2)
    if block.conv_shortcut is not None:
        shortcut = block.conv_shortcut
        x = F.linear(x, shortcut.weight[:, :, 0, 0], shortcut.bias)
    return x + h


def temporal_resnet(x, block, emb):
    h = temporal_conv(F.silu(group_norm(x, block.norm1, True)), block.conv1)
    if emb is not None:
        h = h + block.time_emb_proj(F.silu(emb))[:, None, None, None]
    return x + temporal_conv(F.silu(group_norm(h, block.norm2, True)), block.conv2)


def resnet(x, block, emb):
    spatial = spatial_resnet(x, block.spatial_res_block, emb)
    temporal = temporal_resnet(spatial, block.temporal_res_block, emb)
    return torch.lerp(temporal, spatial, torch.sigmoid(block.time_mixer.mix_factor))


def self_attention(x, attn):
    """x: [sequences, tokens, channels]"""
    n, tokens, c = x.shape
    qkv = F.linear(x, torch.cat([attn.to_q.weight, attn.to_k.weight, attn.to_v.weight]))
    q, k, v = qkv.view(n, tokens, 3, attn.heads, c // attn.heads).permute(2, 0, 3, 1, 4)
    y = F.scaled_dot_product_attention(q, k, v)
    return attn.to_out[0](y.permute(0, 2, 1, 3).reshape(n, tokens, c))


def one_token_attention(attn, embedding):
    """Softmax over one token is 1, so query and key have no effect."""
    return attn.to_out[0](attn.to_v(embedding))


def feed_forward(x, ff):
    value, gate = ff.net[0].proj(x).chunk(2, -1)
    return ff.net[2](value * F.gelu(gate))


def transformer(x, model, embedding, positions):
    b, f, h, w, c = x.shape
    residual = x
    x = model.proj_in(group_norm(x, model.norm, False)).reshape(b * f, h * w, c)
    position = model.time_pos_embed(model.time_proj(positions).to(x.dtype))
    block, temporal = model.transformer_blocks[0], model.temporal_transformer_blocks[0]

    x = x + self_attention(block.norm1(x), block.attn1)
    x = x.reshape(b, f * h * w, c) + one_token_attention(block.attn2, embedding)[:, None]
    x = x + feed_forward(block.norm3(x), block.ff)
    x = x.reshape(b, f, h * w, c)

    t = (x + position[None, :, None]).transpose(1, 2).reshape(b * h * w, f, c)
    t = t + feed_forward(temporal.norm_in(t), temporal.ff_in)
    t = t + self_attention(temporal.norm1(t), temporal.attn1)
    t = t.reshape(b, h * w * f, c) + one_token_attention(temporal.attn2, embedding)[:, None]
    t = t + feed_forward(temporal.norm3(t), temporal.ff)
    t = t.reshape(b, h * w, f, c).transpose(1, 2)

    x = torch.lerp(t, x, torch.sigmoid(model.time_mixer.mix_factor))
    return model.proj_out(x.reshape(b, f, h, w, c)) + residual


def upsample(x, layer):
    x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return conv(x, layer.conv)


def forward(unet, sample, timestep, embedding, ids, positions=None):
    """sample [batch, frames, height, width, channels], embedding [batch, width], ids [batch, 3].

    positions: which frames of the clip these are, where training shows only some of them.
    """
    if positions is None:
        positions = torch.arange(sample.shape[1], device=sample.device)
    emb = unet.time_embedding(unet.time_proj(timestep).to(sample.dtype))
    added = unet.add_time_proj(ids.flatten()).view(ids.shape[0], -1).to(sample.dtype)
    emb = emb + unet.add_embedding(added)

    x = conv(sample, unet.conv_in)
    skips = [x]
    for block in unet.down_blocks:
        attentions = getattr(block, "attentions", [None] * len(block.resnets))
        for res, attention in zip(block.resnets, attentions):
            x = resnet(x, res, emb)
            if attention is not None:
                x = transformer(x, attention, embedding, positions)
            skips.append(x)
        if block.downsamplers is not None:
            x = conv(x, block.downsamplers[0].conv, 2)
            skips.append(x)

    x = resnet(x, unet.mid_block.resnets[0], emb)
    for attention, res in zip(unet.mid_block.attentions, unet.mid_block.resnets[1:]):
        x = resnet(transformer(x, attention, embedding, positions), res, emb)

    for block in unet.up_blocks:
        attentions = getattr(block, "attentions", [None] * len(block.resnets))
        for res, attention in zip(block.resnets, attentions):
            x = resnet(torch.cat([x, skips.pop()], -1), res, emb)
            if attention is not None:
                x = transformer(x, attention, embedding, positions)
        if block.upsamplers is not None:
            x = upsample(x, block.upsamplers[0])

    return conv(F.silu(group_norm(x, unet.conv_norm_out, False)), unet.conv_out)
