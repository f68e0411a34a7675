"""An MLflow server: what a training did is logged there, artifact included, and an artifact comes back from there.

The client is optional and is imported only here, and only when a server is opened.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from helpdesk.errors import HelpdeskError, ModelUnavailable, TrackingUnavailable
from helpdesk.settings import Settings
from models.artifact import FAMILY, MANIFEST, Artifact, read_manifest, sha256
from models.deadline import within
from models.run_record import measurements, parameters

VERSION_TAG, CHECKSUM_TAG, SIGNATURE_TAG = "helpdesk.version", "helpdesk.checksum", "helpdesk.feature_signature"
MAX_MANIFEST_BYTES = 1 << 20
MAX_ARTIFACT_BYTES = 256 << 20
"""Ten times what fine-tuning writes. A server that sends more is stopped there."""
_CHUNK_BYTES = 1 << 16
_MAX_QUOTED = 400
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_VERSION = re.compile(r"\w[\w.-]{0,99}")
_BATCH = 100
_INSTALL = "pip install -c constraints.txt -e '.[mlflow]'"
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""MLflow's client, unless told otherwise: it reports nothing to its makers, and gives a dead server up soon."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModel:
    """A finished run that holds an artifact.

    Attributes:
        checksum: the artifact's, as it was when it was logged.
        page: the run's address in MLflow's pages.
        files_uri: where the server keeps the run's files.
    """

    run_id: str
    page: str
    version: str
    checksum: str
    files_uri: str


class TrackingServer:
    """An MLflow server, for one command. Every call ends in time, whatever the server does.

    Names and passwords are MLflow's own business: ``MLFLOW_TRACKING_USERNAME``, ``MLFLOW_TRACKING_PASSWORD``,
    ``MLFLOW_TRACKING_TOKEN``.

    Raises:
        TrackingUnavailable: by every method, and here where no server is named, its URL cannot be used, or the client
            is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        url = settings.mlflow_tracking_uri.get_secret_value() if settings.mlflow_tracking_uri else ""
        self._url, self._where = _checked(url)
        self._experiment, self._timeout_s = settings.tracking.experiment, settings.tracking.timeout_s
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # our one line says it, once
        try:
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=self._url, registry_uri=self._url)
        except ImportError as error:
            raise TrackingUnavailable(f"MLflow's client is not installed; {_INSTALL} installs it.") from error
        except Exception as error:  # a broken installation must not end a training either
            raise TrackingUnavailable(f"MLflow's client cannot be used: {_quoted(str(error))}") from error

    def check(self) -> None:
        """Ask for something small, which takes valid credentials."""
        self._in_time(lambda: self._client.search_experiments(max_results=1))

    def close(self) -> None:
        """Do nothing: connections are the client's own."""

    def log(self, artifact: Artifact, *, user: str) -> LoggedModel:
        """Log parameters, metrics, tags and every file of an artifact, unless a finished run holds it already."""
        return self._in_time(lambda: self._log(artifact, user))

    def find(self, name: str) -> LoggedModel:
        """Return the run of this id, or the one that holds this version.

        Raises:
            ModelUnavailable: there is none, it is not finished or not ours, or several differ under one version.
        """
        return self._in_time(lambda: self._run(name) if _RUN_ID.fullmatch(name) else self._version(name))

    def fetch(self, logged: LoggedModel) -> dict[str, bytes]:
        """Return the files of an artifact by name, the manifest's among them: those that it names and no others.

        Raises:
            ModelUnavailable: one is missing or too large, or the manifest is not the one that was logged.
        """
        return self._in_time(lambda: self._fetch(logged))

    def _log(self, artifact: Artifact, user: str) -> LoggedModel:
        from mlflow.entities import Metric, Param

        manifest = artifact.manifest
        experiment = self._client.get_experiment_by_name(self._experiment)
        experiment_id = experiment.experiment_id if experiment else self._client.create_experiment(self._experiment)
        for run in self._finished(experiment_id, CHECKSUM_TAG, artifact.checksum):
            return self._logged(run)
        at_ms = round(manifest.trained_at.timestamp() * 1000)
        tags = {
            VERSION_TAG: manifest.version,
            CHECKSUM_TAG: artifact.checksum,
            SIGNATURE_TAG: manifest.feature_signature,
            "mlflow.user": user,
        }
        run = self._client.create_run(experiment_id, start_time=at_ms, tags=tags, run_name=manifest.version)
        run_id = run.info.run_id
        try:
            self._must_keep_files(run.info.artifact_uri)
            params = [Param(name, value) for name, value in parameters(manifest).items()]
            metrics = [Metric(name, value, at_ms, step) for name, step, value in measurements(manifest)]
            for start in range(0, max(len(params), len(metrics)), _BATCH):
                batch = slice(start, start + _BATCH)
                self._client.log_batch(run_id, metrics=metrics[batch], params=params[batch])
            # The manifest comes last: without it, what was cut off on the way is no artifact.
            for name in (*manifest.files, MANIFEST):
                self._client.log_artifact(run_id, str(artifact.file(name)), FAMILY)
            self._client.set_terminated(run_id, "FINISHED")
        except Exception:
            with suppress(Exception):  # what went wrong first is what is told
                self._client.set_terminated(run_id, "FAILED")
            raise
        return self._model(run)

    def _run(self, run_id: str) -> LoggedModel:
        return self._logged(self._client.get_run(run_id))

    def _version(self, version: str) -> LoggedModel:
        experiment = self._client.get_experiment_by_name(self._experiment)
        found = []
        if experiment is not None and _VERSION.fullmatch(version):
            found = [self._logged(run) for run in self._finished(experiment.experiment_id, VERSION_TAG, version)]
        if not found:
            raise ModelUnavailable(
                f"No finished run of the experiment {self._experiment!r} at {self._where} holds the model {version}."
            )
        if len({logged.checksum for logged in found}) > 1:
            runs = ", ".join(logged.run_id for logged in found)
            raise ModelUnavailable(f"Several runs hold different models {version}; name one of them: {runs}.")
        return found[0]

    def _finished(self, experiment_id: str, tag: str, value: str) -> list[Any]:
        found: list[Any] = self._client.search_runs(
            [experiment_id], f"tags.`{tag}` = '{value}' and attributes.status = 'FINISHED'", max_results=20
        )
        return found

    def _logged(self, run: Any) -> LoggedModel:
        logged = self._model(run)
        if not logged.version or not logged.checksum:
            raise ModelUnavailable(
                f"The run {logged.run_id} was not logged by Helpdesk: it names no version and checksum."
            )
        if run.info.status != "FINISHED":
            raise ModelUnavailable(
                f"The run {logged.run_id} is {run.info.status}, not FINISHED: its artifact may be incomplete."
            )
        self._must_keep_files(logged.files_uri)
        return logged

    def _model(self, run: Any) -> LoggedModel:
        info, tags = run.info, run.data.tags
        return LoggedModel(
            run_id=info.run_id,
            page=f"{self._url.rstrip('/')}/#/experiments/{info.experiment_id}/runs/{info.run_id}",
            version=tags.get(VERSION_TAG, ""),
            checksum=tags.get(CHECKSUM_TAG, ""),
            files_uri=info.artifact_uri,
        )

    def _fetch(self, logged: LoggedModel) -> dict[str, bytes]:
        content = self._file(logged, MANIFEST, MAX_MANIFEST_BYTES)
        source = f"the MLflow run {logged.run_id}"
        if sha256(content) != logged.checksum:
            raise ModelUnavailable(f"The manifest in {source} is not the one that was logged: its checksum differs.")
        manifest = read_manifest(content, source=source)
        if manifest.version != logged.version:
            raise ModelUnavailable(f"The run {logged.run_id} says {logged.version!r} and holds {manifest.version!r}.")
        files = {MANIFEST: content}
        left = MAX_ARTIFACT_BYTES
        for name in manifest.files:
            files[name] = self._file(logged, name, left)
            left -= len(files[name])
        return files

    def _file(self, logged: LoggedModel, name: str, limit_bytes: int) -> bytes:
        """Download one file. MLflow's own download takes whatever names and sizes the server sends."""
        from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        root = MlflowArtifactsRepository.resolve_uri(logged.files_uri, self._url)
        with http_request(get_default_host_creds(root), f"/{FAMILY}/{name}", "GET", stream=True) as response:
            if response.status_code == 404:
                raise ModelUnavailable(f"The MLflow run {logged.run_id} lacks the file {name} of the model.")
            response.raise_for_status()
            content = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                content += chunk
                if len(content) > limit_bytes:
                    raise ModelUnavailable(
                        f"The file {name} of the MLflow run {logged.run_id} is too large (over {limit_bytes} bytes)."
                    )
        return bytes(content)

    def _must_keep_files(self, files_uri: str) -> None:
        """Refuse a server that wants files read or written elsewhere: in a folder of this machine, at another host."""
        place = urlsplit(files_uri)
        if place.scheme != "mlflow-artifacts" or place.netloc:
            raise TrackingUnavailable(
                f"The MLflow server at {self._where} does not keep files itself, but names {_quoted(files_uri)}; "
                "start it with --artifacts-destination, and use a new experiment."
            )

    def _in_time(self, work: Callable[[], _T]) -> _T:
        def translated() -> _T:
            with self._translated():
                return work()

        try:
            return within(self._timeout_s, translated)
        except TimeoutError:
            raise TrackingUnavailable(
                f"The MLflow server at {self._where} was not done after {self._timeout_s:g} s "
                "(HELPDESK_TRACKING__TIMEOUT_S)."
            ) from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except HelpdeskError:
            raise
        except Exception as error:  # a strange server can make the client raise anything
            raise TrackingUnavailable(f"The MLflow server at {self._where} {_problem(error)}") from error


