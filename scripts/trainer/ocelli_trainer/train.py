"""One training from the first look at the data to the delivered files: the order of `ocelli-train train`."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from ocelli_trainer import config as configs
from ocelli_trainer.config import Config
from ocelli_trainer.data import lint, preprocessing, public, tables
from ocelli_trainer.data.dataset import Dataset
from ocelli_trainer.data.extend import extend
from ocelli_trainer.data.loader import Normaliser, make_pictures
from ocelli_trainer.deliver.export import export
from ocelli_trainer.errors import FindingError, TrainerError, say, warn
from ocelli_trainer.fit import distributed, models, objective
from ocelli_trainer.fit.distributed import Processes
from ocelli_trainer.fit.evaluation import AnyEvaluation, Evaluation, Scores, evaluate
from ocelli_trainer.fit.loop import Loop
from ocelli_trainer.fit.optim import find_lr
from ocelli_trainer.fit.torch_settings import set_up_torch
from ocelli_trainer.fit.trained import load_trained
from ocelli_trainer.report import comparison, page
from ocelli_trainer.report.label_summary import summarise_labels
from ocelli_trainer.report.summary import summarise
from ocelli_trainer.run import Run, RunOptions


def train(config: Config, options: RunOptions) -> None:
    set_up_torch(config)
    processes = distributed.start(config.train.device)
    try:
        _train(config, options, processes)
    finally:
        distributed.stop(processes)


def _train(config: Config, options: RunOptions, processes: Processes) -> None:
    run = options.run
    models.check(config.model)
    preprocess = preprocessing.from_config(config.model)
    if processes.is_main and not options.resume:
        run.create(options.overwrite)
    processes.barrier()
    dataset = processes.broadcast(_dataset(config, options) if processes.is_main else None)
    objective.check(config, dataset.independent)
    pictures = make_pictures(dataset, preprocess, config)
    torch.manual_seed(config.train.seed)
    net = models.build(config.model, len(dataset.labels))
    if options.old is not None and not options.resume:
        models.load_weights(net, options.old.best)
    if options.find_lr:
        rate = find_lr(net, pictures["train"], Normaliser(preprocess, processes.device), config)
        config = configs.with_values(config, {"train": {"lr": rate}}, "--lr find")
    if processes.is_main and not options.resume:
        configs.write(config, run.config)
        if options.old is not None:
            run.retrained_from.write_text(str(options.old.folder), "utf-8")
    say(f"{config.model.architecture}: {models.parameter_count(net):,} parameters, {_kind(dataset)}")
    loop = Loop(net, pictures["train"], pictures["val"], preprocess, config, processes, run)
    if options.resume:
        _resume(loop, run, processes)
    loop.fit()
    if processes.is_main:
        _finish(config, dataset, options)


def _dataset(config: Config, options: RunOptions) -> Dataset:
    """The pictures of this run, found and linted, or the very ones of the run that is resumed."""
    if options.resume:
        return options.run.read_splits()
    dataset = _linted(_found(config, options), options)
    options.run.write_splits(dataset)
    return dataset


def _found(config: Config, options: RunOptions) -> Dataset:
    ratios = _split_ratios(config)
    folders = [Path(p) for p in config.data.add]
    if options.old is not None:
        dataset = extend(options.old.read_splits(), folders, ratios, config.data.split_seed)
        return dataclasses.replace(dataset, name=config.data.name)
    root = public.fetch(config.data.path) if config.data.path.startswith("public:") else Path(config.data.path)
    dataset = tables.load(root, config.data.name, ratios, config.data.split_seed)
    return extend(dataset, folders, ratios, config.data.split_seed)


def _split_ratios(config: Config) -> tuple[float, float, float]:
    ratios = config.data.split
    if len(ratios) != 3 or min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6 or not ratios[0]:
        raise TrainerError(
            f"--split: expected three ratios that add up to 1, the first above 0, found {list(ratios)}",
            "give train, val and test like 0.6,0.2,0.2",
        )
    return ratios[0], ratios[1], ratios[2]


def _linted(dataset: Dataset, options: RunOptions) -> Dataset:
    """Errors stop, or with --force the training goes on without the files that cannot be read."""
    found = lint.lint(dataset)
    options.run.lint_json.write_text(found.to_json(), "utf-8")
    options.run.lint_text.write_text(found.to_text() + "\n", "utf-8")
    say(found.to_text())
    if not found.errors:
        return dataset
    text = f"{dataset.root}: errors found in the data: {len(found.errors)}, see above"
    if any(f.kind in lint.HOPELESS for f in found.errors):
        raise FindingError(text, "add the missing pictures: --force cannot do without them")
    if not options.force:
        raise FindingError(text, "mend the data or add --force")
    warn(f"{text}; continuing, as asked by --force, without what cannot be read")
    return lint.without_unreadable(dataset, found)


def _resume(loop: Loop, run: Run, processes: Processes) -> None:
    if not run.last.exists():
        say(f"{run.folder}: no epoch was finished, starting from the first")
        return
    state = torch.load(run.last, map_location=processes.device, weights_only=True)
    loop.load_state_dict(state)
    say(f"{run.folder}: continuing after epoch {len(loop.history)}")


def _finish(config: Config, dataset: Dataset, options: RunOptions) -> None:
    """Evaluate the best weights on the test split, once, then report and deliver."""
    run = options.run
    trained = load_trained(run, config, dataset)
    test = trained.scores["test"]
    evaluation = evaluate(trained.scores["val"], test, dataset.labels, config.export.coverage)
    summary = _summary(evaluation, test, dataset)
    if dataset.independent:
        tables.write(dataset, "test", run.test_table)
    run.write_json(run.evaluation, summary)
    say(f"test: {evaluation}")
    if options.old is not None:
        old = load_trained(options.old, options.old.read_config(), dataset).scores["test"]
        compared = comparison.compare(old, test, dataset.labels)
        run.write_json(run.comparison, compared)
        say(comparison.as_text(compared))
    page.write(run, config, dataset, summary)
    say(f"{run.report}: the report")
    export(trained, options.output, run, options.force)


def _kind(dataset: Dataset) -> str:
    return f"{len(dataset.labels)} {'independent labels' if dataset.independent else 'classes'}"


def _summary(evaluation: AnyEvaluation, test: Scores, dataset: Dataset) -> dict[str, Any]:
    if isinstance(evaluation, Evaluation):
        return summarise(evaluation, test, dataset)
    return summarise_labels(evaluation, test, dataset)
