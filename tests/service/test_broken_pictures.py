"""Whatever bytes come as a picture, the answer is a record or a problem document, and the next one is as good as ever."""

import broken
import pytest
from document import check
from server import ASSETS, Server, form

MALFORMED = ASSETS / "malformed"


def judge(server: Server, name: str, content: bytes) -> int:
    """Sends the bytes as a body and as a form, singly and in a batch; both ways have to agree."""
    body, kind = form((name, content))
    answers = [server.predict(content, None), server.predict(body, kind)]
    for answer in answers:
        if answer.status == 200:
            check("Record", answer.json())
        else:
            assert answer.status == (422 if content else 400), (name, answer.body)
            answer.problem()
    assert answers[0].status == answers[1].status, name
    return answers[0].status


@pytest.fixture(scope="module")
def patient():
    """Some of these pictures take a while on a busy machine."""
    with Server("--max-body", "20") as running:
        yield running


@pytest.mark.parametrize("family", ["truncations", "bit_flips", "bombs", "nonsense"])
def test_broken_pictures_are_refused_one_by_one_and_cost_no_memory(patient: Server, family: str):
    pictures = getattr(broken, family)()
    patient.is_well()
    before = patient.resident()
    statuses = {name: judge(patient, name, content) for name, content in pictures}
    patient.is_well()
    assert patient.resident() - before < 64, (before, patient.resident())
    if family in ("bombs", "nonsense"):
        assert {name: status for name, status in statuses.items() if status != 422} == {}
    assert 422 in statuses.values()


def test_a_huge_picture_leaves_no_memory_behind(patient: Server):
    for _ in range(4):
        patient.is_well()
    before = patient.resident()
    content = broken.huge()
    for _ in range(4):
        assert patient.predict(content, "image/png").status == 200
    for _ in range(4):
        patient.is_well()
    assert patient.resident() - before < 64, (before, patient.resident())


def test_the_public_broken_pictures_are_refused_or_classified(patient: Server):
    if not MALFORMED.is_dir():
        pytest.skip(f"{MALFORMED} is absent; the pictures made here cover the same ground")
    patient.is_well()
    before = patient.resident()
    statuses = {path.name: judge(patient, path.name, path.read_bytes()) for path in sorted(MALFORMED.iterdir())}
    patient.is_well()
    assert statuses.keys() and 422 in statuses.values()
    assert patient.resident() - before < 64, (before, patient.resident())


def test_a_form_of_only_broken_pictures_is_refused_as_a_whole(patient: Server):
    answer = patient.form(*broken.nonsense()[:5])
    assert answer.status == 422
    answer.problem()


def test_good_pictures_between_broken_ones_in_a_form_get_their_records(patient: Server):
    good = broken.encoded("PNG", (320, 240))
    parts = [part for bad in broken.nonsense()[:6] for part in (bad, ("good.png", good))]
    answer = patient.form(*parts)
    assert answer.status == 200
    for position, entry in enumerate(answer.json()):
        check("Record" if position % 2 else "Problem", entry)
        assert entry.get("label", "star") == "star"