def _checked(url: str) -> tuple[str, str]:
    """Return a server's URL, and what of it may be shown."""
    if not url:
        raise TrackingUnavailable("No MLflow server is named; set MLFLOW_TRACKING_URI, as in http://127.0.0.1:5000.")
    try:
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        raise TrackingUnavailable("MLFLOW_TRACKING_URI is no URL; set it as in http://127.0.0.1:5000.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TrackingUnavailable("MLFLOW_TRACKING_URI names no server; set it as in http://127.0.0.1:5000.")
    if parts.username is not None or parts.password is not None:
        raise TrackingUnavailable(
            "MLFLOW_TRACKING_URI holds a user or a password, which errors would show; "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead."
        )
    return url, shown


def _problem(error: Exception) -> str:
    """Return what a server did, for whoever can mend it."""
    from mlflow.exceptions import MlflowException
    from requests import exceptions

    response, cause = getattr(error, "response", None), error.__context__
    status = error.get_http_status_code() if isinstance(error, MlflowException) else getattr(response, "status_code", 0)
    if status in (401, 403):
        return (
            "refuses these credentials; check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "or MLFLOW_TRACKING_TOKEN."
        )
    if isinstance(cause, exceptions.ConnectionError) and not isinstance(cause, exceptions.SSLError):
        return "cannot be reached; check the address, and whether it runs."
    return f"failed: {_quoted(str(error))}"


def _quoted(text: str) -> str:
    """Return what a server said, as far as it is fit to be shown in one line."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return line if len(line) <= _MAX_QUOTED else f"{line[:_MAX_QUOTED]} …"
