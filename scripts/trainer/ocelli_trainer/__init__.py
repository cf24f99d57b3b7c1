"""The offline trainer of Ocelli: from folders of pictures to one proven, self-describing ONNX file."""

import os

# The Linux wheels of ONNX Runtime from 1.30 on report to Microsoft unless this stands before they are loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
