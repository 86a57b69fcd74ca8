"""Cores that a process really has: cgroups of both versions, as containers see them."""

import math
import os
from pathlib import Path

import cv2
import pytest

from fanlight.cores import cores, quota, share
from fanlight.model import Model
from tools.models import MODELS

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def machine(root: Path, membership: str, files: dict[str, str]) -> Path:
    """A root with /proc/self/cgroup and files below /sys/fs/cgroup."""
    texts = {"proc/self/cgroup": membership} | {f"sys/fs/cgroup/{n}": t for n, t in files.items()}
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("membership", "files", "granted"),
    [
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {}, math.inf),
        ("", {"cpu.max": "50000 100000\n"}, math.inf),
        # Of a service's slices each may set a limit; the lowest counts.
        (
            "0::/a/b\n",
            {"cpu.max": "max 100000\n", "a/cpu.max": "150000 100000", "a/b/cpu.max": "4000 1000"},
            1.5,
        ),
        # The host's path, in a container that sees its own group as the topmost.
        (
            "4:cpu,cpuacct:/docker/1f\n3:cpuset:/docker/1f\n0::/docker/1f\n",
            {"cpu/cpu.cfs_quota_us": "35000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            0.35,
        ),
        (
            "4:cpu,cpuacct:/a:b\n",
            {"cpu,cpuacct/a:b/cpu.cfs_quota_us": "1", "cpu,cpuacct/a:b/cpu.cfs_period_us": "4"},
            0.25,
        ),
        ("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "9"}, math.inf),
        ("2:cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "1", "cpu/cpu.cfs_period_us": "9"}, math.inf),
        # Both versions at once; a group that is not in sight.
        ("1:cpu:/\n0::/../x\n", {"unified/cpu.max": "1 2", "cpu/cpu.cfs_quota_us": "1"}, 0.5),
    ],
)
def test_the_strictest_cgroup_counts(
    tmp_path: Path, membership: str, files: dict[str, str], granted: float
) -> None:
    """Version 1 or 2, in a container or not: the least of what the group and those above grant."""
    assert quota(machine(tmp_path, membership, files)) == granted


@pytest.mark.parametrize(
    ("allowed", "period", "expected"),
    [("150000", "100000", 1.5), ("max", "100000", math.inf), ("-1", "1", math.inf),
     ("0", "1", math.inf), ("1", "0", math.inf), ("", "", math.inf), ("9\n", "9\n", 1)],
)  # fmt: skip
def test_what_is_no_limit_limits_nothing(allowed: str, period: str, expected: float) -> None:
    """Only a positive number of microseconds is a share of the cores."""
    assert share(allowed, period) == expected


@pytest.mark.parametrize(
    ("microseconds", "expected"), [("5000", 1), ("100000", 1), ("9900000", HERE), ("max", HERE)]
)
def test_a_fraction_counts_as_a_core(tmp_path: Path, microseconds: str, expected: int) -> None:
    """At least one, and never more than the process may run on."""
    root = machine(tmp_path, "0::/\n", {"cpu.max": f"{microseconds} 100000"})

    assert cores(root) == expected


def test_a_fraction_is_rounded_up(tmp_path: Path) -> None:
    """One and a quarter are two, where there are two."""
    root = machine(tmp_path, "0::/\n", {"cpu.max": "125000 100000"})

    assert cores(root) == min(2, HERE or 1)


def test_a_machine_without_cgroups_has_its_cores(tmp_path: Path) -> None:
    """Nothing to read is no limit."""
    assert cores(tmp_path) == HERE
    assert cores() >= 1


@pytest.mark.parametrize(("threads", "expected"), [(1, 1), (None, cores())])
def test_a_model_takes_no_more_threads_than_there_are_cores(
    threads: int | None, expected: int
) -> None:
    """OpenCV, which would count the machine's cores, gets as many as the network."""
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(7)
        Model.load(MODELS / "digits", threads)
        assert cv2.getNumThreads() == expected
    finally:
        cv2.setNumThreads(before)
