"""Pictures for the fuzzer: random bytes are never one, and would leave most of the service unseen."""

import pathlib

import schemathesis
from hypothesis import strategies as st

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "models" / "samples"
good = st.sampled_from([path.read_bytes() for path in sorted(SAMPLES.glob("*.jpg"))])
cut = st.builds(lambda picture, length: picture[:length], good, st.integers(1, 4000))
for kind in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(kind, st.one_of(good, cut, st.binary(min_size=1, max_size=64)))
