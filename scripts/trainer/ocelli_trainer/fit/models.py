"""The networks. Each is a backbone that yields an embedding [N, D] and a linear head that yields logits [N, C].

The embedding leaves the graph beside the logits: the runtime's drift monitor reads it.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from ocelli_trainer.config import ModelConfig, input_size
from ocelli_trainer.errors import TrainerError, say

SMALL_INPUT = 96  # pixels under which a backbone made for 224 must not halve its very first feature map
FRESH_BN_MOMENTUM = 0.1  # torchvision's mobilenet_v3 asks for 0.01: on small sets it then stays at chance


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

    def __init__(self, keep: bool):
        super().__init__()
        self.keep = keep

    def forward(self, features: Tensor) -> Tensor:
        return features.mean((2, 3), keepdim=self.keep)


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


def edgecnn(channels: int, width: int, height: int) -> tuple[nn.Module, int]:
    """Six 3x3 convolutions for inputs of 24 to 96 pixels; only operators that quantise well (Conv, ReLU, mean)."""
    a, b, c, d = 12, 20, 32, 48
    backbone = nn.Sequential(
        *(conv_bn_relu(channels, a), conv_bn_relu(a, b, 2), conv_bn_relu(b, b)),
        *(conv_bn_relu(b, c, 2), conv_bn_relu(c, c), conv_bn_relu(c, d, 2), GlobalMean(keep=False)),
    )
    return backbone, d


OWN = {"simplecnn": simplecnn, "edgecnn": edgecnn}

# torchvision's builder => the attribute that holds its classifier
TORCHVISION = {
    "mobilenet_v2": "classifier",
    "mobilenet_v3_small": "classifier",
    "mobilenet_v3_large": "classifier",
    "resnet18": "fc",
    "resnet50": "fc",
    "efficientnet_b0": "classifier",
    "shufflenet_v2_x1_0": "fc",
    "regnet_x_400mf": "fc",
    "regnet_y_400mf": "fc",
    "convnext_tiny": "classifier",
}
ARCHITECTURES = (*OWN, *TORCHVISION)


def check(config: ModelConfig) -> None:
    """What can be refused before any picture is read."""
    if config.architecture not in ARCHITECTURES:
        raise TrainerError(
            f"unknown architecture {config.architecture!r}", f"expected one of {', '.join(ARCHITECTURES)}"
        )
    if config.architecture in TORCHVISION and config.color != "RGB":
        raise TrainerError(f"{config.architecture} takes RGB only", "use --color RGB")
    if config.architecture in OWN and config.weights and not Path(config.weights).suffix:
        raise TrainerError(f"there are no pretrained weights for {config.architecture}", "give --weights a local file")


def build(config: ModelConfig, classes: int) -> Classifier:
    check(config)
    width, height = input_size(config.size)
    channels = 1 if config.color == "GRAY" else 3
    if config.architecture in OWN:
        net = Classifier(*OWN[config.architecture](channels, width, height), classes, config.dropout)
    else:
        net = Classifier(*_torchvision(config, min(width, height)), classes, config.dropout)
    if config.weights and Path(config.weights).suffix:
        load_weights(net, Path(config.weights))
    return net


def _torchvision(config: ModelConfig, side: int) -> tuple[nn.Module, int]:
    """A torchvision backbone without its last linear layer."""
    import torchvision

    by_name = bool(config.weights) and not Path(config.weights).suffix
    try:
        net = torchvision.models.get_model(config.architecture, weights=config.weights if by_name else None)
    except (ValueError, KeyError) as error:
        raise TrainerError(f"--weights {config.weights}: {error}") from error
    except OSError as error:  # the download itself
        raise TrainerError(f"--weights {config.weights} could not be fetched: {error}", "give a local file") from error
    width = _drop_head(net, TORCHVISION[config.architecture])
    _swap_pools(net)
    if not config.weights:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = FRESH_BN_MOMENTUM
        if side < SMALL_INPUT:
            stem = next(m for m in net.modules() if isinstance(m, nn.Conv2d))
            say(f"{config.architecture}: stem stride {stem.stride[0]} => 1 for an input of {side} pixels")
            stem.stride = (1, 1)
    return net, width


def _drop_head(net: nn.Module, attribute: str) -> int:
    """Replace the last linear layer (and the dropout before it) by nothing; returns its input width."""
    head = getattr(net, attribute)
    if isinstance(head, nn.Linear):
        setattr(net, attribute, nn.Identity())
        return head.in_features
    layers = list(head)
    last = layers.pop()
    if isinstance(layers[-1], nn.Dropout):
        layers.pop()
    setattr(net, attribute, nn.Sequential(*layers))
    return int(last.in_features)


def _swap_pools(net: nn.Module) -> None:
    for name, child in net.named_children():
        if isinstance(child, nn.AdaptiveAvgPool2d) and child.output_size in (1, (1, 1)):
            setattr(net, name, GlobalMean(keep=True))
        else:
            _swap_pools(child)


def load_weights(net: Classifier, path: Path) -> None:
    """Weights of our own run folders, or of a torchvision model file: what fits is taken, and said."""
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TrainerError(
            f"{path} does not exist", "give --weights a local file or a name of torchvision's"
        ) from error
    except Exception as error:  # torch raises anything from UnpicklingError to RuntimeError here
        raise TrainerError(
            f"{path} is not a file of PyTorch weights: {str(error).splitlines()[0]}", "name a .pt or .pth file"
        ) from error
    found = loaded.get("model", loaded) if isinstance(loaded, dict) else {}
    wanted = net.state_dict()
    fitting = {}
    for name, value in found.items():
        for key in (name, f"backbone.{name}"):
            if key in wanted and isinstance(value, Tensor) and wanted[key].shape == value.shape:
                fitting[key] = value
    if not any(k.startswith("backbone.") for k in fitting):
        raise TrainerError(f"{path} holds no weights that fit this architecture", "check --model and --size")
    missing = sorted(set(wanted) - set(fitting))
    net.load_state_dict(wanted | fitting)
    say(
        f"{path}: {len(fitting)} of {len(wanted)} tensors taken"
        + (f", fresh: {', '.join(missing[:6])}" if missing else "")
    )


def parameter_count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())
