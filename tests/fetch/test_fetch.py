"""Models by name: fetched from a hub into the cache that Hugging Face's own client uses, both ways; and what is said
when the network, the hub, the disk or a file is not as it should be."""

import json
import os
import pathlib
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from hub_server import Hub, Repository, name_of, sha256

huggingface_hub = pytest.importorskip("huggingface_hub", reason="scripts/setup --service installs it")

ROOT = pathlib.Path(__file__).resolve().parents[2]
OCELLI = pathlib.Path(os.environ.get("OCELLI", ROOT / "target" / "release" / "ocelli"))
MODEL = (ROOT / "models" / "shapes.onnx").read_bytes()
# The same network with another name in its manifest, as long as before.
NEWER = MODEL.replace(b'"name":"shapes"', b'"name":"newest"')
SAMPLE = ROOT / "models" / "samples" / "star-1.jpg"
PATIENCE = 60

pytestmark = pytest.mark.skipif(not OCELLI.exists(), reason=f"{OCELLI} is not built: cargo build --release")


class Bench:
    """A hub with one model, and a home of its own for whoever asks it."""

    def __init__(self, home: pathlib.Path) -> None:
        self.hub, self.home = Hub(), home
        self.cache = home / "hub"
        self.repository = Repository()
        self.hub.repositories["own/shapes"] = self.repository
        self.commit = self.repository.push({
            "README.md": b"a model",
            "config.json": b'{"model_type": "resnet"}',
            "onnx/model.onnx": MODEL,
            "onnx/model_quantized.onnx": b"other" * 5000,
        })

    @property
    def folder(self) -> pathlib.Path:
        return self.cache / "models--own--shapes"

    def blob(self, content: bytes) -> pathlib.Path:
        return self.folder / "blobs" / name_of(content)

    def environment(self, **variables: str) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "OCELLI_", "HUGGING"))
                 and not k.upper().endswith("_PROXY")}
        return clean | {"HF_ENDPOINT": self.hub.endpoint, "HF_HOME": str(self.home), "HF_HUB_DOWNLOAD_TIMEOUT": "2",
                        "OCELLI_CACHE": str(self.home / "ocelli")} | variables

    def command(self, *arguments: str) -> list[str]:
        return [str(OCELLI), *arguments]

    def run(self, name: str = "hf:own/shapes", **variables: str) -> subprocess.CompletedProcess:
        command = self.command("run", "-m", name, "-f", "json", str(SAMPLE))
        return subprocess.run(command, env=self.environment(**{"OCELLI_ENGINE": "rten"} | variables), capture_output=True, text=True,
                              timeout=PATIENCE, check=False)

    def answers(self, name: str = "hf:own/shapes", **variables: str) -> tuple[dict, str]:
        """The record, and what was said."""
        done = self.run(name, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    def refuses(self, name: str = "hf:own/shapes", **variables: str) -> str:
        """The one line that says why."""
        done = self.run(name, **variables)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        lines = [line for line in done.stderr.splitlines() if line.startswith("ocelli: error: ")]
        assert len(lines) == 1, done.stderr
        return lines[0].removeprefix("ocelli: error: ")

    def python(self, code: str, **variables: str) -> str:
        """What Hugging Face's own client says."""
        script = f"import huggingface_hub as hf\n{code}"
        done = subprocess.run([sys.executable, "-c", script], env=self.environment(**variables),
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.hub.close()


def test_a_model_is_fetched_once_with_its_configuration_and_then_only_asked_for(bench: Bench):
    record, said = bench.answers()
    assert (record["label"], record["model"]) == ("star", "shapes@1")
    assert "hf:own/shapes: onnx/model.onnx is taken; there are onnx/model_quantized.onnx, too: choose with a name such as " \
           "hf:own/shapes:onnx/model_quantized.onnx" in said
    assert "hf:own/shapes: fetching config.json (24 bytes)" in said
    assert f"hf:own/shapes: fetching onnx/model.onnx ({len(MODEL) / 1e3:.0f} kB)" in said
    assert (bench.folder / "refs/main").read_text() == bench.commit
    snapshot = bench.folder / "snapshots" / bench.commit
    assert sorted(p.relative_to(snapshot).as_posix() for p in snapshot.rglob("*") if p.is_file()) == [
        "config.json", "onnx/model.onnx"]
    assert (snapshot / "onnx/model.onnx").readlink().as_posix() == f"../../../blobs/{sha256(MODEL)}"
    assert (bench.folder / ".no_exist" / bench.commit / "preprocessor_config.json").is_file()
    assert not list(bench.folder.rglob("*.incomplete"))
    bench.hub.asked.clear()
    record, said = bench.answers()
    assert record["label"] == "star"
    assert "fetching" not in said
    assert bench.hub.paths() == ["/api/models/own/shapes/revision/main?blobs=true"]


def test_all_that_facts_are_read_from_comes_along_and_nothing_else(bench: Bench):
    config = b'{"model_type": "vit"}'
    wanted = {"config.json": config, "preprocessor_config.json": b"{}", "processor_config.json": b"{}", "labels.json": b"[]",
              "class_indices.json": b"{}", "onnx/model.labels.txt": b"", "onnx/labels.txt": b"", "onnx/model.onnx": MODEL}
    commit = bench.repository.push(wanted | {"tokenizer.json": b"{}", "a/config.json": config, "model.safetensors": b"x" * 20000})
    bench.answers()
    snapshot = bench.folder / "snapshots" / commit
    assert sorted(p.relative_to(snapshot).as_posix() for p in snapshot.rglob("*") if p.is_file()) == sorted(wanted)


def test_a_file_in_the_cache_is_not_taken_for_another_that_would_be_the_repositorys(bench: Bench):
    commit = bench.repository.push({"config.json": b"{}", "onnx/model.onnx": MODEL, "onnx/model_quantized.onnx": MODEL})
    bench.answers(f"hf:own/shapes@{commit}:onnx/model_quantized.onnx")
    # Offline the one that is there serves, and it is said that it may be another.
    said = bench.answers(f"hf:own/shapes@{commit}", HF_HUB_OFFLINE="1")[1]
    assert "the cache has onnx/model_quantized.onnx; whether the repository has model.onnx or onnx/model.onnx, " \
           "which would be taken, is not known there" in said
    said = bench.answers(f"hf:own/shapes@{commit}")[1]
    assert "onnx/model.onnx is taken; there are onnx/model_quantized.onnx, too" in said
    bench.hub.asked.clear()
    assert "which would be taken" not in bench.answers(f"hf:own/shapes@{commit}")[1]
    assert bench.hub.paths() == []


def test_the_readmes_first_minute(bench: Bench, tmp_path: pathlib.Path):
    """As it stands there, with a picture for the camera; the configuration is that of the repository that it names."""
    commands = re.findall(r"^ocelli (?:run|pack) .*", (ROOT / "README.md").read_text().split("## Use it")[0], re.MULTILINE)
    assert len(commands) == 3
    labels = {"0": "red", "1": "green", "2": "blue"}
    processor = {"crop_pct": 0.875, "do_normalize": True, "do_resize": True, "feature_extractor_type": "ConvNextFeatureExtractor",
                 "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 224}
    self_made = (ROOT / "tests" / "golden" / "hub" / "model.onnx").read_bytes()
    bench.hub.repositories["Xenova/resnet-50"] = repository = Repository()
    repository.push({"config.json": json.dumps({"model_type": "resnet", "id2label": labels}).encode(),
                     "preprocessor_config.json": json.dumps(processor).encode(), "onnx/model.onnx": self_made})
    records = []
    for command in commands:
        arguments = [str(SAMPLE) if word == "camera:0" else word for word in shlex.split(command, comments=True)[1:]]
        done = subprocess.run(bench.command(*arguments), env=bench.environment(OCELLI_FORMAT="json", OCELLI_ENGINE="rten"),
                              cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        records += map(json.loads, done.stdout.splitlines())
    assert len(records) == 2 and records[0]["top"] == records[1]["top"]


def test_a_bar_is_drawn_on_a_terminal_only(bench: Bench):
    bench.hub.faults.slow = 0.2
    command = bench.command("inspect", "hf:own/shapes")
    ours, theirs = pty.openpty()
    subprocess.run(command, env=bench.environment(TERM="xterm"), stdout=subprocess.DEVNULL, stderr=theirs, timeout=PATIENCE, check=True)
    os.close(theirs)
    drawn = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert f"/{len(MODEL) / 1e3:.2f} kB" in drawn and "/s, " in drawn, drawn
    bench.blob(MODEL).unlink()
    said = subprocess.run(command, env=bench.environment(), capture_output=True, text=True, timeout=PATIENCE, check=True).stderr
    assert f"fetching onnx/model.onnx ({len(MODEL) / 1e3:.0f} kB)" in said
    assert "/s, " not in said and "\r" not in said and "\x1b" not in said, said


def test_pythons_client_finds_what_was_fetched(bench: Bench):
    bench.answers()
    fetched = bench.folder / "snapshots" / bench.commit
    for name in ("onnx/model.onnx", "config.json"):
        told = bench.python(f"print(hf.hf_hub_download('own/shapes', {name!r}, local_files_only=True))")
        assert told == str(fetched / name)
    # It knows what the commit does not have, as it notes that itself.
    told = bench.python("print(hf.try_to_load_from_cache('own/shapes', 'preprocessor_config.json') is hf._CACHED_NO_EXIST)")
    assert told == "True"
    told = bench.python("i = hf.scan_cache_dir(); r, = i.repos; print(r.repo_id, r.nb_files, r.size_on_disk, len(i.warnings))")
    size = len(MODEL) + len(bench.repository.commits[bench.commit]["config.json"])
    assert told == f"own/shapes 2 {size} 0"
    # Online, it fetches nothing again.
    bench.hub.asked.clear()
    bench.python("hf.hf_hub_download('own/shapes', 'onnx/model.onnx')")
    assert not bench.hub.paths(sha256(MODEL)), "it was fetched again"


def test_what_pythons_client_has_fetched_is_found(bench: Bench):
    bench.python("hf.hf_hub_download('own/shapes', 'onnx/model.onnx'); hf.hf_hub_download('own/shapes', 'config.json')")
    bench.hub.asked.clear()
    record, said = bench.answers()
    assert record["label"] == "star"
    assert not bench.hub.paths("/resolve/") and "fetching" not in said
    # And without anybody to ask.
    bench.hub.asked.clear()
    record, said = bench.answers(HF_HUB_OFFLINE="1")
    assert record["label"] == "star"
    assert f"hf:own/shapes: onnx/model.onnx of commit {bench.commit[:7]} is in the cache" in said
    assert not bench.hub.asked


def test_a_snapshot_and_a_folder_of_pythons_client_are_found(bench: Bench):
    bench.python("hf.snapshot_download('own/shapes')")
    bench.hub.asked.clear()
    _, said = bench.answers()
    assert "fetching" not in said and not bench.hub.paths("/resolve/")
    bench.hub.asked.clear()
    _, said = bench.answers(f"hf:own/shapes@{bench.commit}", HF_HUB_OFFLINE="1")
    assert "onnx/model.onnx is taken" in said and not bench.hub.asked
    folder = bench.home / "folder"
    bench.python(f"hf.snapshot_download('own/shapes', local_dir={str(folder)!r})")
    assert bench.answers(str(folder))[0]["label"] == "star"


def test_a_new_commit_is_taken_and_a_commit_that_is_named_asks_nobody(bench: Bench):
    old = bench.commit
    bench.answers(f"hf:own/shapes@{old}")
    bench.hub.asked.clear()
    record, _ = bench.answers(f"hf:own/shapes@{old}", HF_ENDPOINT="http://127.0.0.1:1")
    assert record["model"] == "shapes@1" and not bench.hub.asked
    assert not (bench.folder / "refs").exists()
    new = bench.repository.push({"model.onnx": NEWER})
    assert bench.answers()[0]["model"] == "newest@1"
    assert (bench.folder / "refs/main").read_text() == new
    assert bench.answers(f"hf:own/shapes@{old}")[0]["model"] == "shapes@1"
    bench.repository.revisions["refs/pr/1"] = old
    assert bench.answers("hf:own/shapes@refs/pr/1")[0]["model"] == "shapes@1"
    assert (bench.folder / "refs/refs/pr/1").read_text() == old


@pytest.mark.parametrize("command", ["inspect", "pack", "prepare", "verify", "eval", "bench", "tune", "doctor", "config"])
def test_every_command_knows_models_by_name(bench: Bench, tmp_path: pathlib.Path, command: str):
    name = "hf:own/shapes"
    samples = tmp_path / "eval" / "star"
    samples.mkdir(parents=True)
    (samples / "1.jpg").write_bytes(SAMPLE.read_bytes())
    config = tmp_path / "ocelli.toml"
    config.write_text(f"model = '{name}'\nengine = 'rten'\n")
    arguments = {
        "inspect": ["inspect", name],
        "pack": ["pack", name, "-o", str(tmp_path / "packed.onnx")],
        "prepare": ["prepare", "-m", name],
        "verify": ["verify", "-m", name, "--engine", "rten"],
        "eval": ["eval", "-m", name, "--engine", "rten", str(samples.parent)],
        "bench": ["bench", "-m", name, "--engine", "rten", "--seconds", "0.1", "--threads", "1"],
        "tune": ["bench", "--tune", "-m", name, "--engine", "rten", "--seconds", "0.1"],
        "doctor": ["doctor", "-m", name, "--json"],
        "config": ["run", "--config", str(config), str(SAMPLE)],
    }[command]
    done = subprocess.run(bench.command(*arguments), env=bench.environment(), capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == 0 or command in ("doctor", "prepare"), done.stderr
    assert "fetching onnx/model.onnx" in done.stderr
    assert len(bench.hub.paths("/api/")) == 1, "it was asked more than once"
    if command == "doctor":
        assert "shapes@1, opset" in done.stdout


def test_a_large_file_goes_on_where_it_broke_off(bench: Bench):
    bench.hub.faults.break_after, bench.hub.faults.breaks = len(MODEL) // 3, 2
    record, said = bench.answers()
    assert record["label"] == "star"
    assert said.count("onnx/model.onnx broke off after") == 2, said
    ranges = [headers.get("range") for _, path, headers in bench.hub.asked if sha256(MODEL) in path]
    first = len(MODEL) // 3
    assert ranges == [None, f"bytes={first}-", f"bytes={2 * first}-"]


def test_a_killed_download_goes_on_where_it_was(bench: Bench):
    bench.hub.faults.slow = 2.0
    part = pathlib.Path(f"{bench.blob(MODEL)}.incomplete")
    for number in (signal.SIGKILL, signal.SIGINT):
        command = bench.command("run", "-m", "hf:own/shapes", str(SAMPLE))
        process = subprocess.Popen(command, env=bench.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + PATIENCE
        had = part.stat().st_size if part.exists() else 0
        while not part.exists() or part.stat().st_size <= had:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        sent = time.monotonic()
        assert process.wait(PATIENCE) == -number
        assert time.monotonic() - sent < 2, "it did not end at once"
        process.stderr.close()
        assert 0 < part.stat().st_size < len(MODEL)
    bench.hub.faults.slow = 0.0
    have = part.stat().st_size
    bench.hub.asked.clear()
    record, said = bench.answers()
    assert record["label"] == "star"
    assert f"kB), from {have / 1e3:.0f} kB on" in said
    ranges = [headers.get("range") for _, path, headers in bench.hub.asked if sha256(MODEL) in path]
    assert ranges == [f"bytes={have}-"]


def test_a_server_that_cannot_go_on_in_the_middle_begins_anew(bench: Bench):
    bench.hub.faults.break_after, bench.hub.faults.breaks = len(MODEL) // 2, 1
    bench.hub.faults.ignore_range = True
    assert bench.answers()[0]["label"] == "star"


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(bench: Bench):
    bench.hub.faults.corrupt = True
    said = bench.refuses()
    assert said.startswith("hf:own/shapes: what came for onnx/model.onnx has another checksum, expected "
                           f"{sha256(MODEL)}, found {sha256(bytes(len(MODEL)))}; try again; "), said
    assert not bench.blob(MODEL).exists()
    assert pathlib.Path(f"{bench.blob(MODEL)}.incomplete").stat().st_size == 0
    bench.hub.faults.corrupt = False
    assert bench.answers()[0]["label"] == "star"


def test_a_damaged_part_from_earlier_is_fetched_anew(bench: Bench):
    bench.blob(MODEL).parent.mkdir(parents=True)
    for damage in (b"x" * 1000, b"x" * len(MODEL), b"x" * (len(MODEL) + 1)):  # the last one is seen to be none
        pathlib.Path(f"{bench.blob(MODEL)}.incomplete").write_bytes(damage)
        record, said = bench.answers()
        assert record["label"] == "star"
        assert ("was damaged: fetching it anew" in said) == (len(damage) <= len(MODEL)), said
        bench.blob(MODEL).unlink()


def test_a_file_that_lost_bytes_in_the_cache_is_fetched_anew(bench: Bench):
    bench.answers()
    bench.blob(MODEL).write_bytes(MODEL[:1000])
    assert bench.answers()[0]["label"] == "star"
    assert bench.blob(MODEL).read_bytes() == MODEL


def test_without_a_hub_the_cache_serves_and_says_so(bench: Bench):
    nobody = "http://127.0.0.1:1"
    said = bench.refuses(HF_ENDPOINT=nobody)
    assert said.startswith(f"hf:own/shapes: {nobody} cannot be reached: ") and "Connection refused" in said
    assert said.endswith("; check the network; without one, fetch the model elsewhere and name its file")
    said = bench.refuses(HF_HUB_OFFLINE="1")
    assert said == "hf:own/shapes: the model is not in the cache, and HF_HUB_OFFLINE is set; " \
                   "fetch it once without HF_HUB_OFFLINE, or name a file"
    bench.answers()
    record, said = bench.answers(HF_ENDPOINT=nobody)
    assert record["label"] == "star"
    assert "cannot be reached" in said and "until then the copy in the cache serves" in said
    bench.hub.faults.down = True
    assert "the hub is out of order, found status 503" in bench.answers()[1]
    bench.hub.faults.down, bench.hub.faults.away = False, 403
    # A new commit that cannot be fetched leaves the old one in use, offline, too.
    bench.repository.push({"model.onnx": NEWER})
    record, said = bench.answers()
    assert record["model"] == "shapes@1" and "until then the copy in the cache serves" in said
    assert f"{bench.hub.network}, where the hub sends us, gives no file, found status 403" in said
    assert bench.answers(HF_HUB_OFFLINE="true")[0]["model"] == "shapes@1"


def test_a_silent_server_is_given_up(bench: Bench):
    bench.hub.faults.stall = True
    started = time.monotonic()
    process = subprocess.Popen(bench.command("inspect", "hf:own/shapes"), env=bench.environment(HF_HUB_DOWNLOAD_TIMEOUT="1"),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "onnx/model.onnx broke off after" in line:
            break
    assert time.monotonic() - started < 10
    process.kill()
    process.wait(PATIENCE)
    process.stderr.close()


@pytest.mark.parametrize(("name", "expected"), [
    ("hf:own/other", "has no such model, or it is private; check the name; for a private one, set HF_TOKEN, or log in with "
                     "`hf auth login`"),
    ("hf:own/shapes@v9", "hf:own/shapes@v9: the repository has no revision `v9`; name a branch, a tag or a whole commit"),
    ("hf:own/shapes:model_fp16.onnx", "hf:own/shapes:model_fp16.onnx: the repository has no ONNX file `model_fp16.onnx`, found "
     "onnx/model.onnx, onnx/model_quantized.onnx; name one of them, such as hf:own/shapes:onnx/model.onnx"),
    ("hf:shapes", "hf:shapes: this names no model, expected hf:OWNER/NAME[@REVISION][:FILE]; name it as its page on the hub is "
                  "called, such as hf:Xenova/resnet-50"),
])
def test_what_is_not_there_is_said(bench: Bench, name: str, expected: str):
    bench.answers()
    assert bench.refuses(name).endswith(expected)


def test_a_gated_or_private_model_needs_a_token(bench: Bench):
    bench.repository.gated = True
    said = bench.refuses()
    assert said == ("hf:own/shapes: the repository is gated: its owners let in who has accepted their terms; accept them at "
                    f"{bench.hub.endpoint}/own/shapes, then set HF_TOKEN, or log in with `hf auth login`")
    bench.repository.private = True
    assert "has no such model, or it is private" in bench.refuses()
    said = bench.refuses(HF_TOKEN="hf_wrong")
    assert said.startswith("hf:own/shapes: the hub does not accept the token; ") and "hf_wrong" not in said
    assert bench.answers(HF_TOKEN=bench.hub.token)[0]["label"] == "star"
    # The token goes to the hub, and to nobody that it redirects to.
    hosts = {("authorization" in headers, headers["host"].split(":")[0]) for _, _, headers in bench.hub.asked
             if headers.get("authorization", "").endswith(bench.hub.token)}
    assert hosts == {(True, "127.0.0.1")}
    assert any(headers["host"].startswith("localhost") for _, _, headers in bench.hub.asked)
    # A login leaves it in a file.
    (bench.home / "token").write_text(f"{bench.hub.token}\n")
    bench.blob(MODEL).unlink()
    assert "fetching onnx/model.onnx" in bench.answers()[1]


@pytest.mark.parametrize("name", ["../../../evil.json", "/etc/cron.d/evil", "onnx/../../evil", "a\\..\\b", "x/\0"])
def test_names_that_leave_the_cache_are_refused(bench: Bench, name: str):
    bench.hub.faults.names = [name]
    said = bench.refuses()
    assert "the hub names a file that leaves its folder" in said
    assert said.endswith("; do not trust this hub; check HF_ENDPOINT")
    assert not bench.cache.exists()


def test_a_mirror_that_lists_no_checksums_is_asked_for_each(bench: Bench):
    bench.hub.faults.bare = True
    assert bench.answers()[0]["label"] == "star"
    assert bench.blob(MODEL).read_bytes() == MODEL
    bench.blob(MODEL).unlink()
    bench.hub.faults.corrupt = True
    assert "has another checksum" in bench.refuses()


def test_a_full_disk_and_a_cache_of_others_are_said(bench: Bench):
    full = bench.home / "full"
    full.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(full)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no right to mount a small disk")
    try:
        said = bench.refuses(HF_HUB_CACHE=str(full))
        assert f"{full}/models--own--shapes/blobs/{sha256(MODEL)}.incomplete: the model cannot be kept, expected room for " in said
        assert said.endswith("make room there, or set HF_HUB_CACHE to a folder that has some")
        subprocess.run(["mount", "-o", "remount,ro", str(full)], check=True)
        said = bench.refuses(HF_HUB_CACHE=str(full))
        assert "Read-only file system" in said
        assert said.endswith("let this user write there, or set HF_HUB_CACHE to a folder that it may write to")
    finally:
        subprocess.run(["umount", str(full)], check=False)


def test_a_cache_that_may_only_be_read_serves(bench: Bench):
    bench.answers()
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", str(bench.cache), str(bench.cache)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no right to mount")
    try:
        assert not os.access(bench.cache, os.W_OK)
        for variables in ({}, {"HF_HUB_OFFLINE": "1"}):
            assert bench.answers(**variables)[0]["label"] == "star"
    finally:
        subprocess.run(["umount", str(bench.cache)], check=False)


def test_two_programs_fetch_a_file_once(bench: Bench):
    bench.hub.faults.slow = 0.2
    records: list[dict] = []
    threads = [threading.Thread(target=lambda: records.append(bench.answers()[0])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record["label"] for record in records] == ["star"] * 3
    assert len(bench.hub.paths(sha256(MODEL))) == 1


def test_weights_beside_the_model_come_along(bench: Bench):
    onnx = pytest.importorskip("onnx", reason="the trainer's Python packages are not installed")
    folder = bench.home / "export"
    folder.mkdir()
    network = onnx.load_from_string(MODEL)
    onnx.save(network, folder / "model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=1024)
    files = {f"onnx/{path.name}": path.read_bytes() for path in folder.iterdir()}
    commit = bench.repository.push(files)
    for engine in ("rten", "auto"):
        record, _ = bench.answers(OCELLI_ENGINE=engine)
        assert record["label"] == "star"
    assert (bench.folder / "snapshots" / commit / "onnx/model.onnx_data").is_file()
    bench.repository.push({"onnx/model.onnx": files["onnx/model.onnx"]})
    bench.cache.rename(bench.home / "elsewhere")
    assert bench.refuses() == ("hf:own/shapes: the model's weights are in onnx/model.onnx_data, which the repository does not "
                               "have; look for a repository that is whole")


def test_a_hangup_takes_a_new_commit_over(bench: Bench):
    command = bench.command("run", "-m", "hf:own/shapes", "--engine", "rten", "-f", "json", "synthetic:fps=20")
    process = subprocess.Popen(command, env=bench.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert json.loads(process.stdout.readline())["model"] == "shapes@1"
        bench.repository.push({"model.onnx": NEWER})
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while json.loads(process.stdout.readline())["model"] != "newest@1":
            assert time.monotonic() < deadline
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(PATIENCE)


def test_a_fetch_under_way_does_not_keep_a_run_from_ending(bench: Bench):
    command = bench.command("run", "-m", "hf:own/shapes", "--engine", "rten", "-f", "json", "synthetic:fps=20")
    with subprocess.Popen(command, env=bench.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        bench.repository.push({"model.onnx": NEWER})
        bench.hub.faults.slow = 1.0
        process.send_signal(signal.SIGHUP)
        for line in process.stderr:
            if "fetching model.onnx" in line:
                break
        process.send_signal(signal.SIGTERM)
        sent = time.monotonic()
        process.communicate(timeout=PATIENCE)
    assert time.monotonic() - sent < 2 and process.returncode in (0, 130)


def test_nothing_is_asked_unless_a_model_is_named_so(bench: Bench):
    assert bench.answers(str(ROOT / "models" / "shapes.onnx"))[0]["label"] == "star"
    assert not bench.hub.asked and not bench.cache.exists()
