"""The page where labels are independent of one another: all that are there are named, and marked among the bars."""

import json
import re
import subprocess

import pytest
from conftest import BINARY, ROOT, Server

api = pytest.importorskip("playwright.sync_api", reason="playwright is absent: see tests/browser/requirements.txt")
expect = api.expect
expect.set_options(timeout=15_000)

SCENES = ROOT / "tests/scenes"
PICTURES = json.loads((SCENES / "index.json").read_text())["pictures"]
# The names that stand out among bars, and how heavy their letters are.
MARKED = """(list) => Array.from(list.children, (one) => [one.querySelector(".name").textContent,
    one.hasAttribute("data-there"), Number(getComputedStyle(one.querySelector(".name")).fontWeight) >= 600])"""


@pytest.fixture(scope="module")
def scenes():
    server = Server(model=SCENES / "scenes.onnx")
    yield server
    server.kill()


def answer(page, name):
    return page.get_by_label("Answers").get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


def test_dropped_images_name_and_mark_the_labels_above_their_own_thresholds(scenes, visit, screenshot):
    page = visit(scenes.url)
    expect(page.get_by_label("Condition")).to_have_text("Ready")
    page.get_by_label("Choose images").set_input_files([SCENES / picture["file"] for picture in PICTURES])
    marked = set()
    for picture in PICTURES:
        there = picture["labels"]
        best = max(zip(picture["scores"], ["circle", "square", "star", "triangle"], strict=True))[1]
        shown = answer(page, picture["file"])
        expect(shown.locator(".said")).to_have_text(", ".join(there) or f"none, perhaps {best}")
        for name, is_marked, is_bold in shown.locator(".bars").evaluate(MARKED):
            assert is_marked == is_bold == (name in there), (picture, name)
            marked.add(is_marked)
    assert marked == {True, False}
    screenshot(page, "labels")


def test_a_live_frame_names_and_marks_all_its_labels(visit, tmp_path):
    """The logits of the shapes serve as those of four questions: a triangle is a square, too."""
    model = tmp_path / "questions.onnx"
    command = [BINARY, "pack", ROOT / "models/shapes.onnx", "-o", model, "--output", "sigmoid-logits"]
    subprocess.run(command, check=True, capture_output=True)
    server = Server("--source", "synthetic:fps=10", model=model)
    try:
        page = visit(server.url)
        expect(page.get_by_label("Condition")).to_have_text("Live")
        expect(page.locator("#label")).to_have_text(re.compile(r"^triangle, square$"), timeout=30_000)
        marks = page.evaluate(f"""() => {{
            const marked = ({MARKED})(document.getElementById("bars"));
            return [document.getElementById("label").textContent, marked]; }}""")
        names = [name for name, is_marked, is_bold in marks[1] if is_marked and is_bold]
        assert marks[0] == ", ".join(names)
        page.close()
    finally:
        server.kill()
