"""Which libraries a function needs. Each is named here, or left out with its reason."""

OSS = {
    "oss2": "the OSS client",
    "crcmod-plus": "oss2 imports crcmod: this is the fork that has wheels, its extension inside",
    "requests": "oss2 sends its requests through it",
    "urllib3": "requests needs it",
    "certifi": "requests needs it: the certificates it trusts",
    "charset-normalizer": "requests needs it",
    "idna": "requests needs it",
    "six": "oss2 imports it",
    "aliyun-python-sdk-core": "oss2 imports it, for client-side encryption",
    "aliyun-python-sdk-kms": "the same",
    "pycryptodome": "the same",
}
"""What talking to OSS takes: distribution -> why."""

IMAGES = {
    "numpy": "pixels and tensors",
    "opencv-python-headless": "decodes and resizes",
    "pillow": "reads headers before anything is decoded",
}

BACKENDS = {
    "litert": {"ai-edge-litert": "runs .tflite files"},
    "onnx": {"onnxruntime": "runs .onnx files"},
    "tensorflow": {},
}
"""What runs a model's format. TensorFlow does not fit into a package: see `LIBRARIES`."""

LIBRARIES = {
    "tensorflow": {
        "tensorflow-cpu": "runs SavedModels; without the GPU code it is half as large",
        "absl-py": "tensorflow imports it",
        "astunparse": "the same",
        "flatbuffers": "the same",
        "gast": "the same",
        "google-pasta": "the same",
        "ml-dtypes": "the same",
        "opt-einsum": "the same",
        "packaging": "the same",
        "protobuf": "the same",
        "termcolor": "the same",
        "typing-extensions": "the same",
        "wrapt": "the same",
    }
}
"""Zips of libraries that a function fetches from OSS, because no package can hold them."""

PROVIDERS = {
    "oss2": OSS,
    "requests": OSS,
    "urllib3": OSS,
    "numpy": IMAGES,
    "cv2": IMAGES,
    "PIL": IMAGES,
}
"""Top-level module that our code imports -> the libraries that come with it."""

NOT_TAKEN = {
    "crcmod": "crcmod-plus is the same module, with its extension",
    "typing-extensions": "ai-edge-litert's compiler tools import it; they are left out",
    "cryptography": "aliyun-python-sdk-core imports it to sign for a key service",
    "jmespath": "the same",
    "backports-strenum": "ai-edge-litert's compiler tools import it; they are left out",
    "flatbuffers": "ai-edge-litert's and onnxruntime's tools import it; they are left out",
    "ml-dtypes": "ai-edge-litert imports it for models of types that no bundle has",
    "tqdm": "ai-edge-litert's compiler tools import it; they are left out",
    "protobuf": "ai-edge-litert's and onnxruntime's tools import it; they are left out",
    "packaging": "onnxruntime's tools import it; they are left out",
    "coloredlogs": "the same",
    "sympy": "the same",
    "wheel": "astunparse names it, and imports it nowhere",
    "setuptools": "tensorflow's build tools import it",
    "libclang": "tensorflow uses it only while it is built",
    "keras": "tensorflow imports it at the first use of tf.keras, which a SavedModel is not",
    "h5py": "keras reads .h5 files with it",
    "grpcio": "tensorflow's distributed training imports it",
}
"""Requirements that a library's metadata states and a function does without."""
