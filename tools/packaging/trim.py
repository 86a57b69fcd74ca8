"""What is left out of the libraries, and why. The import trace and the tests bear each rule out."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`pattern`: a regular expression, searched in paths as the zip spells them."""

    distribution: str
    pattern: str
    reason: str


ANY = "*"
"""A rule for every library."""

RULES = (
    Rule(ANY, r"(^|/)(tests|SelfTest)/|(^|/)(conftest|[^/]*_test)\.py$", "tests"),
    Rule(ANY, r"\.pyc$|(^|/)__pycache__/", "written anew where they are needed"),
    Rule(ANY, r"\.pyi$|(^|/)py\.typed$", "type stubs"),
    Rule(ANY, r"\.(h|hpp|hh|inc|c|cc|cpp|pyx|pxd|a|lib|cmake|proto)$", "for compilers"),
    Rule(ANY, r"\.data/(scripts|headers|data)/", "commands, headers and documents"),
    Rule(ANY, r"\.dist-info/(?!METADATA$|.*(LICEN[CS]E|NOTICE|COPYING|AUTHORS))",
         "for installers; the licences and the name and version stay"),
    Rule("ai-edge-litert", r"libLiteRtWebGpuAccelerator\.so$", "no GPU there"),
    Rule("ai-edge-litert", r"libLiteRt\.so$|_pywrap_litert_(compiled|tensor|environment)",
         "the other interface, CompiledModel"),
    Rule("ai-edge-litert", r"ai_edge_litert/(aot|tools|vendors|tflite)/", "compilers for phones"),
    Rule("ai-edge-litert", r"_pywrap_(litert_converter|modify|tfl_cal|tensorflow_lite_cal|analyzer"
         r"|string_util|.*metrics)|format_converter|pywrap_genai_ops", "converters"),
    Rule("ai-edge-litert", r"_pb2\.py$|schema_py_generated\.py$", "files' schemas, for tools"),
    Rule("numpy", r"numpy/(f2py|_pyinstaller|distutils|doc)/", "build tools and documents"),
    Rule("numpy", r"_(multiarray|rational|struct_ufunc|operand_flag|umath)_tests\.|_core/_simd\.",
         "tests"),
    Rule("opencv-python-headless", r"cv2/LICENSE", "the same file lies in the dist-info folder"),
    Rule("pillow", r"PIL/_avif|libavif-", "the code refuses AVIF"),
    Rule("pillow", r"PIL/_imagingft\.|lib(freetype|harfbuzz|brotli\w+|png16)-", "draws text"),
    Rule("pillow", r"PIL/_imagingcms\.|liblcms2-", "colour profiles"),
    Rule("pillow", r"PIL/_webp\.|lib(webp\w*|sharpyuv)-", "OpenCV decodes; our code reads sizes"),
    Rule("pillow", r"PIL/_imaging(tk|math|morph)\.", "windows and arithmetic"),
    Rule("onnxruntime", r"capi/libonnxruntime\.so", "for C programs: Python's own module has it"),
    Rule("onnxruntime", r"onnxruntime/(backend|datasets|quantization|tools|transformers)/",
         "converters and examples"),
    Rule("pycryptodome", r"Crypto/PublicKey/_(ec_nat|mldsa|mlkem|ed|curve)\w*\.abi3",
         "oss2 encrypts with RSA and AES alone"),
    Rule("pycryptodome", r"Crypto/Cipher/_(raw_(\w*blowfish|des3?|cast|arc2|ocb)|ARC4|Salsa20"
         r"|chacha20)\.abi3", "the same"),
    Rule("pycryptodome", r"Crypto/(Protocol|IO)/", "the same"),
    Rule("pycryptodome", r"Crypto/Hash/_(MD[24]|RIPEMD160|BLAKE2\w|keccak|k12|poly1305|SHA(224|384"
         r"|512)\w*)\.abi3", "oss2 digests with SHA-1 and SHA-256 alone"),
    Rule("tensorflow-cpu", r"tensorflow/include/", "headers"),
)  # fmt: skip


def why_left_out(distribution: str, path: str) -> str | None:
    """The reason why a file of a library does not go into a zip; None if it does."""
    for rule in RULES:
        if rule.distribution in (ANY, distribution) and re.search(rule.pattern, path):
            return rule.reason
    return None
