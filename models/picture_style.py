"""How pictures look, and how a matplotlib figure becomes a PNG: the same bytes for the same data and libraries."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

INK, MUTED, PALE = "#202124", "#5f6368", "#c8ccd1"
COLOURS = ("#0072b2", "#d55e00")
"""Of the first and the second model, from the palette of Okabe and Ito 2008, which everybody can tell apart."""

_DPI = 160
_CSS_DPI = 96
_PALETTE = 96
_STYLE = {
    "axes.edgecolor": PALE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": MUTED,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 9,
    "grid.color": "#e8eaed",
    "grid.linewidth": 0.8,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in an intent's name is one
    "xtick.color": PALE,
    "xtick.labelcolor": MUTED,
    "ytick.color": PALE,
    "ytick.labelcolor": MUTED,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture.

    Attributes:
        description: what it shows, in words and numbers, for those who cannot see it.
        width_px: how wide it is meant to be shown; it holds more dots than that, for sharp screens.
    """

    png: bytes
    description: str
    width_px: int


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in this style, whatever the machine's own matplotlib settings are."""
    with matplotlib.style.context(_STYLE, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # names in any script; tables have them
        yield


def new_figure(title: str, *, width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches, its title at the upper left."""
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=(width, height), dpi=_DPI, layout=layout)
    figure.suptitle(title, x=0.012, ha="left", fontsize=12.5, fontweight="bold")
    return figure


def percent_axis(axis: Axes, *, x: bool = False, y: bool = False) -> None:
    """Show shares of one as per cent."""
    for wanted, one in ((x, axis.xaxis), (y, axis.yaxis)):
        if wanted:
            one.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")


def finished(figure: Figure, description: str) -> Picture:
    """Return a figure as a picture: few colours and no metadata, so that it is small and always the same."""
    drawn, stored = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    image = Image.open(drawn).convert("RGB")
    image.quantize(_PALETTE, dither=Image.Dither.NONE).save(stored, "PNG", optimize=True)
    return Picture(stored.getvalue(), description, round(figure.get_figwidth() * _CSS_DPI))
