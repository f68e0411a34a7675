"""Prices: the table that ships, one of the user's own, and the cost of a call."""

from pathlib import Path

import pytest

from helpdesk.adapters.writer_prices import load_prices
from helpdesk.errors import InvalidSetting
from helpdesk.settings import WriterSettings


def test_the_default_model_has_a_price_with_date_and_source() -> None:
    price = load_prices(None)[WriterSettings().model]
    assert price.as_of.year >= 2026
    assert price.source.startswith("https://")


def test_cached_tokens_have_their_own_price() -> None:
    usage = {
        "input_tokens": 1_000_000,
        "output_tokens": 100_000,
        "cache_read_input_tokens": 2_000_000,
        "other_tokens": 9,
    }
    assert load_prices(None)["claude-haiku-5-5"].cost_usd(usage) == pytest.approx(0.10 + 0.05 + 0.02)


def test_a_file_of_ones_own_adds_and_replaces(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("llama-4-8b: {input: 0, output: 0, as_of: 2026-11-01, source: our own machine}")
    prices = load_prices(file)
    assert prices["llama-4-8b"].cost_usd({"input_tokens": 5}) == 0.0
    assert "claude-haiku-5-5" in prices


@pytest.mark.parametrize("content", ["m: {input: -1, output: 0, as_of: 2026-11-01, source: x}", "m: 7", "a: [", "- x"])
def test_a_file_that_does_not_fit_names_the_setting(tmp_path: Path, content: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(content)
    with pytest.raises(InvalidSetting, match="HELPDESK_WRITER__PRICES_FILE"):
        load_prices(file)
    with pytest.raises(InvalidSetting, match="HELPDESK_WRITER__PRICES_FILE"):
        load_prices(tmp_path / "none.yaml")
