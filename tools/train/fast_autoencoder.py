# SPDX-License-Identifier: LGPL-2.1-or-later
"""The autoencoder's two passes for training on a CPU: same weights, same results as diffusers.

`temporal=False` leaves out the decoder's temporal branches, which is exact as
long as their last convolution is zero: single frames train three times faster.
"""

import torch
from torch.nn import functional as F

from fast_unet import conv, group_norm, spatial_resnet, temporal_resnet, upsample


def picture_attention(x, attn):
    b, f, h, w, c = x.shape
    y = group_norm(x, attn.group_norm, False).reshape(b * f, h * w, c)
    y = F.scaled_dot_product_attention(attn.to_q(y), attn.to_k(y), attn.to_v(y))
    return x + attn.to_out[0](y).view(b, f, h, w, c)


def encode(autoencoder, x):
    """[batch, frames, height, width, 3] to the posterior's mode, channels last."""
    net = autoencoder.encoder
    x = conv(x, net.conv_in)
    for block in net.down_blocks:
        for res in block.resnets:
            x = spatial_resnet(x, res, None)
        if block.downsamplers is not None:
            x = conv(F.pad(x, (0, 0, 0, 1, 0, 1)), block.downsamplers[0].conv, 2)
    x = spatial_resnet(x, net.mid_block.resnets[0], None)
    for attention, res in zip(net.mid_block.attentions, net.mid_block.resnets[1:]):
        x = spatial_resnet(picture_attention(x, attention), res, None)
    x = conv(F.silu(group_norm(x, net.conv_norm_out, False)), net.conv_out)
    return conv(x, autoencoder.quant_conv).chunk(2, -1)[0]


def resnet(x, block, temporal):
    spatial = spatial_resnet(x, block.spatial_res_block, None)
    if not temporal:
        return spatial
    # The other way round than in the UNet: a large mix factor favours time.
    return torch.lerp(
        spatial, temporal_resnet(spatial, block.temporal_res_block, None), torch.sigmoid(block.time_mixer.mix_factor)
    )


def decode(autoencoder, z, temporal=True):
    """[batch, frames, height, width, latent channels] (unscaled) to pictures."""
    net = autoencoder.decoder
    x = resnet(conv(z, net.conv_in), net.mid_block.resnets[0], temporal)
    for block in net.up_blocks:
        for res in block.resnets:
            x = resnet(x, res, temporal)
        if block.upsamplers is not None:
            x = upsample(x, block.upsamplers[0])
    x = conv(F.silu(group_norm(x, net.conv_norm_out, False)), net.conv_out)
    if not temporal:
        return x
    weight, bias = net.time_conv_out.weight[:, :, :, 0, 0], net.time_conv_out.bias
    edge = torch.zeros_like(x[:, :1])
    before, after = torch.cat([edge, x[:, :-1]], 1), torch.cat([x[:, 1:], edge], 1)
    return sum(F.linear(v, weight[:, :, i]) for i, v in enumerate((before, x, after))) + bias


def make_time_neutral(autoencoder):
    """Start the decoder as one that treats every frame by itself: nothing can flicker."""
    with torch.no_grad():
        for name, module in autoencoder.decoder.named_modules():
            if name.endswith("temporal_res_block"):
                module.conv2.weight.zero_()
                module.conv2.bias.zero_()
        autoencoder.decoder.time_conv_out.weight.zero_()
        autoencoder.decoder.time_conv_out.bias.zero_()
        for channel in range(3):
            autoencoder.decoder.time_conv_out.weight[channel, channel, 1] = 1
