"""Private RabbitMQ and PostgreSQL servers for tests: own data, free loopback ports, gone when this process is.

Nothing here touches a server, a cluster or a data directory that it did not make itself.
"""

import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import psycopg

START_LIMIT_S = 60.0


class ServerMissing(Exception):
    """The server is not installed and could not be installed; the message says what to do."""


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Server:
    """A server process that is this process's child, in a directory of its own."""

    name = ""

    def __init__(self, directory: Path, *, command: list[str], environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.log = directory / "server.log"
        self._command, self._environment = command, dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False
        self._pid_file = directory / "server.pid"
        self._watcher = _watch(directory, self._pids_to_end())

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start, and return once clients are served."""
        limit = time.monotonic() + START_LIMIT_S
        while True:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    cwd=self.directory,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._pid_file.write_text(str(self._process.pid))
            while self._process.poll() is None:
                if self._is_ready():
                    return self
                if time.monotonic() > limit:
                    self.kill()
                    break
                time.sleep(0.05)
            # A predecessor that was killed may leave children that hold the port or the memory a moment longer.
            if time.monotonic() > limit - START_LIMIT_S + 10:
                raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.3)

    def stop(self) -> None:
        """Stop as an operator would, and wait for the end."""
        self._end(self._stop_signal)

    def kill(self) -> None:
        """Stop as ``kill -9`` does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop answering without closing anything, until ``thaw``."""
        self._frozen = True
        self._signal_tree(signal.SIGSTOP)

    def thaw(self) -> None:
        self._frozen = False
        self._signal_tree(signal.SIGCONT)

    def ensure_running(self) -> None:
        """Bring the server back to its normal state, whatever a test did to it."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        elif self._frozen:
            self.thaw()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self.stop()
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()
        self._watcher.wait()

    _stop_signal = signal.SIGTERM

    def _pids_to_end(self) -> list[Path]:
        return [self._pid_file]

    def _is_ready(self) -> bool:
        raise NotImplementedError

    def _signal_tree(self, number: signal.Signals) -> None:
        for pid in _tree(self.pid):
            with contextlib.suppress(ProcessLookupError):  # a child may end while its siblings are listed
                os.kill(pid, number)

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        os.kill(self.pid, with_signal)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pid_file.unlink(missing_ok=True)


class RabbitMqServer(Server):
    """A RabbitMQ node of its own, with its own epmd; ``ctl`` is its rabbitmqctl."""

    name = "RabbitMQ"
    _scripts = Path("/usr/lib/rabbitmq/bin")

    def __init__(self) -> None:
        scripts = self._find()
        directory = Path(tempfile.mkdtemp(prefix="helpdesk-rabbitmq-"))
        self.port, password = free_port(), secrets.token_urlsafe(12)
        self.url = f"amqp://helpdesk:{password}@127.0.0.1:{self.port}/%2F"
        (directory / "rabbitmq.conf").write_text(f"default_user = helpdesk\ndefault_pass = {password}\n")
        (directory / "plugins").write_text("[].")
        (directory / "rabbitmq-env.conf").touch()
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_NODENAME": f"helpdesk{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "node.pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "rabbitmq-env.conf"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback,
            "RUNNING_UNDER_SYSTEMD": "true",  # makes the script become the node, so that our child is the node
        }
        self._epmd_pid_file = directory / "epmd.pid"
        self._ctl_script = str(scripts / "rabbitmqctl")
        super().__init__(directory, command=[str(scripts / "rabbitmq-server")], environment=environment)
        self._start_epmd()

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node and return what it printed."""
        done = subprocess.run(
            [self._ctl_script, "--quiet", *arguments], env=self._environment, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        super().close()
        self._epmd.wait()

    def _start_epmd(self) -> None:
        """Run the port mapper as our child: a node would otherwise leave one behind as a daemon."""
        epmd = shutil.which("epmd")
        if epmd is None:
            raise ServerMissing("epmd, a part of Erlang, is not on PATH")
        self._epmd = subprocess.Popen([epmd], env=self._environment, stdin=subprocess.DEVNULL)
        self._epmd_pid_file.write_text(str(self._epmd.pid))

    def _pids_to_end(self) -> list[Path]:
        return [self._pid_file, self._epmd_pid_file]

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return client.recv(1) == b"\x01"
        except OSError:
            return False

    @classmethod
    def _find(cls) -> Path:
        if not (cls._scripts / "rabbitmq-server").exists():
            install_package("rabbitmq-server")
        if not (cls._scripts / "rabbitmq-server").exists():
            raise ServerMissing(f"no rabbitmq-server in {cls._scripts}: install it, or set RABBITMQ_URL")
        return cls._scripts


class PostgreSqlServer(Server):
    """A PostgreSQL cluster of its own; as root it runs under an unprivileged user, because it must."""

    name = "PostgreSQL"
    _stop_signal = signal.SIGINT  # "fast": ends sessions instead of waiting for them

    def __init__(self) -> None:
        binaries = self._find()
        directory = Path(tempfile.mkdtemp(prefix="helpdesk-postgresql-"))
        self.port, password = free_port(), secrets.token_urlsafe(12)
        self.url = f"postgresql://helpdesk:{password}@127.0.0.1:{self.port}/helpdesk"
        self._admin_url = f"postgresql://helpdesk:{password}@127.0.0.1:{self.port}/postgres"
        (directory / "password").write_text(password)
        run_as = _unprivileged(directory)
        data = str(directory / "data")
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        initdb = [str(binaries / "initdb"), "-D", data, "-U", "helpdesk", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        initdb += ["--auth=scram-sha-256", f"--pwfile={directory / 'password'}"]
        subprocess.run([*run_as, *initdb], env=environment, cwd=directory, check=True, capture_output=True)
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        command = [*run_as, str(binaries / "postgres"), "-D", data]
        for option, value in options.items():
            command += ["-c", f"{option}={value}"]
        super().__init__(directory, command=command, environment=environment)

    def start(self) -> Self:
        super().start()
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'helpdesk'").fetchone():
                connection.execute("CREATE DATABASE helpdesk")
        return self

    def _is_ready(self) -> bool:
        try:
            psycopg.connect(self._admin_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @classmethod
    def _find(cls) -> Path:
        found = next(cls._candidates(), None)
        if found is None:
            install_package("postgresql")
            found = next(cls._candidates(), None)
        if found is None:
            raise ServerMissing(
                "no initdb and postgres on PATH or in /usr/lib/postgresql: install, or set DATABASE_URL"
            )
        return found

    @staticmethod
    def _candidates() -> Iterator[Path]:
        on_path = shutil.which("initdb")
        folders = [Path(on_path).resolve().parent] if on_path else []
        folders += sorted(
            Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True
        )
        return (folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists())


def _unprivileged(directory: Path) -> list[str]:
    """Give ``directory`` to an unprivileged user when we are root; return the command prefix that runs as that user."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    for path in (directory, *directory.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def _tree(pid: int) -> list[int]:
    """Return ``pid`` and its descendants, parents first."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:  # ended while we looked
            continue
    tree = [pid]
    for member in tree:
        tree += [child for child, parent in parents.items() if parent == member]
    return tree


def _watch(directory: Path, pid_files: list[Path]) -> subprocess.Popen[bytes]:
    """Start a process that ends the server and removes its directory when we close its input, or die in any way."""
    kills = "; ".join(f'[ -s "{path}" ] && kill -9 "$(cat "{path}")"' for path in pid_files)
    script = f'trap "" INT TERM HUP; cat >/dev/null; {kills}; sleep 0.2; rm -rf "{directory}"'
    return subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def install_package(package: str) -> None:
    """Install a Debian package without letting it start a system service, where this user may do that."""
    if not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and (not shutil.which("sudo") or subprocess.run([*as_root, "true"], capture_output=True).returncode):
        return
    sys.stderr.write(f"tests: installing {package} with apt-get\n")
    policy = "/usr/sbin/policy-rc.d"  # exit status 101 from it forbids the package to start its service
    script = f"""
        set -e
        export DEBIAN_FRONTEND=noninteractive
        if [ ! -e {policy} ]; then
            trap 'rm -f {policy}' EXIT
            printf '#!/bin/sh\\nexit 101\\n' > {policy} && chmod 755 {policy}
        fi
        apt-get -o DPkg::Lock::Timeout=120 update -q
        apt-get -o DPkg::Lock::Timeout=120 install -q -y --no-install-recommends {package}
    """
    with (Path(tempfile.gettempdir()) / "helpdesk-tests-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suite runs in several processes
        done = subprocess.run([*as_root, "sh", "-c", script], capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(f"tests: apt-get failed: {done.stderr[-500:]}\n")
