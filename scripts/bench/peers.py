"""The two loops that people write in Python today, timed like `ocelli bench`.

    peers.py pil|opencv MODEL THREADS SECONDS FRAME...
    peers.py pil|opencv MODEL THREADS stream     JPEGs on standard input, one after the other

Both resize the short side to 256, crop 224 and normalise with 0.5, as torchvision and a
typical OpenCV script do, and run ONNX Runtime. Prints JSON: stage minima and medians in
milliseconds, time to the first label and peak memory; for a stream, a line per frame.
"""

import json
import os
import resource
import sys
import time

STARTED = float(os.environ.get("STARTED", time.time()))
PEER, MODEL, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import io

import numpy as np
import onnxruntime as ort

MEAN = np.array([0.5, 0.5, 0.5], np.float32)
STD = np.array([0.5, 0.5, 0.5], np.float32)


def session() -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    return ort.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


def pil():
    from PIL import Image

    def decode(data):
        return Image.open(io.BytesIO(data)).convert("RGB")

    def preprocess(image):
        width, height = image.size
        size = (
            (256, 256 * height // width)
            if width <= height
            else (256 * width // height, 256)
        )
        left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
        image = image.resize(size, Image.Resampling.BILINEAR).crop(
            (left, top, left + 224, top + 224)
        )
        x = np.asarray(image).astype(np.float32) / 255.0
        return np.ascontiguousarray(((x - MEAN) / STD).transpose(2, 0, 1)[None])

    return decode, preprocess


def opencv():
    import cv2

    cv2.setNumThreads(THREADS)

    def decode(data):
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    def preprocess(image):
        height, width = image.shape[:2]
        size = (
            (256, 256 * height // width)
            if width <= height
            else (256 * width // height, 256)
        )
        left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)[
            top : top + 224, left : left + 224
        ]
        x = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.float32) / 255.0
        return np.ascontiguousarray(((x - MEAN) / STD).transpose(2, 0, 1)[None])

    return decode, preprocess


def jpegs():
    """Frame after frame, as a sequential loop reads a camera: none is left out."""
    pending = b""
    while chunk := os.read(0, 1 << 16):
        pending += chunk
        while (end := pending.find(b"\xff\xd9")) >= 0:
            yield pending[: end + 2]
            pending = pending[end + 2 :]


def main() -> None:
    decode, preprocess = {"pil": pil, "opencv": opencv}[PEER]()
    run = session()
    name = run.get_inputs()[0].name

    def one(data):
        start = time.perf_counter()
        image = decode(data)
        decoded = time.perf_counter()
        x = preprocess(image)
        prepared = time.perf_counter()
        label = int(np.argmax(run.run(None, {name: x})[0]))
        end = time.perf_counter()
        return label, (decoded - start, prepared - decoded, end - prepared, end - start)

    if sys.argv[4] == "stream":
        for data in jpegs():
            print(one(data)[0], flush=True)
        return
    seconds = float(sys.argv[4])
    frames = [open(path, "rb").read() for path in sys.argv[5:]]
    one(frames[0])
    first_label = time.time() - STARTED
    samples = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        samples.extend(one(frame)[1] for frame in frames)
    stages = ("decode", "preprocess", "inference", "total")
    table = np.array(samples or [[0] * 4]) * 1e3
    report = {
        s: {"min": float(table[:, i].min()), "p50": float(np.median(table[:, i]))}
        for i, s in enumerate(stages)
    }
    report["first_label_s"] = first_label
    report["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(report))


main()
