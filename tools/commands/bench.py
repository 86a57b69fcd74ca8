"""`fanlight bench`: how fast it is here, against what this machine could do."""

import click

from tools.lazy import Lazy

_COMMANDS = {
    "batches": "Several images in one call of a network: faster, and the same answers?",
    "cold": "A new process to its first result, beside TensorFlow's way of doing it.",
    "gallery": "A page of 10,000 photographs: made, opened, filtered, in headless Chromium.",
    "peers": "The same images through other systems, and what a bad file does to them.",
    "precision": "The published network in fp32, fp16 and int8: speed, and what it says.",
    "resize": "Pictures that OSS makes smaller, over slow links.",
    "results": "Each form of many results, jsonl to a page: time, and whether memory is flat.",
    "scale": "A key among 1,000 and among 100,000: listing, status and run.",
    "stages": "Where the time of one picture goes, from download to upload.",
    "throughput": "Many pictures in a folder, against processes that only decode and infer.",
    "warm": "One event and one picture, against the bare work and its requests.",
}


@click.group(cls=Lazy, prefix="tools.commands.bench_", about=_COMMANDS)
def command() -> None:
    """Measure, on this machine, how fast it is and what the limits are.

    Each benchmark compares inside one run, its designs taking turns, and prints medians with
    quartiles; --json keeps every sample, with the machine they belong to. On a machine that does
    other work the figures are of that too.

    \b
    fanlight bench cold --json build/bench/cold.json
    """
