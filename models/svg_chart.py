"""Small charts as SVG: axes with labels, lines, dots and bars; a title and a description for those who cannot see."""

import math
from collections.abc import Sequence
from html import escape

Point = tuple[float, float]

COLOURS = ("#0b57d0", "#b3470b")
"""Of the first and the second series; they differ in brightness and dash too."""
_DASHES = ("", "6 4")
_INK, _GRID = "#3c4043", "#dadce0"
_WIDTH, _HEIGHT = 520, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 20, 44, 56
_BAR, _BAR_GAP, _LABELS_WIDTH, _BARS_WIDTH = 13, 10, 330, 300


class Chart:
    """A chart with two axes of shares, shown in per cent.

    Args:
        description: what the picture shows, in words and numbers.
        y_range: lowest and highest value; the x axis goes from 0 to 1.
    """

    def __init__(
        self, title: str, description: str, *, x_label: str, y_label: str, y_range: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        self._title, self._description, self._y_range = title, description, y_range
        self._parts: list[str] = []
        self._names: list[str] = []
        self._draw_axes(x_label, y_label)

    def guide(self, start: Point, end: Point, label: str) -> None:
        """Add a dotted line to compare with, explained beside the title, where no curve crosses the words."""
        (x1, y1), (x2, y2) = self._place(start), self._place(end)
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_INK}" stroke-dasharray="2 3"/>'
            f'<text x="{_WIDTH - _RIGHT}" y="18" text-anchor="end" font-size="11" fill="{_INK}">{escape(label)}</text>'
        )

    def series(
        self, name: str, points: Sequence[Point], *, areas: Sequence[float] = (), ranges: Sequence[Point] = ()
    ) -> None:
        """Add a line through the points; with areas (0 to 1) and ranges, a dot of this area and a whisker at each."""
        number = len(self._names)
        self._names.append(name)
        colour, dash = COLOURS[number % 2], _DASHES[number % 2]
        placed = [self._place(point) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{1 if areas else 2}" '
            f'stroke-dasharray="{dash}"/>'
        )
        for (x, _), (low, high) in zip(points, ranges, strict=False):
            (x1, y1), (_, y2) = self._place((x, low)), self._place((x, high))
            self._parts.append(f'<path d="M{x1:.1f} {y1:.1f} V{y2:.1f}" stroke="{colour}" stroke-opacity="0.45"/>')
        for (x, y), area in zip(placed, areas, strict=False):
            radius = 2.5 + 11 * math.sqrt(area)
            self._parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.35" '
                f'stroke="{colour}"/>'
            )

    def svg(self) -> str:
        """Return the picture."""
        return _document(
            _WIDTH, _HEIGHT, self._title, self._description, [*self._parts, *_legend(self._names, _LEFT, 34)]
        )

    def _place(self, point: Point) -> Point:
        low, high = self._y_range
        x = _LEFT + point[0] * (_WIDTH - _LEFT - _RIGHT)
        share = (min(max(point[1], low), high) - low) / (high - low)
        return x, _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def _draw_axes(self, x_label: str, y_label: str) -> None:
        low, high = self._y_range
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for step in range(6):
            x, value = self._place((step / 5, low))[0], low + (high - low) * step / 5
            y = self._place((0, value))[1]
            self._parts += [
                f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{_GRID}"/>',
                f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" font-size="12" fill="{_INK}">'
                f"{_percent(value)}</text>",
                f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" font-size="12" fill="{_INK}">'
                f"{_percent(step / 5)}</text>",
            ]
        middle = (_TOP + bottom) / 2
        self._parts += [
            f'<path d="M{_LEFT} {_TOP} V{bottom} H{right}" fill="none" stroke="{_INK}"/>',
            f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 14}" text-anchor="middle" font-size="13" fill="{_INK}">'
            f"{escape(x_label)}</text>",
            f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle" font-size="13" fill="{_INK}">'
            f"{escape(y_label)}</text>",
        ]


def bar_chart(title: str, description: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Return horizontal bars: a label per row, and a bar with its count for each name."""
    height_of_row = _BAR * max(1, len(names)) + _BAR_GAP
    highest = max((count for _, counts in rows for count in counts), default=1) or 1
    parts = []
    for place, (label, counts) in enumerate(rows):
        top = _TOP + place * height_of_row
        parts.append(
            f'<text x="{_LABELS_WIDTH - 8}" y="{top + len(counts) * _BAR / 2 + 4:.1f}" text-anchor="end" '
            f'font-size="12" fill="{_INK}">{escape(label)}</text>'
        )
        for number, count in enumerate(counts):
            y, width, colour = top + number * _BAR, _BARS_WIDTH * count / highest, COLOURS[number % 2]
            parts.append(
                f'<rect x="{_LABELS_WIDTH}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>'
                f'<text x="{_LABELS_WIDTH + width + 5:.1f}" y="{y + _BAR - 3}" font-size="11" fill="{_INK}">'
                f"{count}</text>"
            )
    width, height = _LABELS_WIDTH + _BARS_WIDTH + 40, _TOP + len(rows) * height_of_row + 12
    return _document(width, height, title, description, [*parts, *_legend(names, 16, 34)])


def _legend(names: Sequence[str], x: float, y: float) -> list[str]:
    parts = []
    for number, name in enumerate(names if len(names) > 1 else ()):
        parts.append(
            f'<line x1="{x:.0f}" y1="{y - 4}" x2="{x + 22:.0f}" y2="{y - 4}" stroke="{COLOURS[number % 2]}" '
            f'stroke-width="3" stroke-dasharray="{_DASHES[number % 2]}"/>'
            f'<text x="{x + 28:.0f}" y="{y}" font-size="11" fill="{_INK}">{escape(name)}</text>'
        )
        x += 48 + 6.2 * len(name)
    return parts


def _document(width: float, height: float, title: str, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        f'<text x="16" y="18" font-size="14" font-weight="600" fill="{_INK}">{escape(title)}</text>'
        f"{''.join(parts)}</svg>\n"
    )


def _percent(value: float) -> str:
    return f"{value * 100:.3g} %"
