"""The serving object, with the artifact that the repository ships."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpdesk.settings import PROJECT_DIR, ModelSettings
from models.artifact import load_artifact
from models.classifier import Classifier, load_classifier
from models.evaluate import evaluate


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier(ModelSettings())


@pytest.mark.parametrize(
    ("text", "intent", "category"),
    [
        ("Where is my parcel? The tracking page shows nothing since Tuesday.", "track_order", "ORDER"),
        ("hi i forgot my pasword, how do i reset it", "recover_password", "ACCOUNT"),
        ("<p>Please <b>cancel</b> my order TB-20418835.</p>", "cancel_order", "ORDER"),
        ("I want to speak to a real person, not a bot.", "contact_human_agent", "CONTACT"),
    ],
)
def test_a_clear_ticket_gets_its_intent(classifier: Classifier, text: str, intent: str, category: str) -> None:
    (prediction,) = classifier.predict([text])
    assert (prediction.predicted_label, prediction.category) == (intent, category)
    assert not prediction.out_of_scope
    assert prediction.prediction_confidence > 0.8
    assert prediction.top_labels[0].label == intent
    assert [score.confidence for score in prediction.top_labels] == sorted(
        (score.confidence for score in prediction.top_labels), reverse=True
    )


def test_what_is_no_business_of_ours_is_out_of_scope(classifier: Classifier) -> None:
    for text in ("What is the capital of Mongolia?", "Write me a Python function that sorts a list.", "hi", "?"):
        (prediction,) = classifier.predict([text])
        assert prediction.out_of_scope, text
        assert prediction.out_of_scope_score > prediction.out_of_scope_threshold


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \n", id="blank"),
        pytest.param("a", id="one letter"),
        pytest.param("\x00\x01", id="control"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("😡😡😡", id="emoji"),
        pytest.param("x" * 100_000, id="endless word"),
        pytest.param("\n" * 100_000, id="lines"),
        pytest.param("注文した寝袋をキャンセル", id="japanese"),
        pytest.param("مرحبا", id="arabic"),
        pytest.param("<p></p>", id="tags"),
    ],
)
def test_any_text_has_a_prediction_that_a_machine_would_not_act_on(classifier: Classifier, text: str) -> None:
    (prediction,) = classifier.predict([text])
    assert prediction.out_of_scope or prediction.prediction_confidence < prediction.confidence_threshold


def test_a_batch_gives_what_single_texts_give_in_their_order(classifier: Classifier) -> None:
    texts = [f"Please cancel order {number}" for number in range(3)] + ["", "Where is my invoice?"]
    assert classifier.predict(texts) == [classifier.predict([text])[0] for text in texts]
    assert classifier.predict([]) == []


def test_threads_may_share_it(classifier: Classifier) -> None:
    texts = [f"I want my money back for order {number}, it came {'late ' * (number % 40)}" for number in range(80)]
    expected = [classifier.predict([text])[0] for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: classifier.predict([text])[0], texts)) == expected


def test_it_serves_without_tensorflow_torch_and_what_draws() -> None:
    script = (
        "import sys\n"
        "from helpdesk.settings import ModelSettings\n"
        "from models.classifier import load_classifier\n"
        "load_classifier(ModelSettings()).predict(['Where is my order?'])\n"
        "heavy = {'tensorflow', 'keras', 'torch', 'transformers', 'sklearn', 'scipy', 'matplotlib', 'PIL'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=PROJECT_DIR)


def test_the_shipped_artifact_is_good_small_and_made_from_the_data_beside_it() -> None:
    artifact = load_artifact(ModelSettings().artifacts_dir)
    data = PROJECT_DIR / "data" / "training_tickets.jsonl"
    metrics = evaluate(artifact, data, encoder_dir=ModelSettings().encoder_dir).metrics
    assert metrics == pytest.approx(artifact.manifest.metrics, abs=0.002)  # other processors round otherwise
    assert metrics["accuracy"] > 0.85
    assert metrics["ece"] < 0.06
    assert metrics["automated_precision"] > 0.95
    assert sum(path.stat().st_size for path in artifact.directory.iterdir()) <= 10_000_000
