"""Fanlight: classifies images as they land in an OSS bucket. What every entry point shares."""

import os

# NumPy and OpenCV each bring an OpenBLAS, whose threads wait busily for 30 to 60 ms once they are
# loaded, in the middle of a cold start. Nothing here multiplies matrices that would use them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
