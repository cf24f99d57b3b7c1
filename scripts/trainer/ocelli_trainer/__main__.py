"""Lets the package run as `python -m ocelli_trainer`: where it is not installed, and under torchrun."""

import sys

from ocelli_trainer.cli import main

sys.exit(main())
