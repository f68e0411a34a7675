"""What models cost: a dated table, and the cost of a call by the tokens that it used."""

from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from helpdesk.errors import InvalidSetting

_TABLE = "writer_prices.yaml"
_SETTING = "HELPDESK_WRITER__PRICES_FILE"
_MILLION = 1_000_000


class Price(BaseModel):
    """What a model costs, in US dollars per million tokens, at a date; cached tokens by default as much as others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_read: float | None = Field(default=None, ge=0)
    cache_write: float | None = Field(default=None, ge=0)
    as_of: date
    source: str

    def cost_usd(self, usage: Mapping[str, int]) -> float:
        """Return what a call cost; ``input_tokens`` are those that no cache held."""
        per_token = {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_input_tokens": self.input if self.cache_read is None else self.cache_read,
            "cache_creation_input_tokens": self.input if self.cache_write is None else self.cache_write,
        }
        return sum(usage.get(name, 0) * price for name, price in per_token.items()) / _MILLION


_ROWS = TypeAdapter(dict[str, Price])


def load_prices(file: Path | None) -> Mapping[str, Price]:
    """Return the price of every known model; rows of ``file`` win.

    Raises:
        InvalidSetting: the file cannot be read, or a row does not fit.
    """
    prices = _ROWS.validate_python(yaml.safe_load(resources.files(__package__).joinpath(_TABLE).read_text("utf-8")))
    if file is None:
        return prices
    try:
        return prices | _ROWS.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise InvalidSetting(f"cannot be read: {error}", field=_SETTING, remedy="see writer_prices.yaml") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidSetting(f"{where}: {first['msg']}", field=_SETTING, remedy="see writer_prices.yaml") from None
