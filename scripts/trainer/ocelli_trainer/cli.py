"""The command line: what was typed becomes what is meant, once."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ocelli_trainer import config as configs
from ocelli_trainer.config import PRESETS, SECTIONS
from ocelli_trainer.errors import COULD_NOT_START, TrainerError, say
from ocelli_trainer.flags import add_flags, typed_values

INTERRUPTED = 130  # what shells report for Ctrl-C
EPILOG = """\
exit codes: 0 done, 1 negative finding (bad data, refused gate), 2 could not start
more than one process: torchrun --nproc-per-node 2 -m ocelli_trainer train ..."""


def main(command_line: Sequence[str] | None = None) -> int:
    arguments = make_parser().parse_args(command_line)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads starve a busy machine
    try:
        arguments.function(arguments)
    except TrainerError as error:
        say(f"error: {error}")
        return error.exit_code
    except ModuleNotFoundError as error:
        say(f"error: the Python package {error.name} is not installed; run scripts/setup --train")
        return COULD_NOT_START
    except KeyboardInterrupt:
        say("stopped; `--resume` continues after the last whole epoch")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class Parser(argparse.ArgumentParser):
    """A wrong flag is answered in one line; the usage of 50 flags would bury it."""

    def error(self, message: str) -> NoReturn:
        say(f"error: {message}; see `{self.prog} --help`")
        sys.exit(COULD_NOT_START)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser("ocelli-train", description="Trains an image classifier and exports one self-describing ONNX file.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    lint = commands.add_parser("lint", help="look for broken files, duplicates, leakage and thin classes")
    lint.add_argument("data", type=Path)
    lint.add_argument("--format", choices=("text", "json"), default="text")
    lint.set_defaults(function=run_lint)
    export = commands.add_parser("export", help="write the files of a finished run again")
    export.add_argument("run", type=Path, help="run folder")
    export.add_argument("-o", "--output", type=Path, required=True)
    export.add_argument("--force", action="store_true", help="write a file that its gate refuses")
    add_flags(export.add_argument_group("export"), "export")
    export.set_defaults(function=run_export)
    demo = commands.add_parser("demo-data", help="write a data set to try: scenes have several labels per picture")
    demo.add_argument("kind", choices=("shapes", "digits", "scenes"))
    demo.add_argument("folder", type=Path)
    demo.add_argument("--seed", type=int, default=0)
    demo.add_argument("--overwrite", action="store_true")
    demo.set_defaults(function=run_demo_data)
    bundle = commands.add_parser("bundle", help="rebuild models/ from nothing")
    bundle.add_argument("folder", type=Path, nargs="?", default=Path("models"))
    bundle.add_argument("--check", action="store_true", help="compare with the files that are there, byte for byte")
    bundle.set_defaults(function=run_bundle)
    return parser


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train",
        help="train and export",
        usage="ocelli-train train DATA -o models/NAME.onnx [options]",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument(
        "data",
        nargs="?",
        help="folder of class folders, or of train/ val/ test/; or, for several labels per picture, a CSV file or a"
        " folder of train.csv val.csv test.csv; or public:cifar10|mnist|flowers102",
    )
    train.add_argument("-o", "--output", type=Path, help="ONNX file to write (default: RUN/NAME.onnx)")
    # not --run: torchrun would take that for an abbreviation of its own --run-path
    train.add_argument("--run-dir", type=Path, help="run folder (default: runs/NAME)")
    train.add_argument("--config", type=Path, help="TOML file of hyper-parameters; flags win over it")
    train.add_argument("--augment", choices=tuple(PRESETS), help="preset; single flags win over it")
    train.add_argument("--resume", action="store_true", help="continue a stopped run, bit for bit")
    train.add_argument("--overwrite", action="store_true", help="replace the run folder")
    train.add_argument("--from", dest="old", type=Path, metavar="RUN", help="retrain: start from this run, with --add")
    train.add_argument("--force", action="store_true", help="continue despite bad data or a refused gate")
    for section in SECTIONS:
        add_flags(train.add_argument_group(section), section)
    train.set_defaults(function=run_train)


def run_train(arguments: argparse.Namespace) -> None:
    from ocelli_trainer.resolve import resolve
    from ocelli_trainer.train import train

    train(*resolve(arguments))


def run_lint(arguments: argparse.Namespace) -> None:
    from ocelli_trainer.data import lint, tables
    from ocelli_trainer.errors import FindingError

    dataset = tables.load(arguments.data, arguments.data.resolve().name, configs.DataConfig().split, 0)
    found = lint.lint(dataset)
    print(found.to_json() if arguments.format == "json" else found.to_text())
    if found.errors:
        raise FindingError(f"{arguments.data}: errors found in the data: {len(found.errors)}")


def run_export(arguments: argparse.Namespace) -> None:
    from ocelli_trainer.deliver.export import export
    from ocelli_trainer.fit.torch_settings import set_up_torch
    from ocelli_trainer.fit.trained import load_trained
    from ocelli_trainer.run import Run

    run = Run(arguments.run)
    config = configs.with_values(run.read_config(), typed_values(arguments), "flags")
    set_up_torch(config)
    export(load_trained(run, config, run.read_splits()), arguments.output, run, arguments.force)


def run_demo_data(arguments: argparse.Namespace) -> None:
    from ocelli_trainer.data import demo as demo_data

    demo_data.write(arguments.kind, arguments.folder, arguments.seed, arguments.overwrite)


def run_bundle(arguments: argparse.Namespace) -> None:
    from ocelli_trainer import bundle

    bundle.build(arguments.folder, arguments.check)
