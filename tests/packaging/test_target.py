"""Which wheels run on the platform."""

import pytest

from tools.packaging.target import Target


@pytest.mark.parametrize(
    ("wheel", "runs"),
    [
        ("a-1-cp312-cp312-manylinux_2_28_x86_64.whl", [True, False]),
        ("a-1-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", [False, True]),
        ("a-1-cp37-abi3-manylinux2014_x86_64.whl", [True, True]),
        ("a-1-cp311-abi3-manylinux_2_28_x86_64.whl", [True, False]),
        ("a-1-py3-none-any.whl", [True, True]),
        ("a-1-cp312-cp312-manylinux_2_31_x86_64.whl", [False, False]),
        ("a-1-cp312-cp312-musllinux_1_2_x86_64.whl", [False, False]),
        ("a-1-cp312-cp312-manylinux_2_28_aarch64.whl", [False, False]),
        ("a-1-cp312-cp312-macosx_11_0_arm64.whl", [False, False]),
        ("a-1-cp312-cp312-win_amd64.whl", [False, False]),
    ],
)
def test_a_wheel_runs_where_its_tags_say(wheel: str, runs: list[bool]) -> None:
    """Python, ABI, machine and a glibc no newer than 2.28 decide, for 3.12 and for 3.10."""
    assert [Target(python).rank(wheel) is not None for python in ("3.12", "3.10")] == runs


def test_the_nearest_wheel_is_best() -> None:
    """A wheel made for this very Python comes before a stable-ABI one, that before a pure one."""
    wheels = [
        "a-1-py3-none-any.whl",
        "a-1-cp39-abi3-manylinux_2_28_x86_64.whl",
        "a-1-cp312-cp312-manylinux_2_17_x86_64.whl",
    ]

    assert sorted(wheels, key=lambda wheel: Target("3.12").rank(wheel) or 0) == wheels[::-1]
