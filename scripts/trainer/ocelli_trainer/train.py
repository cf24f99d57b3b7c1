"""One training from the first look at the data to the delivered files: the order of `ocelli-train train`."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ocelli_trainer import config as configs
from ocelli_trainer.config import AugmentConfig, Config
from ocelli_trainer.data import dataset as data
from ocelli_trainer.data import lint
from ocelli_trainer.data import preprocessing as preprocess
from ocelli_trainer.data import public as public_data
from ocelli_trainer.data.dataset import Dataset
from ocelli_trainer.data.loader import Normaliser, Pictures
from ocelli_trainer.deliver.pipeline import Trained, deliver
from ocelli_trainer.errors import FindingError, TrainerError, say, warn
from ocelli_trainer.fit import distributed, models
from ocelli_trainer.fit.distributed import Processes
from ocelli_trainer.fit.evaluation import Scores, as_json, judge
from ocelli_trainer.fit.inference import infer
from ocelli_trainer.fit.loop import Loop
from ocelli_trainer.fit.models import Classifier
from ocelli_trainer.fit.optim import find_rate
from ocelli_trainer.manifest import Preprocess
from ocelli_trainer.report import page as report
from ocelli_trainer.report import retrain
from ocelli_trainer.run import Run

SMALL_SIDE = 64  # pixels up to which a second thread costs more than it brings


@dataclass(frozen=True)
class Wishes:
    """What was asked of this start of the program, apart from the hyper-parameters."""

    output: Path
    run: Run
    resume: bool = False
    overwrite: bool = False
    force: bool = False
    find_rate: bool = False
    old: Run | None = None  # retraining starts from here


def train(config: Config, wishes: Wishes) -> None:
    set_up_torch(config)
    processes = distributed.start(config.train.device)
    try:
        _train(config, wishes, processes)
    finally:
        distributed.stop(processes)


def set_up_torch(config: Config) -> None:
    side = min(configs.input_size(config.model.size))
    threads = config.train.threads or (1 if side <= SMALL_SIDE else torch.get_num_threads())
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.manual_seed(config.train.seed)


def _train(config: Config, wishes: Wishes, processes: Processes) -> None:
    run = wishes.run
    models.check(config.model)
    prepared = preprocess.from_config(config.model)
    if processes.chief and not wishes.resume:
        run.create(wishes.overwrite)
    processes.wait()
    dataset = processes.agree(_dataset(config, wishes) if processes.chief else None)
    pictures = make_pictures(dataset, prepared, config)
    torch.manual_seed(config.train.seed)
    net = models.build(config.model, len(dataset.labels))
    if wishes.old is not None and not wishes.resume:
        models.load_weights(net, wishes.old.best)
    if wishes.find_rate:
        rate = find_rate(net, pictures["train"], Normaliser(prepared, processes.device), config)
        config = configs.with_values(config, {"train": {"lr": rate}}, "--lr find")
    if processes.chief and not wishes.resume:
        configs.write(config, run.config)
        if wishes.old is not None:
            (run.folder / "retrained-from.txt").write_text(str(wishes.old.folder), "utf-8")
    say(f"{config.model.architecture}: {models.parameter_count(net):,} parameters, {len(dataset.labels)} classes")
    loop = Loop(net, pictures["train"], pictures["val"], prepared, config, processes, run)
    if wishes.resume:
        _resume(loop, run, processes)
    loop.fit()
    if processes.chief:
        finish(config, dataset, wishes)


def _dataset(config: Config, wishes: Wishes) -> Dataset:
    """The pictures of this run, found and looked at, or the very ones of the run that is resumed."""
    if wishes.resume:
        return wishes.run.read_splits()
    dataset = _checked(_found(config, wishes), wishes)
    wishes.run.write_splits(dataset)
    return dataset


def _found(config: Config, wishes: Wishes) -> Dataset:
    shares = split_shares(config)
    if wishes.old is not None:
        old = wishes.old.read_splits()
        dataset = retrain.extend(old, [Path(p) for p in config.data.add], shares, config.data.split_seed)
        return dataclasses.replace(dataset, name=config.data.name)
    root = public_data.fetch(config.data.path) if config.data.path.startswith("public:") else Path(config.data.path)
    dataset = data.load(root, config.data.name, shares, config.data.split_seed)
    return retrain.extend(dataset, [Path(p) for p in config.data.add], shares, config.data.split_seed)


def split_shares(config: Config) -> tuple[float, float, float]:
    shares = config.data.split
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6 or not shares[0]:
        raise TrainerError(f"--split: expected three shares that add up to 1, found {list(shares)}")
    return shares[0], shares[1], shares[2]


def _checked(dataset: Dataset, wishes: Wishes) -> Dataset:
    """Lint; errors stop, or with --force the training goes on without the files that cannot be read."""
    found = lint.lint(dataset)
    (wishes.run.folder / "lint.json").write_text(found.to_json(), "utf-8")
    (wishes.run.folder / "lint.txt").write_text(found.to_text() + "\n", "utf-8")
    say(found.to_text())
    if not found.errors:
        return dataset
    text = f"{dataset.root}: {len(found.errors)} errors in the data, see above"
    if any(f.kind in ("empty class", "empty split") for f in found.errors):
        raise FindingError(text, "such data cannot be trained on: mend it")
    if not wishes.force:
        raise FindingError(text, "mend the data or add --force")
    warn(f"{text}; going on, as asked by --force, without what cannot be read")
    broken = {name for f in found.errors if f.kind == "unreadable" for name in f.files}
    splits = {
        k: tuple(s for s in samples if lint.display_name(s.path, dataset.root) not in broken)
        for k, samples in dataset.splits.items()
    }
    return dataclasses.replace(dataset, splits=splits)


def make_pictures(dataset: Dataset, prepared: Preprocess, config: Config) -> dict[str, Pictures]:
    augments: dict[str, AugmentConfig | None] = {"train": config.augment, "val": None, "test": None}
    splits = {
        k: Pictures(dataset.splits[k], prepared, config.model.color, augment, config.train.seed)
        for k, augment in augments.items()
    }
    left = config.train.cache_mb * 1024 * 1024
    for pictures in splits.values():
        random_crop = pictures.augment is not None and pictures.augment.crop < 1
        if not random_crop and pictures.bytes_at_model_size() <= left:
            left -= pictures.bytes_at_model_size()
            pictures.fill_cache()
    return splits


def _resume(loop: Loop, run: Run, processes: Processes) -> None:
    if not run.last.exists():
        say(f"{run.folder}: no epoch was finished, starting from the first")
        return
    state = torch.load(run.last, map_location=processes.device, weights_only=True)
    loop.load_state_dict(state)
    say(f"{run.folder}: going on after epoch {len(loop.history)}")


def finish(config: Config, dataset: Dataset, wishes: Wishes) -> dict[str, Any]:
    """Evaluate the best weights on the test split, once, then report and deliver."""
    run = wishes.run
    net, prepared, pictures, scores = evaluate_run(run, config, dataset)
    evaluation = judge(scores["val"], scores["test"], dataset.labels, config.export.coverage)
    found = as_json(evaluation, scores["test"], dataset)
    run.write_json(run.evaluation, found)
    m, rejection = evaluation.metrics, evaluation.rejection
    say(
        f"test: accuracy {m.accuracy:.4f}, macro F1 {m.macro_f1:.4f}, ECE {evaluation.ece_uncalibrated:.4f} =>"
        f" {m.ece:.4f} at temperature {evaluation.temperature:g}; below {rejection.threshold:g} unknown:"
        f" {100 * rejection.coverage:.1f} % kept, {100 * rejection.accuracy:.1f} % of them right"
    )
    if wishes.old is not None:
        old_scores = evaluate_run(wishes.old, wishes.old.read_config(), dataset)[3]
        comparison = retrain.compare(old_scores["test"], scores["test"], dataset.labels)
        run.write_json(run.folder / "comparison.json", comparison)
        say(retrain.as_text(comparison))
    report.write(run, config, dataset, found)
    say(f"{run.report}: the report")
    trained = Trained(net, config, dataset, prepared, pictures["val"], pictures["test"], scores, config.export.version)
    deliver(trained, wishes.output, run, wishes.force)
    return found


def evaluate_run(
    run: Run, config: Config, dataset: Dataset
) -> tuple[Classifier, Preprocess, dict[str, Pictures], dict[str, Scores]]:
    """The best network of a run and what it says of the validation and the test split."""
    plain = dataclasses.replace(config.model, weights="")
    net = models.build(plain, len(dataset.labels))
    net.load_state_dict(torch.load(run.best, map_location="cpu", weights_only=True)["model"])
    prepared = preprocess.from_config(config.model)
    held_out = dataclasses.replace(dataset, splits=dataset.splits | {"train": ()})
    pictures = make_pictures(held_out, prepared, config)
    normalise = Normaliser(prepared, torch.device("cpu"))
    scores = {k: infer(net, pictures[k], normalise) for k in ("val", "test")}
    return net, prepared, pictures, scores


def export_again(config: Config, run: Run, output: Path, force: bool) -> None:
    """Write the files of a finished run with other export options."""
    set_up_torch(config)
    dataset = run.read_splits()
    net, prepared, pictures, scores = evaluate_run(run, config, dataset)
    trained = Trained(net, config, dataset, prepared, pictures["val"], pictures["test"], scores, config.export.version)
    deliver(trained, output, run, force)
