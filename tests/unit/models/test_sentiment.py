"""Sentiment counts only where VADER applies; where it does not, it abstains. Where it errs all the same, it is told."""

import sys
import time

import pytest

from helpdesk.policy.rules import load_policy
from helpdesk.settings import ProcessorSettings
from models.preprocess import readable
from models.prose import prose
from models.sentiment import Sentiment, SentimentReader

TRACE = """Traceback (most recent call last):
  File "app.py", line 12, in <module>
    main()
ValueError: fatal: bad payment, killed"""
JAVA = """java.lang.NullPointerException: fatal, order is dead
\tat com.shop.checkout.CheckoutService.pay(CheckoutService.java:112)
Caused by: java.io.IOException: failure, abort
\t... 23 more"""
LOG = """2026-11-21 10:02:11 ERROR [main] com.shop.Checkout - payment failed, aborting
2026-11-21 10:02:12 FATAL [main] com.shop.Checkout - killed, dead, crash"""
JSON = """{"status": "failed", "error": "fatal", "reason": "card rejected", "hate": true}"""
CODE = """def refund(order):
    if order.is_bad():
        raise Error("hate")
    return kill(order)"""
SQL = "SELECT * FROM orders WHERE status = 'failed' AND reason = 'awful fraud' ORDER BY id;"
STYLE = ".error { color: red; display: none } .fatal { margin: 0 }"


@pytest.fixture(scope="module")
def reader() -> SentimentReader:
    return SentimentReader()


def test_an_upset_customer_is_negative_and_a_happy_one_positive(reader: SentimentReader) -> None:
    upset = reader.read("This is disgusting service, I am furious and I hate your shop!")
    happy = reader.read("Thank you so much, the lamp is wonderful and I love it.")
    assert upset.valid
    assert upset.score < -0.7
    assert happy.valid
    assert happy.score > 0.7
    assert upset.language == happy.language == "en"


def abstains(sentiment: Sentiment) -> bool:
    return (sentiment.score, sentiment.valid) == (0.0, False)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Das ist eine Katastrophe, ich bin sehr wütend auf diesen Laden", "de"),
        ("Je suis furieux, ce service est une catastrophe", "fr"),
        ("Esto es una vergüenza, estoy muy enfadado con ustedes", "es"),
        ("È una vergogna, sono furioso con voi", "it"),
        ("Isto é uma vergonha, estou furioso", "pt"),
        ("Dit is een schande, ik ben woedend op jullie winkel", "nl"),
        ("To jest skandal, jestem wściekły", "pl"),
        ("Det här är en skandal, jag är rasande", "sv"),
        ("Bu bir rezalet, çok kızgınım", "tr"),
        ("Это позор, я в ярости", "ru"),
        ("هذا عار وأنا غاضب جدا", "ar"),
        ("यह बहुत खराब सेवा है", "hi"),
        ("이건 정말 최악이에요 환불해 주세요", "ko"),
        ("这太糟糕了，我非常生气，请退款", "zh"),
        ("注文した寝袋をキャンセルしたいのですが、まだ間に合いますか", "ja"),
        ("Ich bin sehr wütend. This is a disgrace.", "de"),
    ],
)
def test_other_languages_are_named_and_have_no_sentiment(reader: SentimentReader, text: str, language: str) -> None:
    sentiment = reader.read(text)
    assert abstains(sentiment)
    assert sentiment.language == language


@pytest.mark.parametrize("text", ["", "?", "hi", "😡😡😡", "12345 67890", "\n", "ok :(", "€34.90!!!", "a\u0301b\u0301"])
def test_where_there_is_nothing_to_read_it_abstains(reader: SentimentReader, text: str) -> None:
    sentiment = reader.read(text)
    assert abstains(sentiment)
    assert sentiment.language == ""


@pytest.mark.parametrize(
    "text",
    [
        "refund pls",
        "WTF!!!!!!!!!!! 3 weeks!!!!!!!!!",
        "plz giv me bak my mony u suk",
        "mera paisa wapas karo yaar bahut bura service hai",
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=" * 10,
        "asdf qwer zxcv uiop hjkl",
    ],
)
def test_where_the_language_cannot_be_told_it_abstains(reader: SentimentReader, text: str) -> None:
    assert abstains(reader.read(text))


