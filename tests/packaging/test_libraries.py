"""The zip of libraries that FANLIGHT_LIBS names, beside a package, on a bare interpreter."""

import subprocess
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanlight.errors import ConfigError
from tools.commands.package import command
from tools.packaging.build import library_names
from tools.packaging.components import IMAGES, OSS
from tools.packaging.contents import library
from tools.packaging.pins import pinned, read_pins
from tools.packaging.target import PYTHONS, Target
from tools.packaging.trial import bare_python, find_python
from tools.packaging.wheels import cache_folder, fetch
from tools.packaging.zipped import write_zip

RUN = """
import sys
package, libraries, model = sys.argv[1:]
sys.path.insert(0, package)
import oss2
sys.path.append(libraries)
import tensorflow as tf
run = tf.saved_model.load(model).signatures["serving_default"]
print(float(run(x=tf.constant([3.0]))["y"][0]))
"""


@pytest.mark.tensorflow
def test_a_saved_model_runs_with_the_zip_of_libraries(tmp_path: Path) -> None:
    """With the package in front and the zip behind, TensorFlow loads a model and runs it."""
    target = Target(PYTHONS[0])
    if find_python(target.python) is None:
        pytest.skip(f"there is no Python {target.python}")
    names = [*OSS, *IMAGES, *library_names("tensorflow")]
    try:
        files = fetch(pinned(names, read_pins(target)), target, cache_folder(), lambda _: None)
    except ConfigError as error:
        pytest.skip(f"no wheels: {error}")
    done = CliRunner().invoke(command, ["--libs", "tensorflow", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    package = [entry for name in (*OSS, *IMAGES) for entry in library(files[name])]
    write_zip(tmp_path / "package.zip", package)
    for name in ("package", f"libs-tensorflow-{target.python}"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip") as made:
            made.extractall(tmp_path / name)
    save_doubler(tmp_path / "model")

    ran = subprocess.run(
        [bare_python(target.python, tmp_path), "-c", RUN, tmp_path / "package",
         tmp_path / f"libs-tensorflow-{target.python}", tmp_path / "model"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stdout == "6.0\n", ran.stderr


def save_doubler(folder: Path) -> None:
    """A SavedModel whose signature gives twice what it is given."""
    import tensorflow as tf

    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec([None], tf.float32, name="x")]
    )
    tf.saved_model.save(module, str(folder), signatures=module.double)
