"""A ring whose writer is killed again and again, with a verdict: `scripts/soak ring [KILLS] [--seed N]`.

Ocelli keeps as many frames as it can, in a megabyte, and is killed (SIGKILL) at a random moment. After every kill the
folder has to be within its limit and every frame whole, but for the one that was being written or deleted; the next
start has to find nothing that it cannot read. The last run has to leave nothing unfinished, and `replay:` has to play
every frame.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]
OCELLI = str(ROOT / "target" / "release" / "ocelli")
RUN = [OCELLI, "run", "-m", str(ROOT / "models" / "shapes.onnx"), "--engine", "rten", "-f", "json", "--no-cache"]
LIMIT = 1_000_000


def flags(ring: pathlib.Path) -> list[str]:
    return ["--keep", str(ring), "--keep-sample", "4ms", "--keep-size", "1", "--keep-per-day", "1000000"]


def newest(ring: pathlib.Path) -> str:
    return max((path.name for path in ring.glob("*.jpg")), default="")


def look(ring: pathlib.Path, counts: Counter) -> list[str]:
    """What is wrong with the folder."""
    faults, undone, size = [], 0, 0
    for path in sorted(ring.iterdir()):
        size += path.stat().st_size
        if path.name == "ring.json":
            continue
        counts[path.suffix] += 1
        if path.suffix == ".json":
            entry = json.loads(path.read_text())
            picture = path.with_suffix(".jpg")
            if not picture.exists():
                undone += 1
                continue
            data = picture.read_bytes()
            if len(data) != entry["kept"]["bytes"] or not data.startswith(b"\xff\xd8") or not data.endswith(b"\xff\xd9"):
                faults.append(f"{picture.name} is torn")
        elif path.suffix == ".jpg" and not path.with_suffix(".json").exists():
            faults.append(f"{path.name} has no entry")
    counts["undone"] += undone
    if undone > 1:
        faults.append(f"{undone} frames are undone")
    if size > LIMIT:
        faults.append(f"{size} bytes")
    counts["largest"] = max(counts["largest"], size)
    return faults


def main() -> None:
    kills, seed = int(sys.argv[1]), int(sys.argv[2])
    chance, counts, faults = random.Random(seed), Counter(), []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ring, told = pathlib.Path(folder) / "ring", pathlib.Path(folder) / "told"
        for kill in range(kills):
            with told.open("w") as errors:
                process = subprocess.Popen([*RUN, "synthetic:fps=250,size=96x72", *flags(ring)], stdout=subprocess.DEVNULL, stderr=errors)
                # Starts differ with the machine's load: from the first frame on, the moment is drawn.
                before, patience = newest(ring), time.monotonic() + 20
                while newest(ring) == before and time.monotonic() < patience and process.poll() is None:
                    time.sleep(0.002)
                time.sleep(chance.uniform(0.0, 0.1))
                process.kill()
                process.wait()
            text = told.read_text()
            new = look(ring, counts)
            new += [line for line in text.splitlines() if "not whole" in line or "panicked" in line or "error" in line]
            faults += [f"kill {kill}: {fault}" for fault in new]
            for fault in new[:3]:
                print(f"soak: kill {kill}: {fault}", file=sys.stderr, flush=True)
        last = subprocess.run([*RUN, "synthetic:fps=30,frames=3", *flags(ring)], capture_output=True, text=True, check=False)
        faults += [] if last.returncode == 0 and "not whole" not in last.stderr else [last.stderr]
        unfinished = [path.name for path in ring.iterdir() if path.suffix == ".tmp"]
        faults += [f"left unfinished: {name}" for name in unfinished] + look(ring, Counter())
        frames = len(list(ring.glob("*.jpg")))
        played = subprocess.run([*RUN, f"replay:{ring}"], capture_output=True, text=True, check=False)
        records = len(played.stdout.splitlines())
        if played.returncode or records != frames:
            faults.append(f"{records} of {frames} frames were played: {played.stderr}")
    seconds = time.monotonic() - began
    print(f"{kills} kills in {seconds:.0f} s, seed {seed}: at most {counts['largest']} of {LIMIT} bytes; {counts['.tmp']} files were being"
          f" written, {counts['undone']} frames half done; {frames} frames at the end, all played; {len(faults)} faults")
    sys.exit(bool(faults))


main()
