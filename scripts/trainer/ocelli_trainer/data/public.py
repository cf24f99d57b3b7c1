"""Public data sets by name, for those who are online. Nothing is fetched unless asked for as public:NAME."""

from pathlib import Path

from ocelli_trainer.errors import TrainerError, say

NAMES = ("cifar10", "mnist", "flowers102")
ROOT = Path("data")


def fetch(path: str) -> Path:
    """Download through torchvision and write class folders train/ and test/ once; returns their root."""
    name = path.removeprefix("public:")
    if name not in NAMES:
        raise TrainerError(f"unknown public data set {name!r}", f"expected one of {', '.join(NAMES)}")
    target = ROOT / name
    if target.exists():
        return target
    say(f"fetching {name} through torchvision")
    partial = ROOT / f"{name}.partial"
    for split in ("train", "test"):
        pictures = _open(name, split)
        labels = getattr(pictures, "classes", None) or [f"{i:03d}" for i in range(102)]
        for label in labels:
            (partial / split / _folder_name(label)).mkdir(parents=True, exist_ok=True)
        for i in range(len(pictures)):
            picture, label = pictures[i]
            picture.save(partial / split / _folder_name(labels[label]) / f"{i:05d}.png")
    partial.rename(target)
    return target


def _folder_name(label: str) -> str:
    return label.replace("/", "_")


def _open(name: str, split: str):  # type: ignore[no-untyped-def]
    from torchvision import datasets

    cache = str(ROOT / "download")
    try:
        if name == "flowers102":
            return datasets.Flowers102(cache, split=split, download=True)
        kind = datasets.CIFAR10 if name == "cifar10" else datasets.MNIST
        return kind(cache, train=split == "train", download=True)
    except (OSError, RuntimeError) as error:
        raise TrainerError(
            f"public:{name} could not be fetched: {error}", "check the network, or use your own folders"
        ) from error
