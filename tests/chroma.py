"""A private Chroma server for tests."""

import os
import sysconfig
import tempfile
from pathlib import Path

import httpx

from tests.servers import Server, free_port


class ChromaServer(Server):
    """A Chroma server of its own."""

    name = "Chroma"

    def __init__(self) -> None:
        self.port = free_port()
        directory = Path(tempfile.mkdtemp(prefix="helpdesk-chroma-"))
        program = Path(sysconfig.get_path("scripts")) / "chroma"
        arguments = ["run", "--path", str(directory / "data"), "--host", "127.0.0.1", "--port", str(self.port)]
        super().__init__(
            directory, command=[str(program), *arguments], environment={**os.environ, "HOME": str(directory)}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def forget_everything(self) -> None:
        """Delete every collection."""
        collections = f"{self.url}/api/v2/tenants/default_tenant/databases/default_database/collections"
        for collection in httpx.get(collections).json():
            httpx.delete(f"{collections}/{collection['name']}").raise_for_status()

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/heartbeat", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False
