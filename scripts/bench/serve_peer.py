"""The service that people write in Python today: FastAPI, uvicorn, PIL with torchvision's steps, ONNX Runtime.

    MODEL=… LABELS=… SHORTEST=256 CROP=224 MEAN=0.5 STD=0.5 THREADS=1 AT_A_TIME=2 uvicorn serve_peer:app

One session for all requests; work that holds no GIL runs in the thread pool, AT_A_TIME requests at once.
"""

import io
import json
import os
import pathlib
from contextlib import asynccontextmanager

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import anyio.to_thread
import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image, UnidentifiedImageError

SHORTEST, CROP = int(os.environ["SHORTEST"]), int(os.environ["CROP"])
# (x / 255 - mean) / std as one multiplication and one addition.
SCALE = np.float32(1 / 255 / float(os.environ["STD"]))
SHIFT = np.float32(-float(os.environ["MEAN"]) / float(os.environ["STD"]))
LABELS = pathlib.Path(os.environ["LABELS"]).read_text().splitlines()

options = ort.SessionOptions()
options.intra_op_num_threads = int(os.environ["THREADS"])
# Two cores have better things to do than to wait busily for the next request.
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
INPUT, OUTPUT = session.get_inputs()[0].name, session.get_outputs()[0].name


@asynccontextmanager
async def lifespan(_: FastAPI):
    anyio.to_thread.current_default_thread_limiter().total_tokens = int(os.environ["AT_A_TIME"])
    yield


app = FastAPI(lifespan=lifespan)


def preprocess(image: Image.Image) -> np.ndarray:
    """torchvision's Resize, CenterCrop, ToTensor and Normalize."""
    width, height = image.size
    if width <= height:
        size = (SHORTEST, int(SHORTEST * height / width))
    else:
        size = (int(SHORTEST * width / height), SHORTEST)
    left, top = round((size[0] - CROP) / 2), round((size[1] - CROP) / 2)
    image = image.resize(size, Image.Resampling.BILINEAR).crop((left, top, left + CROP, top + CROP))
    pixels = np.asarray(image).transpose(2, 0, 1)[None]  # HWC => NCHW
    return np.multiply(pixels, SCALE, dtype=np.float32, order="C") + SHIFT


def classify(data: bytes) -> list[dict]:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    logits = session.run([OUTPUT], {INPUT: preprocess(image)})[0][0]
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    return [{"label": LABELS[i], "index": int(i), "score": float(scores[i])} for i in np.argsort(scores)[:-6:-1]]


@app.post("/predict")
async def predict(request: Request) -> Response:
    data = await request.body()
    try:
        top = await run_in_threadpool(classify, data)
    except UnidentifiedImageError as error:
        raise HTTPException(422, str(error)) from error
    return Response(json.dumps({"label": top[0]["label"], "score": top[0]["score"], "top": top}), media_type="application/json")


@app.get("/healthz")
async def healthz() -> dict:
    return {"status": "alive"}
