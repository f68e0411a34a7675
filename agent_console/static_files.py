"""Style sheet and scripts: held in memory, under names that change with their content, so that browsers keep them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from fastapi import Response

DIRECTORY = Path(__file__).resolve().parent / "static"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


class StaticFiles:
    """The files of one directory that browsers may load."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._files: dict[str, tuple[bytes, str]] = {}
        self._names: dict[str, str] = {}
        for path in sorted(directory.iterdir()):
            if path.suffix in _MEDIA_TYPES:
                content = path.read_bytes()
                name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
                self._files[name] = content, _MEDIA_TYPES[path.suffix]
                self._names[path.name] = name

    def url(self, name: str) -> str:
        """Return where a file is served; a KeyError where there is none."""
        return f"/static/{self._names[name]}"

    @property
    def names(self) -> Mapping[str, str]:
        """Return every file's present name."""
        return self._names

    def response(self, name: str) -> Response | None:
        """Return a file under its present name; None where no file has it."""
        found = self._files.get(name)
        return None if found is None else Response(found[0], media_type=found[1], headers=_FOR_EVER)
