"""`seemachine fleet ...`: what a person does to a fleet, a file for each verb."""

import argparse
from importlib import import_module


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one verb. Returns the exit code."""
    code: int = import_module(f"seemachine.cli.fleet_{verb}").run(options)
    return code