@pytest.mark.parametrize("text", [TRACE, JAVA, LOG, JSON, CODE, SQL, STYLE])
def test_logs_and_code_have_no_sentiment_however_fatal_they_are(reader: SentimentReader, text: str) -> None:
    assert abstains(reader.read(text))


@pytest.mark.parametrize("dump", [TRACE, JAVA, LOG, JSON, CODE])
def test_of_a_message_with_a_dump_only_what_the_customer_wrote_counts(reader: SentimentReader, dump: str) -> None:
    for words in ("Thank you so much for the quick help! Here is what you asked for:", "I am furious and I hate this."):
        assert reader.read(f"{words}\n\n{dump}\n") == reader.read(words)


@pytest.mark.parametrize(
    "line",
    [
        "Where is order TB-20418835? I paid €34.90 on 02.11.2026!!! Terrible.",
        "I hate PayPal, it never works ;) <3 :-( >:(",
        'He said "this is awful" and "never again" (twice).',
        "1) refund #4711",
        "Error on invoice 2099/3608",
        "My order {{Order Number}} is late and I am angry",
        "At 10:30 nobody was there, see https://shop.example/a?b=1",
        "The field order_id on your page is empty and I cannot go on.",
        "It's 10-12 days late - and/or lost...",
    ],
)
def test_what_people_write_is_prose(line: str) -> None:
    assert prose(line) == line


def test_telling_prose_from_code_takes_no_time() -> None:
    began = time.thread_time()
    for unit in ("a.", '"', "a=", " ", "<a", "1:", "a_", "$.", "at a", "\n", "{", "\\"):
        prose(unit * (32_768 // len(unit)))
    assert time.thread_time() - began < 2.0


def test_what_is_quoted_or_signed_is_not_the_customers_tone(reader: SentimentReader) -> None:
    quoted = (
        "Thanks, all is well now.\n\nOn Mon, 2 Nov 2026 at 10:00, Shop <a@b.example> wrote:\n"
        "> I hate this awful shop\n> It is disgusting\n"
    )
    assert reader.read(readable(quoted)) == reader.read("Thanks, all is well now.")
    hidden = "<p>Thanks, all is well now.</p><p style='display:none'>I hate this awful shop</p>"
    assert reader.read(readable(hidden)).score > 0


def test_negation_turns_the_tone(reader: SentimentReader) -> None:
    assert reader.read("This is good, I like it.").score > 0.3
    assert reader.read("This is not good at all, I do not like it.").score < -0.3
    assert reader.read("It is not bad, I do not hate it.").score > 0.3


def test_emoji_beside_words_say_nothing(reader: SentimentReader) -> None:
    """nltk's lexicon has none: an angry face is missed, and a happy one hides no anger."""
    for face in ("😡😡😡", "😍😍😍"):
        assert reader.read(f"My order arrived today {face}") == reader.read("My order arrived today")
        assert reader.read(f"I hate this awful shop {face}") == reader.read("I hate this awful shop")


@pytest.mark.parametrize(
    "text",
    [
        "Great, just great. Thank you for losing my parcel, wonderful job.",
        "Oh brilliant, another week without my order. Love it.",
    ],
)
def test_sarcasm_passes_for_praise(reader: SentimentReader, text: str) -> None:
    """Known to be wrong. Nothing rests on it: praise lowers no priority, see ``helpdesk.policy.decide``."""
    sentiment = reader.read(text)
    assert sentiment.valid
    assert sentiment.score > 0


def test_a_harmless_word_with_a_bad_second_meaning_passes_for_anger(reader: SentimentReader) -> None:
    """Known to be wrong. It costs an automatic answer: a person reads the ticket."""
    assert reader.read("How do I kill the newsletter?").score <= load_policy(ProcessorSettings().policy_file).upset_at


def test_the_tone_of_a_long_text_is_that_of_its_beginning(reader: SentimentReader) -> None:
    assert reader.read("I hate this awful shop. " * 5_000).score < -0.9


def test_loading_it_leaves_other_packages_importable(reader: SentimentReader) -> None:
    assert sys.modules.get("sklearn", "absent") is not None
    assert sys.modules.get("scipy", "absent") is not None
