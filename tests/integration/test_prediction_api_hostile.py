"""Bad input over HTTP: each text and each body has a defined answer, never a 500, and costs nobody else theirs."""

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.predictions import MAX_BATCH, PredictBatchResponse, Prediction
from tests.live_prediction_api import running

GOOD = ["Where is my parcel? It was due on Monday.", "I forgot my password", "please cancel order 4711"]
HOSTILE = [
    "", "\x00", "😡" * 1_000, "\n" * 100_000, "<div>" * 20_000, "\u0301" * 50_000, "[" * 50_000, "x" * 131_072,
    "\u202e" * 500, "&#0;<b>" * 9_000, "a@" * 30_000, "\ufdfa" * 20_000, "[PAD]" * 500,
]  # fmt: skip
OUT_OF_SCOPE = {
    "empty": "",
    "one character": "a",
    "one digit": "7",
    "one character of another script": "注",
    "100 KB": "word " * 20_000,
    "emoji only": "😡😡😡📦❓",
    "digits only": "12345 67890",
    "NUL only": "\x00" * 50,
    "NUL between letters": "a\x00b\x00",
    "invisible only": "\u200b\u200d\ufeff" * 30,
    "Japanese": "注文した寝袋をキャンセルしたい",
    "Chinese": "请问我的包裹在哪里",
    "Korean": "제 소포는 어디에 있나요",
    "Arabic": "مرحبا، نسيت كلمة المرور",
    "Hebrew": "איפה החבילה שלי",
    "Russian": "Где моя посылка? Я жду уже две недели",
    "Greek": "Πού είναι το δέμα μου;",
    "Hindi": "मेरा ऑर्डर कहाँ है",
    "Thai": "พัสดุของฉันอยู่ที่ไหน",
    "keys at random": "asdf qwer zxcv uiop",
    "markup only": "<div>" * 20_000,
}
BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 422),
    "null": (b"null", 422),
    "a string": (b'"Where is my parcel?"', 422),
    "an object as text": (b'{"ticket": {"text": "a"}}', 422),
    "true as text": (b'{"ticket": true}', 422),
    "NaN as text": (b'{"ticket": NaN}', 422),
    "the last of two keys counts": (b'{"ticket": "a", "ticket": ["b"]}', 422),
    "half a character": (b'{"ticket": "a\\udc00"}', 422),
    "half a character as a name": (b'{"ticket": "a", "\\ud800": 1}', 422),
    "a number of 5,000 digits": (b'{"ticket": ' + b"9" * 5_000 + b"}", 400),
    "objects in objects": (b'{"ticket":' * 50_000, 400),
    "a raw NUL": (b'{"ticket": "a\x00b"}', 400),
    "a raw line break": (b'{"ticket": "a\nb"}', 400),
    "more after the end": (b'{"ticket": "a"} {"ticket": "b"}', 400),
    "Latin-1": ('{"ticket": "Café"}'.encode("latin-1"), 400),
    "gzip": (b"\x1f\x8b\x08\x00", 400),
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["ticket", "tickets", "a"]), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(tmp_path_factory.mktemp("state")) as api, api.client() as client:
        yield client


@pytest.fixture(scope="module")
def alone(client: httpx.Client) -> list[Prediction]:
    """What each good ticket gets when it is asked for by itself."""
    return [
        Prediction.model_validate_json(client.post("/predict", json={"ticket": text}).raise_for_status().content)
        for text in GOOD
    ]


def batch(client: httpx.Client, tickets: list[str]) -> list[Prediction]:
    response = client.post("/predict/batch", json={"tickets": tickets})
    assert response.status_code == 200, response.text[:500]
    return PredictBatchResponse.model_validate_json(response.content).predictions


@pytest.mark.parametrize("ticket", OUT_OF_SCOPE.values(), ids=OUT_OF_SCOPE)
def test_what_says_nothing_in_english_is_out_of_scope_and_has_no_sentiment(client: httpx.Client, ticket: str) -> None:
    response = client.post("/predict", json={"ticket": ticket})
    assert response.status_code == 200
    prediction = Prediction.model_validate_json(response.content)
    assert prediction.out_of_scope
    assert not prediction.sentiment_valid or ticket.startswith("word")


@pytest.mark.parametrize(
    "ticket", ["Where is\x00 my par\x00cel?", "Where is my parcel? " * 6_000, "\u202eWhere is my parcel?"]
)
def test_a_question_among_noise_is_still_read(client: httpx.Client, ticket: str) -> None:
    prediction = Prediction.model_validate_json(client.post("/predict", json={"ticket": ticket}).content)
    assert (prediction.predicted_label, prediction.out_of_scope) == ("track_order", False)


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_none_is_told_so(client: httpx.Client, body: bytes, status: int) -> None:
    response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_of_another_kind_is_told_so(client: httpx.Client, kind: str) -> None:
    response = client.post("/predict", content=b'{"ticket": "a"}', headers={"Content-Type": kind})
    assert response.status_code == 422


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1, 10_000])
def test_a_batch_of_none_or_too_many_is_told_the_limit(client: httpx.Client, count: int) -> None:
    response = client.post("/predict/batch", json={"tickets": ["a"] * count})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "tickets"
    assert str(MAX_BATCH if count else 1) in response.json()["detail"]


def test_in_a_batch_hostile_tickets_change_no_others_prediction(client: httpx.Client, alone: list[Prediction]) -> None:
    for hostile in HOSTILE:
        first, _, second, third = batch(client, [GOOD[0], hostile, *GOOD[1:]])
        assert [first, second, third] == alone
    mixed = batch(client, [text for hostile in HOSTILE for text in (*GOOD, hostile[:20_000])])
    for number, expected in enumerate(alone):
        assert mixed[number :: len(GOOD) + 1] == [expected] * len(HOSTILE)


def test_one_wrong_ticket_refuses_a_batch_and_is_named(client: httpx.Client) -> None:
    response = client.post("/predict/batch", json={"tickets": [*GOOD, 5, ["a"]]})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["tickets.3", "tickets.4"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8"), max_size=500))
def test_any_text_has_a_prediction(client: httpx.Client, alone: list[Prediction], text: str) -> None:
    predictions = batch(client, [*GOOD, text])
    assert predictions[:-1] == alone


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON_VALUES, path=st.sampled_from(["/predict", "/predict/batch"]))
def test_any_json_has_a_defined_answer(client: httpx.Client, value: object, path: str) -> None:
    response = client.post(path, content=json.dumps(value).encode(), headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 422)
