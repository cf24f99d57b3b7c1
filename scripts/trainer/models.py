"""The networks. Each is a backbone that yields an embedding [N, D] and a linear head that yields logits [N, C].

The embedding leaves the graph beside the logits: the runtime's drift monitor reads it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """NCHW float32 pictures => (logits [N, C], embedding [N, D])."""

    def __init__(self, backbone: nn.Module, width: int, classes: int, dropout: float):
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.backbone(image)
        return self.head(self.dropout(embedding)), embedding


class GlobalMean(nn.Module):
    """Global average pooling as a plain mean: exports to one ONNX node where AdaptiveAvgPool2d takes several."""

    def forward(self, features: Tensor) -> Tensor:
        return features.mean((2, 3))


def conv_bn_relu(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def simplecnn(channels: int, width: int, height: int) -> tuple[nn.Module, int]:
    """The classic convolution, pooling, fully connected network of the CIFAR-10 tutorials."""
    flat = 32 * (width // 4) * (height // 4)
    backbone = nn.Sequential(
        *(nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(flat, 64), nn.ReLU(inplace=True)),
    )
    return backbone, 64


EDGE_WIDTHS = (12, 20, 32, 48)


def edgecnn(channels: int, width: int, height: int) -> tuple[nn.Module, int]:
    """Six 3x3 convolutions for inputs of 24 to 96 pixels; only operators that quantise well (Conv, ReLU, mean)."""
    a, b, c, d = EDGE_WIDTHS
    backbone = nn.Sequential(
        *(conv_bn_relu(channels, a), conv_bn_relu(a, b, 2), conv_bn_relu(b, b)),
        *(conv_bn_relu(b, c, 2), conv_bn_relu(c, c), conv_bn_relu(c, d, 2), GlobalMean()),
    )
    return backbone, d


OWN: dict[str, Callable[[int, int, int], tuple[nn.Module, int]]] = {"simplecnn": simplecnn, "edgecnn": edgecnn}


def build(architecture: str, classes: int, channels: int, width: int, height: int, dropout: float) -> Classifier:
    backbone, embedding = OWN[architecture](channels, width, height)
    return Classifier(backbone, embedding, classes, dropout)


def logits_of(output: tuple[Tensor, Tensor]) -> Tensor:
    return output[0]


def parameter_count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


__all__ = ["Classifier", "GlobalMean", "build", "logits_of", "parameter_count", "torch"]
