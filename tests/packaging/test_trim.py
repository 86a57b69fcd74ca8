"""What is left out of libraries, and what must not be."""

import pytest

from tools.packaging.trim import why_left_out


@pytest.mark.parametrize(
    ("distribution", "path", "reason"),
    [
        ("numpy", "numpy/_core/tests/test_umath.py", "tests"),
        ("numpy", "numpy/__init__.pyi", "type stubs"),
        ("numpy", "numpy/random/lib/libnpyrandom.a", "for compilers"),
        ("numpy", "numpy-2.5.5.data/scripts/f2py", "commands, headers and documents"),
        ("numpy", "numpy/f2py/crackfortran.py", "build tools and documents"),
        ("cffi", "cffi/__pycache__/api.cpython-312.pyc", "written anew where they are needed"),
        ("requests", "requests-2.dist-info/RECORD",
         "for installers; the licences and the name and version stay"),
        ("ai-edge-litert", "ai_edge_litert/libLiteRtWebGpuAccelerator.so", "no GPU there"),
        ("pillow", "pillow.libs/libavif-c6062d5f.so.16.4.2", "the code refuses AVIF"),
        ("onnxruntime", "onnxruntime/capi/libonnxruntime.so.1.32.0",
         "for C programs: Python's own module has it"),
    ],
)  # fmt: skip
def test_what_no_function_uses_is_left_out(distribution: str, path: str, reason: str) -> None:
    """Each kind of dead weight is recognised, with the reason why."""
    assert why_left_out(distribution, path) == reason


@pytest.mark.parametrize(
    ("distribution", "path"),
    [
        ("numpy", "numpy/_core/_multiarray_umath.cpython-312-x86_64-linux-gnu.so"),
        ("numpy", "numpy.libs/libscipy_openblas64_-4b78795a.so"),
        ("numpy", "numpy-2.5.5.dist-info/licenses/LICENSE.txt"),
        ("numpy", "numpy-2.5.5.dist-info/METADATA"),
        ("opencv-python-headless", "opencv_python_headless-5.dist-info/LICENSE-3RD-PARTY.txt"),
        ("opencv-python-headless", "opencv_python_headless.libs/libavcodec-c4204469.so.62.28.101"),
        ("pillow", "PIL/_imaging.cpython-312-x86_64-linux-gnu.so"),
        ("pillow", "PIL/WebPImagePlugin.py"),
        ("pillow", "pillow.libs/libtiff-20b7e810.so.6.3.0"),
        ("onnxruntime", "onnxruntime/capi/libonnxruntime_providers_shared.so"),
        ("onnxruntime", "onnxruntime/ThirdPartyNotices.txt"),
        ("certifi", "certifi/cacert.pem"),
        ("tensorflow-cpu", "tensorflow/python/data/ops/test_mode.py"),
        ("tensorflow-cpu", "tensorflow/_api/v2/test/__init__.py"),
        ("requests", "libavif-c6062d5f.so"),
    ],
)  # fmt: skip
def test_what_functions_use_stays(distribution: str, path: str) -> None:
    """Licences, what extensions are linked to, and what is imported are not mistaken for it."""
    assert why_left_out(distribution, path) is None
